"""Load against a real server, and batch curves of a model."""
