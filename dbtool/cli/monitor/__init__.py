"""What `dbtool monitor` does between the command line and the library."""
