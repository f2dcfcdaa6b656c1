"""Rows on their way out: read exactly, written in a format that says what it cannot hold."""
