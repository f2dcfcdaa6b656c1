"""From readings to rows and lines: pure functions, one module for each subject."""
