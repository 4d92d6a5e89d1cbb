"""Arguments -> app -> print."""
