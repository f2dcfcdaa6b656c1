"""What `dbtool optimize` and `benchmark` do between the command line and the library."""
