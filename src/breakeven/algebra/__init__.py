"""Units and formulas: the arithmetic of quantities that people write down."""
