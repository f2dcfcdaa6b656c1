"""SQLite through APSW, files that appear whole, clock, progress: what all other packages use."""
