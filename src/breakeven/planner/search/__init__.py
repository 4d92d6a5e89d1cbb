"""Every way to serve a model: the space of candidates, what rules them out, and the search for the cheapest. Pure."""
