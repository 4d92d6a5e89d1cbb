"""The decision log: entries that chain, what they say, and whether any of them was touched. Pure."""
