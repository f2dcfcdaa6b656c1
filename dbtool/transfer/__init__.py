"""Data in and out: import and export in other formats."""
