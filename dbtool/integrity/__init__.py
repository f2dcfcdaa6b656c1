"""Is the data safe, where did it rot, and what heals it: verify, repair, rules for rows."""
