"""One definition for each metric, shared by simulator, gateway and ledger. Pure."""
