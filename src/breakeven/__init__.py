"""breakeven: what a useful prediction costs, where it should run, and whether the decision came true."""
