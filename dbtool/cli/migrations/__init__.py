"""The verbs of `dbtool migrate`, a file for each; `cli.commands.migrate` puts them together."""
