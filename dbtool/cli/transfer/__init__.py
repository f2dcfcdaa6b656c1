"""What `dbtool import` and `export` do between the command line and the library."""
