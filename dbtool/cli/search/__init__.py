"""What `dbtool search` does between the command line and the library."""
