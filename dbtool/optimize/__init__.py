"""Advice that was measured on a copy, applied safely and undone exactly."""
