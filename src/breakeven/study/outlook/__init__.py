"""How sure a comparison is: draws, chances, tornado, Sobol indices, and what would turn the decision."""
