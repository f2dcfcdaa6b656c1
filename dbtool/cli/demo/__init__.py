"""The story that `dbtool demo` tells."""
