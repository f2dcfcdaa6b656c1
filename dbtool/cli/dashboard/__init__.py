"""What `dbtool dashboard` does before and behind its screens."""
