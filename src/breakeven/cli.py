"""Arguments -> app -> print."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Inference economics: what a useful prediction costs, where it should run, and whether it came true."""
