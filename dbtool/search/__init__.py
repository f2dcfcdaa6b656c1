"""Full text and filters over every table of any database."""
