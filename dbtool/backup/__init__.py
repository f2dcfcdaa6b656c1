"""Snapshots of databases in a repository: taken, listed, proven, restored."""
