"""What another policy would have earned: inverse propensity, self-normalised, doubly robust, and when to refuse."""
