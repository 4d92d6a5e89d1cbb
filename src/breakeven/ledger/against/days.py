# ruff: noqa: S608 - every part of these texts is a constant of this package; values are parameters
"""The health of tracking by day: what a migration must leave as it was."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.ledger.against.outcomes import EVENTS, windows_of
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.engine.port import DEFAULT_WINDOW_S
from breakeven.schema.noun import Noun

_DAYS = f"""WITH {EVENTS},
  asked AS (
    SELECT floor(time_s / 86400)::BIGINT AS day, count(*) AS predictions,
      count(*) FILTER (subject <> '' OR session <> '') AS identified,
      count(*) FILTER (consent = 'denied') AS denied
    FROM p WHERE ($use_case::VARCHAR IS NULL OR use_case = $use_case) GROUP BY ALL
  ),
  sent AS (
    SELECT floor(time_s / 86400)::BIGINT AS day, count(*) AS events,
      count(*) FILTER (fate = 'counted') AS matched,
      count(*) FILTER (known IS NOT NULL) AS named, count(*) FILTER (known IS NOT NULL AND time_s < asked_s) AS early,
      count(*) FILTER (known IS NOT NULL AND time_s - asked_s > coalesce(w.window_s, $window_s)) AS after_window,
      median(received_s - time_s) AS delivery_s,
      median(time_s - coalesce(asked_s, touch_s)) FILTER (kind = 'exposure') AS exposure_s,
      median(time_s - coalesce(asked_s, touch_s)) FILTER (kind IN ('click', 'conversion', 'revenue')) AS outcome_s,
      quantile_cont(time_s - coalesce(asked_s, touch_s), 0.9) FILTER (kind IN ('click', 'conversion', 'revenue'))
        AS outcome_p90_s
    FROM events LEFT JOIN w ON w.use_case = of_use_case
    WHERE copy = 1 AND ($use_case::VARCHAR IS NULL OR of_use_case = $use_case) GROUP BY ALL
  )
  SELECT coalesce(asked.day, sent.day) AS day, coalesce(predictions, 0) AS predictions,
    coalesce(identified, 0) AS identified, coalesce(denied, 0) AS denied, coalesce(events, 0) AS events,
    coalesce(matched, 0) AS matched, coalesce(named, 0) AS named, coalesce(early, 0) AS early,
    coalesce(after_window, 0) AS after_window, delivery_s, exposure_s, outcome_s, outcome_p90_s
  FROM asked FULL JOIN sent ON asked.day = sent.day ORDER BY 1"""
_ARMS = """SELECT floor(time_s / 86400)::BIGINT AS day, arm, count(*) AS predictions FROM raw_p
  WHERE arm <> '' AND ($use_case::VARCHAR IS NULL OR use_case = $use_case) GROUP BY ALL ORDER BY ALL"""


class Day(Noun, frozen=True, kw_only=True):
    """Counts of one UTC day (since 1970), and medians in seconds; None where nothing tells."""

    day: int
    predictions: int
    identified: int
    denied: int
    events: int
    matched: int
    named: int
    early: int
    after_window: int
    delivery_s: float | None = None
    exposure_s: float | None = None
    outcome_s: float | None = None
    outcome_p90_s: float | None = None


def days(rows: Rows, windows: Mapping[str, float], use_case: str | None = None) -> tuple[Day, ...]:
    """Every day with anything in it."""
    asked = windows_of(windows) | {"use_case": use_case, "window_s": DEFAULT_WINDOW_S}
    return tuple(msgspec.convert(row, Day) for row in rows.ask(_DAYS, asked))


def arms(rows: Rows, use_case: str | None = None) -> dict[str, dict[int, int]]:
    """Predictions by arm and day."""
    found: dict[str, dict[int, int]] = {}
    for row in rows.ask(_ARMS, {"use_case": use_case}):
        found.setdefault(str(row["arm"]), {})[int(str(row["day"]))] = int(str(row["predictions"]))
    return found
