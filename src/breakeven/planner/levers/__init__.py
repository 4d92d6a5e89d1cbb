"""Levers: what routing, caching, fewer bits, shorter contexts and the like are worth, and when they are not."""
