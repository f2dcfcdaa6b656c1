"""What `dbtool stats` does between the command line and the library."""
