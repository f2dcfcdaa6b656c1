"""Changes of the schema that cannot lose rows."""
