"""What `dbtool verify` does between the command line and the library."""
