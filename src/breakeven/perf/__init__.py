"""How fast a deployment answers. Pure."""
