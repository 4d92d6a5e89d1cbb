"""The committed SQL of the questions, DuckDB's and Spark's; `scripts/build_questions.py` makes it from `engine.ask`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

_PARAMETER = {"duckdb": re.compile(r"\$([a-z_]+)"), "spark": re.compile(r":([a-z_]+)")}
Dialect = Literal["duckdb", "spark"]

MACROS = (
    "CREATE OR REPLACE TEMP MACRO rint(x) AS round_even(x, 0)",
    "CREATE OR REPLACE TEMP MACRO sequence(a, b) AS generate_series(a, b)",
)
"""What Spark has under these names, and the questions therefore call."""

BY_SUBJECT = "SELECT 1 FROM all_o WHERE prediction_id = '' AND subject <> '' LIMIT 1"
"""Whether some event names no prediction; if none does, a question ending in `_named` is the same and cheaper."""


@cache
def question(name: str, dialect: Dialect = "duckdb") -> tuple[str, tuple[str, ...]]:
    """The text of a question and the names of its parameters."""
    text = (files("breakeven.ledger.engine") / "sql" / dialect / f"{name}.sql").read_text(encoding="utf-8")
    return text, tuple(sorted(set(_PARAMETER[dialect].findall(text))))
