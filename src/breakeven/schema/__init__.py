"""The nouns on the arrows between stages, frozen and versioned. Pure."""
