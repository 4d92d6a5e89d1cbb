"""Every use case of the loop, in about ten lines each: the only module that knows all stages."""
