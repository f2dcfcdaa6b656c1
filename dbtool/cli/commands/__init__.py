"""One command, one file; imported only when it is run, completed or documented."""
