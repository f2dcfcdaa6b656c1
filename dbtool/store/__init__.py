"""Where the objects of a repository lie."""
