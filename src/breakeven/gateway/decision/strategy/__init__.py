"""One file for each way to order the targets of a route."""
