"""What `dbtool restore` does between the command line and the library."""
