"""Owned, committed, rented and bought by the request: the cheapest mix for a load, in tiers, over time, under doubt."""
