"""The committed DuckDB SQL of the questions; `scripts/build_questions.py` makes it from `engine.ask`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_PARAMETER = re.compile(r"\$([a-z_]+)")

MACROS = (
    "CREATE OR REPLACE TEMP MACRO rint(x) AS round_even(x, 0)",
    "CREATE OR REPLACE TEMP MACRO sequence(a, b) AS generate_series(a, b)",
)
"""What Spark has under these names, and the questions therefore call."""


@cache
def question(name: str) -> tuple[str, tuple[str, ...]]:
    """The text of a question and the names of its parameters."""
    text = (files("breakeven.ledger.engine") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return text, tuple(sorted(set(_PARAMETER.findall(text))))
