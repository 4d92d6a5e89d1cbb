"""What the ledger holds against another account: requests as the provider saw them, outcomes, and events."""
