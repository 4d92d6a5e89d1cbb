# ruff: noqa: S608 - every part of these texts is a constant of this package; values are parameters
"""The ledger's outcomes as a downstream report counts them, and its events as checks of themselves.

An event counts when it names a prediction of its tenant, or its subject has one within the window before it and neither
denies consent; a retry of an event counts once. That is how the ledger's own attribution counts.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.ledger.against.calls import SLOT_S
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.engine.port import DEFAULT_WINDOW_S
from breakeven.schema.noun import Noun
from breakeven.schema.reconcile import Amount, Item, Side, Tally

PICO = 10**12
AGREE_S = 120.0
"""An event arrives within so many seconds of what its clock says, plus whole half hours in another time zone."""

EVENTS = f"""
  w AS (SELECT unnest($names::VARCHAR[]) AS use_case, unnest($lengths::DOUBLE[]) AS window_s),
  p AS (SELECT * FROM raw_p QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY node, sequence) = 1),
  o AS (
    SELECT *, row_number() OVER (PARTITION BY tenant, source, event_id ORDER BY received_s, node, sequence) AS copy,
      CASE WHEN upper(currency) IN ('', 'USD') THEN round(coalesce(value, 0) * 1e6)::HUGEINT * 1000000
        ELSE 0 END AS pico
    FROM raw_o
  ),
  touched AS (
    SELECT o.tenant, o.source, o.event_id, o.received_s, o.node, o.sequence, max(p.time_s) AS touch_s,
      bool_or(p.consent = 'denied') AS touch_denied, arg_max(p.use_case, p.time_s) AS touch_use_case
    FROM o JOIN p ON o.prediction_id = '' AND o.subject <> '' AND p.tenant = o.tenant AND p.subject = o.subject
      AND p.time_s <= o.time_s AND (o.use_case = '' OR o.use_case = p.use_case)
    LEFT JOIN w ON w.use_case = p.use_case
    WHERE o.time_s - p.time_s <= coalesce(w.window_s, {DEFAULT_WINDOW_S}) GROUP BY ALL
  ),
  near AS (
    SELECT o.*, p.prediction_id AS known, p.time_s AS asked_s, p.consent AS asked_consent, p.subject AS asked_subject,
      t.touch_s, coalesce(p.use_case, t.touch_use_case, nullif(o.use_case, ''), 'none') AS of_use_case,
      o.consent = 'denied' OR (o.prediction_id = '' AND coalesce(t.touch_denied, false)) AS says_no,
      round((o.received_s - o.time_s) / 1800) AS steps,
      abs(o.received_s - o.time_s - round((o.received_s - o.time_s) / 1800) * 1800) <= {AGREE_S} AS on_step
    FROM o LEFT JOIN p ON o.prediction_id <> '' AND p.prediction_id = o.prediction_id AND p.tenant = o.tenant
    LEFT JOIN touched t ON t.tenant = o.tenant AND t.source = o.source AND t.event_id = o.event_id
      AND t.received_s = o.received_s AND t.node = o.node AND t.sequence = o.sequence
  ),
  clocks AS (
    SELECT source, mode(steps) AS steps FROM near GROUP BY source
    HAVING mode(steps) <> 0 AND abs(mode(steps)) <= 28 AND count(*) >= 10
      AND histogram(CASE WHEN on_step THEN steps END)[mode(steps)] >= 0.8 * count(*)
  ),
  events AS (
    SELECT near.*, clocks.steps IS NOT NULL AS other_clock,
      CASE WHEN copy > 1 THEN 'retry'
        WHEN prediction_id <> '' AND known IS NULL THEN 'unknown_prediction'
        WHEN prediction_id <> '' THEN 'counted'
        WHEN says_no THEN 'withheld'
        WHEN touch_s IS NULL THEN 'unattributed' ELSE 'counted' END AS fate,
      near.time_s - coalesce(clocks.steps, 0) * -1800 AS true_s,
      row_number() OVER (
        PARTITION BY near.tenant, prediction_id, subject, kind, value, stage, floor(near.time_s), copy > 1
        ORDER BY received_s, event_id
      ) AS said
    FROM near LEFT JOIN clocks USING (source)
  )
"""
_CHECKS = f"""WITH {EVENTS},
  checked AS (
    SELECT *, CASE
      WHEN fate IN ('unknown_prediction', 'withheld', 'unattributed') THEN fate
      WHEN fate = 'retry' THEN NULL
      WHEN other_clock THEN 'shifted'
      WHEN said > 1 AND kind IN ('conversion', 'revenue', 'click') THEN 'sent_twice'
      WHEN asked_consent = 'denied' AND (consent <> 'denied' OR subject <> '') THEN 'ignored'
      WHEN known IS NOT NULL AND time_s < asked_s - {AGREE_S} THEN 'before_prediction'
      WHEN known IS NOT NULL AND kind IN ('exposure', 'click', 'conversion', 'revenue')
        AND received_s - asked_s > $late_s + coalesce(w.window_s, {DEFAULT_WINDOW_S}) THEN 'after_window'
      WHEN known IS NOT NULL AND subject <> '' AND asked_subject <> '' AND subject <> asked_subject THEN 'subject_lost'
      END AS reason
    FROM events LEFT JOIN w ON w.use_case = of_use_case
  )
  SELECT reason, count(*) AS count, sum(pico)::HUGEINT AS pico, any_value(steps) AS steps,
    min_by(source || ': event ' || event_id || ' of prediction ' || prediction_id, -pico, 3) AS examples
  FROM checked WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"""
_TOTALS = f"""WITH {EVENTS}
  SELECT count(*) FILTER (copy = 1) AS calls, coalesce(sum(pico) FILTER (copy = 1), 0)::HUGEINT AS pico,
    count(*) FILTER (fate = 'counted') AS counted,
    coalesce(sum(pico) FILTER (fate = 'counted'), 0)::HUGEINT AS counted_pico, count(*) FILTER (copy > 1) AS retries,
    coalesce(min(time_s), 0) AS first_s, coalesce(max(time_s), 0) AS last_s
  FROM events"""
_IDENTITY = """SELECT floor(time_s / 86400)::BIGINT AS day, use_case, count(*) AS predictions,
    count(*) FILTER (subject <> '' OR session <> '') AS known,
    coalesce(sum(cost_pico_usd), 0)::HUGEINT AS pico,
    coalesce(sum(cost_pico_usd) FILTER (subject = '' AND session = ''), 0)::HUGEINT AS unknown_pico
  FROM raw_p GROUP BY ALL ORDER BY ALL"""


def _of(name: str, condition: str) -> str:
    return (
        f"count(*) FILTER ({condition}) AS {name}_calls, "
        f"coalesce(sum(pico) FILTER ({condition}), 0)::HUGEINT AS {name}_pico_usd"
    )


_PARTS = {
    "total": "fate = 'counted'",
    "duplicate": "fate = 'counted' AND said > 1",
    "withheld": "fate = 'withheld'",
    "unattributed": "fate IN ('unattributed', 'unknown_prediction')",
}
_TALLIES = f"""WITH {EVENTS}
  SELECT floor(time_s / {SLOT_S}) * {SLOT_S} AS start_s, of_use_case AS model,
    {", ".join(_of(name, condition) for name, condition in _PARTS.items())}
  FROM events WHERE kind = $kind GROUP BY ALL ORDER BY ALL"""
_ITEMS = f"""WITH {EVENTS} SELECT event_id, prediction_id, time_s, of_use_case AS model, pico FROM events
  WHERE kind = $kind AND fate = 'counted' ORDER BY time_s, event_id"""


class Check(Noun, frozen=True, kw_only=True):
    """Events with one thing about them; `steps` are the half hours their clock is behind."""

    reason: str
    count: int
    pico_usd: int
    steps: float = 0.0
    examples: tuple[str, ...] = ()


class Totals(Noun, frozen=True, kw_only=True):
    """All events once, those that count, and how often one was sent again under its own id."""

    calls: int
    pico: int
    counted: int
    counted_pico: int
    retries: int
    first_s: float
    last_s: float


class Known(Noun, frozen=True, kw_only=True):
    """Predictions of a day (since 1970) and use case: `known` have a subject or session, others cost `unknown_pico`."""

    day: int
    use_case: str
    predictions: int
    known: int
    pico: int
    unknown_pico: int


def checks(rows: Rows, windows: Mapping[str, float], late_s: float = 86_400.0) -> tuple[Check, ...]:
    """What is odd about events; `late_s` is how long after its window one may arrive."""
    found = rows.ask(_CHECKS, windows_of(windows) | {"late_s": late_s})
    return tuple(_check(row) for row in found)


def _check(row: dict[str, object]) -> Check:
    return msgspec.convert(
        {
            "reason": row["reason"],
            "count": row["count"],
            "pico_usd": int(str(row["pico"] or 0)),
            "steps": float(str(row["steps"] or 0)),
            "examples": row["examples"] or (),
        },
        Check,
    )


def totals(rows: Rows, windows: Mapping[str, float]) -> Totals:
    """How many events there are, and what they are worth."""
    return msgspec.convert(rows.ask(_TOTALS, windows_of(windows))[0], Totals)


def known(rows: Rows) -> tuple[Known, ...]:
    """Identity by day and use case."""
    return tuple(msgspec.convert(row, Known) for row in rows.ask(_IDENTITY, {}))


def tallies(rows: Rows, windows: Mapping[str, float], kind: str) -> Side:
    """Outcomes of one kind by half hour and use case; money is their value."""
    found = rows.ask(_TALLIES, windows_of(windows) | {"kind": kind})
    return Side(name="ledger", tallies=tuple(map(_tally, found)), remarks=rows.warnings)


def items(rows: Rows, windows: Mapping[str, float], kind: str) -> Side:
    """Outcomes of one kind one by one, under their event id and their prediction's."""
    found = rows.ask(_ITEMS, windows_of(windows) | {"kind": kind})
    return Side(name="ledger", items=tuple(map(_item, found)), remarks=rows.warnings)


def windows_of(windows: Mapping[str, float]) -> dict[str, object]:
    """Attribution windows in seconds by use case, as the questions take them."""
    return {"names": list(windows), "lengths": list(windows.values())}


def _tally(row: dict[str, object]) -> Tally:
    start_s = float(str(row["start_s"]))
    plain = Tally(start_s=start_s, end_s=start_s + SLOT_S, model=str(row["model"]))
    parts = {
        name: Amount(calls=int(str(row[f"{name}_calls"])), pico_usd=int(str(row[f"{name}_pico_usd"])))
        for name in _PARTS
    }
    return msgspec.structs.replace(plain, **parts)


def _item(row: dict[str, object]) -> Item:
    return Item(
        id=str(row["event_id"]),
        ids=(str(row["prediction_id"]),),
        time_s=float(str(row["time_s"])),
        model=str(row["model"]),
        amount=Amount(calls=1, pico_usd=int(str(row["pico"]))),
    )
