"""One module for reading each format, one for writing it."""
