"""Own a base, rent the rest: the cheapest split of an hourly load."""
