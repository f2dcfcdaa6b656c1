"""What `dbtool repair` does between the command line and the library."""
