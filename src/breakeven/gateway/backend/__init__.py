"""One file for each wire protocol spoken to a model."""
