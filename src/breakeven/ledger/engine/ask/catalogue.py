"""Every question by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ibis

from breakeven.ledger.columns import TABLES
from breakeven.ledger.engine.ask import arrivals, audit
from breakeven.ledger.engine.ask.cells import cells
from breakeven.ledger.engine.ask.loads import loads
from breakeven.ledger.engine.ask.once import once
from breakeven.ledger.engine.ask.slices import slices
from breakeven.ledger.engine.ask.spreads import spreads
from breakeven.ledger.engine.ask.standby import standby
from breakeven.ledger.engine.ask.tables import Values
from breakeven.ledger.engine.ask.useful import useful
from breakeven.ledger.engine.port import DIMENSIONS, METRICS

QUESTIONS: dict[str, Callable[[Values], ibis.Table]] = {
    "cells": cells,
    "cells_named": partial(cells, subjects=False),
    "useful": useful,
    "useful_named": partial(useful, subjects=False),
    "standby": standby,
    "loads": loads,
    **{f"spreads_{name or 'all'}": partial(spreads, dimension=name) for name in ("", *DIMENSIONS)},
    "kinds": audit.kinds,
    "unused": audit.unused,
    "policies": audit.policies,
    "lost": audit.lost,
    "arrivals": arrivals.arrivals,
    **{f"samples_{metric}": partial(arrivals.samples, metric=metric) for metric in METRICS},
    "slices": slices,
}
"""`_named` is the same where every event names its prediction, so that no subject need be looked at."""

SPARK_QUESTIONS = QUESTIONS | {f"once_{table}": partial(once, table) for table in TABLES}
"""Spark also finds repeats by a question; DuckDB looks for them by hash first."""
