"""A line of the fault table."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """What was done, what is promised, what was measured, and whether that is enough."""

    fault: str
    what: str
    goal: str
    measured: str
    held: bool
