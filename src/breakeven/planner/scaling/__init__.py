"""How many replicas when: the rule, one decision of it, what it would have done, and work for idle hours."""
