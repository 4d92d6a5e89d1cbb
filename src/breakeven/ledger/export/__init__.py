"""What the ledger holds, in the formats of others."""
