"""Who asked in a ledger, and in which tier: one question each, over segments and what is not sealed yet."""

from __future__ import annotations

from pathlib import Path

from breakeven.ledger import duck, snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.identity import table_of
from breakeven.schema.demand import Callers
from breakeven.schema.noun import Noun

_ASKED = """
WITH asked AS (SELECT DISTINCT ON (prediction_id) * FROM ({rows}) WHERE use_case = ?)
SELECT
  (SELECT min(time_s) FROM asked),
  (SELECT count(DISTINCT subject) FROM asked WHERE subject <> ''),
  (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM asked WHERE subject <> '' GROUP BY subject)),
  (SELECT count(DISTINCT session) FROM asked WHERE session <> ''),
  (SELECT coalesce(avg(n), 0) FROM (SELECT count(*) AS n FROM asked WHERE session <> '' GROUP BY session)),
  (SELECT coalesce(quantile_cont(n, 0.95), 0)
     FROM (SELECT count(*) AS n FROM asked WHERE session <> '' GROUP BY session)),
  (SELECT count(*) FROM asked),
  (SELECT list([tier, n::VARCHAR] ORDER BY tier) FROM (SELECT tier, count(*) AS n FROM asked GROUP BY tier))
"""


class Asked(Noun, frozen=True, kw_only=True):
    """When the first request came (Unix seconds), who asked (None: nobody gave a subject or session), tiers' shares."""

    first_s: float | None
    callers: Callers | None
    tiers: tuple[tuple[str, float], ...]


@anew
def asked(data_dir: Path, use_case: str) -> Asked:
    """Of the predictions of one use case.

    Raises:
        LedgerError: there is no ledger.
    """
    found = snapshot.of_folder(data_dir)
    files = [one.path for one in found.segments if one.table == "predictions"]
    held = [record for record in (*found.records, *found.bad) if table_of(record) == "predictions"]
    with duck.connect() as connection:
        duck.hold(connection, "held", "predictions", held)
        rows = f"({duck.segments('predictions', files)}) UNION ALL BY NAME SELECT * FROM held" if files else "FROM held"  # noqa: S608 - quoted, our names
        answer = connection.execute(_ASKED.format(rows=rows), [use_case]).fetchone()
    assert answer is not None  # noqa: S101 - an aggregate has one row
    first_s, subjects, busiest, sessions, mean, p95, n, tiers = answer
    return Asked(
        first_s=first_s,
        callers=callers(subjects, sessions, (mean, p95), busiest / n if n else 0.0),
        tiers=tuple((tier, int(count) / n) for tier, count in tiers or ()),
    )


def callers(subjects: int, sessions: int, requests: tuple[float, float], busiest_share: float) -> Callers | None:
    """None where no request named a subject or a session."""
    if not subjects and not sessions:
        return None
    return Callers(
        subjects=subjects, sessions=sessions, session_requests_mean=float(requests[0]),
        session_requests_p95=float(requests[1]), busiest_share=busiest_share,
    )  # fmt: skip
