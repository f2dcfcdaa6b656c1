"""What is wrong with migrations before a database sees them."""
