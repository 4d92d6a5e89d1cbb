"""One file for each format a document can be rendered in."""
