"""A model server that answers with the timing of a stated deployment."""
