"""Keys, and what is made with them: sealing, proving, naming by content."""
