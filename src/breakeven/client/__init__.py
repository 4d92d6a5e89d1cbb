"""What applications use: sending outcomes and stages from Python."""
