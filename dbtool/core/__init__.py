"""SQLite through APSW, files that appear whole, clock, progress: what every other package rests on."""
