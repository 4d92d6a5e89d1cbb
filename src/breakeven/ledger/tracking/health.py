"""What tracking looks like by use case, source and hour: counts of one DuckDB query each."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.ledger.engine.port import DEFAULT_WINDOW_S
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.tracking.rows import connection
from breakeven.metric.usefulness import DELIVERED
from breakeven.schema.noun import Noun
from breakeven.schema.tracking_health import Arrivals, Coverage

CLOCK_S = 2.0
"""Clocks of producers and gateways may differ by so much before an event counts as out of order."""
_DELIVERED = ", ".join(f"'{status}'" for status in sorted(DELIVERED))

_VIEWS = f"""
CREATE TEMP TABLE p AS
SELECT prediction_id, tenant, any_value(use_case) AS use_case, min(time_s) AS time_s, max(subject) AS subject,
  bool_or(subject <> '' OR session <> '') AS identified, max(consent) AS consent,
  bool_or(status IN ({_DELIVERED})) AS delivered
FROM predictions GROUP BY 1, 2;
CREATE TEMP TABLE e AS
SELECT tenant, source, kind, time_s, received_s, prediction_id, subject, use_case,
  row_number() OVER (PARTITION BY tenant, source, event_id ORDER BY received_s, node, sequence) > 1 AS again
FROM outcomes;
"""  # noqa: S608 - our own words
_COVERAGE = f"""
WITH named AS (
  SELECT tenant, prediction_id, bool_or(kind = 'exposure') AS exposed,
    bool_or(kind IN ('click', 'conversion', 'revenue')) AS touched
  FROM e WHERE prediction_id <> '' GROUP BY 1, 2),
followed AS (
  SELECT DISTINCT p.tenant, p.prediction_id FROM p JOIN e USING (tenant, subject) LEFT JOIN windows w
    ON w.use_case = p.use_case
  WHERE p.subject <> '' AND e.prediction_id = '' AND e.kind IN ('click', 'conversion', 'revenue')
    AND e.time_s BETWEEN p.time_s AND p.time_s + coalesce(w.window_s, {DEFAULT_WINDOW_S}))
SELECT p.use_case, floor(p.time_s / 3600)::BIGINT AS hour, count(*) AS delivered,
  count(*) FILTER (n.exposed) AS exposed, count(*) FILTER (n.touched OR f.prediction_id IS NOT NULL) AS touched,
  count(*) FILTER (p.identified) AS identified, count(*) FILTER (p.consent = 'granted') AS granted,
  count(*) FILTER (p.consent = 'denied') AS denied
FROM p LEFT JOIN named n USING (tenant, prediction_id) LEFT JOIN followed f USING (tenant, prediction_id)
WHERE p.delivered AND p.time_s >= $start_s GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - our own words
_ARRIVALS = f"""
SELECT coalesce(p.use_case, e.use_case) AS use_case, e.source, floor(e.received_s / 3600)::BIGINT AS hour,
  count(*) AS events, count(*) FILTER (again) AS repeated,
  count(*) FILTER (e.prediction_id <> '' AND p.prediction_id IS NULL) AS unknown,
  count(*) FILTER (e.time_s > p.time_s + coalesce(w.window_s, {DEFAULT_WINDOW_S})) AS late,
  count(*) FILTER (e.time_s < p.time_s - {CLOCK_S}) AS early,
  count(*) FILTER (e.time_s > e.received_s + {CLOCK_S}) AS ahead, 0 AS bad
FROM e LEFT JOIN p ON p.prediction_id = e.prediction_id AND p.tenant = e.tenant
LEFT JOIN windows w ON w.use_case = p.use_case
WHERE e.received_s >= $start_s GROUP BY 1, 2, 3
UNION ALL
SELECT coalesce(p.use_case, b.event->>'$.use_case', ''), b.source, floor(b.received_s / 3600)::BIGINT, 0, 0, 0, 0, 0, 0,
  count(*)
FROM bad b LEFT JOIN p ON p.prediction_id = b.event->>'$.prediction_id' AND p.tenant = b.tenant
WHERE b.received_s >= $start_s GROUP BY 1, 2, 3
"""  # noqa: S608 - our own words
_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in Arrivals.__struct_fields__[3:])
_LOST = """
SELECT coalesce(sum(missing), 0)::BIGINT FROM (
  SELECT max(sequence) - count(DISTINCT sequence) AS missing FROM (
    SELECT node, sequence FROM predictions UNION ALL SELECT node, sequence FROM outcomes
    UNION ALL SELECT node, sequence FROM bad) WHERE sequence > 0 GROUP BY node)
"""


class Seen(Noun, frozen=True, kw_only=True):
    """Counts by hour, and the sequence numbers that no record carries, in the whole ledger."""

    coverage: tuple[Coverage, ...]
    arrivals: tuple[Arrivals, ...]
    lost: int


def seen(snapshot: Snapshot, windows: Mapping[str, float], start_s: float) -> Seen:
    """What arrived since `start_s` (Unix seconds), and what predictions made since then have.

    Args:
        snapshot: the ledger.
        windows: attribution windows in seconds by use case.
        start_s: Unix seconds.
    """
    with connection(snapshot, "predictions", "outcomes", "bad") as made:
        made.execute("CREATE TEMP TABLE windows (use_case VARCHAR, window_s DOUBLE)")
        if windows:
            made.executemany("INSERT INTO windows VALUES (?, ?)", list(windows.items()))
        made.execute(_VIEWS)
        since = {"start_s": start_s}
        covered = made.execute(_COVERAGE, since).fetchall()
        summed = f"SELECT use_case, source, hour, {_SUMS} FROM ({_ARRIVALS}) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"  # noqa: S608 - ours
        arrived = made.execute(summed, since).fetchall()
        lost = made.execute(_LOST).fetchall()[0][0]
    return Seen(
        coverage=tuple(
            msgspec.convert(dict(zip(Coverage.__struct_fields__, row, strict=True)), Coverage) for row in covered
        ),
        arrivals=tuple(
            msgspec.convert(dict(zip(Arrivals.__struct_fields__, row, strict=True)), Arrivals) for row in arrived
        ),
        lost=lost,
    )
