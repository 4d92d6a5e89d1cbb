"""What was heard of delivered predictions afterwards, of those in time and those that were late. One DuckDB query."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.ledger.engine.port import DEFAULT_WINDOW_S
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.tracking.rows import connection
from breakeven.metric.usefulness import DELIVERED
from breakeven.schema.guard import Followed

_DELIVERED = ", ".join(f"'{status}'" for status in sorted(DELIVERED))
_FOLLOWED = f"""
WITH p AS (
  SELECT prediction_id, tenant, any_value(use_case) AS use_case, any_value(deployment) AS deployment,
    min(time_s) AS time_s, max(subject) AS subject, NOT bool_or(in_budget) AS late
  FROM predictions WHERE status IN ({_DELIVERED}) AND ($policy_id::VARCHAR IS NULL OR policy_id = $policy_id)
  GROUP BY 1, 2),
named AS (
  SELECT tenant, prediction_id, bool_or(kind = 'exposure') AS exposed,
    bool_or(kind IN ('click', 'conversion', 'revenue')) AS touched, bool_or(kind = 'unobserved') AS unobserved
  FROM outcomes WHERE prediction_id <> '' GROUP BY 1, 2),
after AS (
  SELECT DISTINCT p.tenant, p.prediction_id FROM p JOIN outcomes o USING (tenant, subject)
    LEFT JOIN windows w ON w.use_case = p.use_case
  WHERE p.subject <> '' AND o.prediction_id = '' AND o.kind IN ('click', 'conversion', 'revenue')
    AND o.time_s BETWEEN p.time_s AND p.time_s + coalesce(w.window_s, {DEFAULT_WINDOW_S}))
SELECT use_case, deployment, late, count(*), count(*) FILTER (exposed), count(*) FILTER (touched),
  count(*) FILTER (exposed OR touched)
FROM (
  SELECT p.use_case, p.deployment, p.late, coalesce(n.exposed, false) AS exposed,
    coalesce(n.touched, false) OR a.prediction_id IS NOT NULL AS touched
  FROM p LEFT JOIN named n USING (tenant, prediction_id) LEFT JOIN after a USING (tenant, prediction_id)
  WHERE NOT coalesce(n.unobserved, false))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - our own words


def followed(snapshot: Snapshot, windows: Mapping[str, float], *, policy_id: str | None = None) -> tuple[Followed, ...]:
    """Counts by use case, deployment and lateness; predictions that nobody can observe are left out.

    Args:
        snapshot: the ledger.
        windows: attribution windows in seconds by use case.
        policy_id: only what this policy answered.
    """
    with connection(snapshot, "predictions", "outcomes") as made:
        made.execute("CREATE TEMP TABLE windows (use_case VARCHAR, window_s DOUBLE)")
        if windows:
            made.executemany("INSERT INTO windows VALUES (?, ?)", list(windows.items()))
        rows = made.execute(_FOLLOWED, {"policy_id": policy_id}).fetchall()
    return tuple(msgspec.convert(dict(zip(Followed.__struct_fields__, row, strict=True)), Followed) for row in rows)
