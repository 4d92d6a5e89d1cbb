"""Readers of other people's formats, each turning one document into entries of the catalog."""
