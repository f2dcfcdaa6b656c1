"""The dashboard: a database's health at a glance, live, in a terminal."""
