"""Pictures of a database: a map, a curve, a page for a browser, complete in themselves."""
