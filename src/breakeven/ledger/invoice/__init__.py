"""One reader for each form in which a provider says what it billed."""
