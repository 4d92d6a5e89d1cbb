"""Studies: a declarative case of options and demand, computed into money over time."""
