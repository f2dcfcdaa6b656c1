"""Watching a database from outside: samples, history, alerts, an exporter."""
