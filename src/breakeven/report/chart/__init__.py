"""Charts as SVG text. Pure."""
