"""The grammar of a study: what may be written in a TCO case, field by field."""
