"""The ladder of repair: a plan, then one rung after another until a proven copy exists."""
