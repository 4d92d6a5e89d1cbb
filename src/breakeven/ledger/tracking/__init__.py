"""Events against the tracking plan: what is sealed as an outcome, what is kept as a bad row, and its way back."""
