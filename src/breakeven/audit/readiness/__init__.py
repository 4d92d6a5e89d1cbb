"""Is a team ready to decide? The checklist, answered from the policy and the ledger. Pure."""
