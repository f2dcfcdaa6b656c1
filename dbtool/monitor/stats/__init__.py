"""What is in a database, how it grows and who writes it: one report, section by section."""
