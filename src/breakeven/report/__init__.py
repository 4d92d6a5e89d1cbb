"""Documents for people: memo, statement, charts. Pure."""
