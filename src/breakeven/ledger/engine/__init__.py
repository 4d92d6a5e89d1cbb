"""One file for each engine that answers the ledger's questions."""
