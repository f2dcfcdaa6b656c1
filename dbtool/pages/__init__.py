"""The SQLite file format: pages read from live databases, pages written into files."""
