"""What is served at each path."""
