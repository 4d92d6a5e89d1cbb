"""Pages over report and ledger, in a process of their own."""
