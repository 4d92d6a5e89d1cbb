"""Finalised days: what a day of the ledger answered, kept as a roll-up, so that history is not read again."""
