"""`python -m breakeven`."""

from breakeven.cli.main import main

main()
