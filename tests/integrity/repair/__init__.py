"""Tests of the ladder of repair."""
