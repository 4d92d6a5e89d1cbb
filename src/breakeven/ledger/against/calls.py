# ruff: noqa: S608 - every part of these texts is a constant of this package; values are parameters
"""The ledger's requests as a provider saw them: what was consumed, not what was served, and once per request.

A request for several subjects is several predictions with one request id, node and time: one call, whose tokens stand
on each of them. A second call under the same request id is a repeat. Answers from a cache, refusals, and answers of
the policy itself asked no provider. Rows of owned or rented capacity are in no provider's invoice per token; a
deployment that is asked for by name is taken whatever it is, for its engine counts as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.ledger.against.rows import Rows
from breakeven.schema.reconcile import Amount, Item, Side, Tally

SLOT_S = 1800
"""Width of the ledger's sums: half an hour, so that any time zone but a few can be tried."""
REACH_S = 2 * 86_400.0
"""How far beyond the period the ledger is read, for what was booked late or on another clock."""


def _tokens(kind: str) -> str:
    return (
        f"max(CASE WHEN consumed_input_tokens + consumed_output_tokens > 0 THEN consumed_{kind} "
        f"ELSE billable_{kind} END)"
    )


_CALLS = f"""
  once AS (
    SELECT * FROM raw_p WHERE CASE WHEN $deployment::VARCHAR[] IS NULL
      THEN placement NOT IN ('on_prem', 'colocated', 'cloud', 'cpu', 'edge') AND NOT emulated
      ELSE list_contains($deployment, deployment) END
    QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY node, sequence) = 1
  ),
  asked AS (
    SELECT CASE WHEN request_id = '' THEN prediction_id ELSE request_id END AS id, node, time_s,
      arg_min(prediction_id, sequence) AS prediction_id, min(trace_id) AS trace_id, arg_min(model, sequence) AS model,
      arg_min(deployment, sequence) AS deployment, arg_min(tenant, sequence) AS tenant,
      arg_min(status, sequence) AS status, max(total_s) AS total_s, {_tokens("input_tokens")} AS input_tokens,
      {_tokens("cached_input_tokens")} AS cached_input_tokens, {_tokens("output_tokens")} AS output_tokens,
      coalesce(sum(cost_pico_usd), 0)::HUGEINT AS pico_usd, bool_or(cost_pico_usd IS NULL) AS priceless
    FROM once GROUP BY ALL HAVING arg_min(status, sequence) NOT IN ('cached', 'refused')
  ),
  sorted AS (
    SELECT *, input_tokens + output_tokens > 0 OR pico_usd > 0 OR (status = 'answered' AND deployment <> '') AS happened
    FROM asked
  ),
  calls AS (
    SELECT *, row_number() OVER (PARTITION BY id ORDER BY time_s, node) AS copy,
      priceless OR (pico_usd = 0 AND input_tokens + output_tokens > 0) AS unpriced,
      NOT happened AS failed
    FROM sorted WHERE happened OR status IN ('failed', 'cancelled')
  )
"""
_ITEMS = f"WITH {_CALLS} SELECT * FROM calls ORDER BY time_s, id"


def _sums(name: str, condition: str) -> str:
    counts = ("input_tokens", "cached_input_tokens", "output_tokens", "pico_usd")
    summed = (f"sum({count}) FILTER ({condition})::HUGEINT AS {name}_{count}" for count in counts)
    return ", ".join((f"count(*) FILTER ({condition}) AS {name}_calls", *summed))


_PARTS = {
    "total": "NOT failed",
    "duplicate": "NOT failed AND copy > 1",
    "unpriced": "NOT failed AND copy = 1 AND unpriced",
    "failed": "failed",
}
_TALLIES = f"""WITH {_CALLS}
  SELECT floor((time_s + CASE WHEN $ended THEN total_s ELSE 0 END) / {SLOT_S}) * {SLOT_S} AS start_s,
    model, CASE WHEN $by_key THEN tenant ELSE '' END AS key,
    {", ".join(_sums(name, condition) for name, condition in _PARTS.items())}
  FROM calls GROUP BY ALL ORDER BY ALL"""
_REPEATED = """SELECT count(*) - count(DISTINCT prediction_id) AS repeated FROM raw_p"""


def items(rows: Rows, deployments: Sequence[str] = ()) -> Side:
    """The calls one by one, with every id they have."""
    found = rows.ask(_ITEMS, {"deployment": list(deployments) or None})
    return Side(name="ledger", items=tuple(map(_item, found)), remarks=_remarks(rows))


def tallies(rows: Rows, deployments: Sequence[str] = (), *, by_key: bool = False, ended: bool = False) -> Side:
    """Sums of half hours by model, and by tenant with `by_key`; with `ended`, of the half hour a request ended in."""
    found = rows.ask(_TALLIES, {"deployment": list(deployments) or None, "by_key": by_key, "ended": ended})
    return Side(name="ledger", tallies=tuple(map(_tally, found)), remarks=_remarks(rows))


def _remarks(rows: Rows) -> tuple[str, ...]:
    repeated = rows.ask(_REPEATED, {})[0]["repeated"]
    said = (f"{repeated:,} rows of the ledger repeat a prediction id and count once",) if repeated else ()
    return (*rows.warnings, *said)


def _item(row: dict[str, object]) -> Item:
    return Item(
        id=str(row["id"]),
        ids=(str(row["prediction_id"]), str(row["trace_id"])),
        time_s=float(str(row["time_s"])),
        model=str(row["model"]),
        amount=_amount(row, ""),
        failed=bool(row["failed"]),
        unpriced=bool(row["unpriced"]),
    )


def _tally(row: dict[str, object]) -> Tally:
    start_s = float(str(row["start_s"]))
    plain = Tally(start_s=start_s, end_s=start_s + SLOT_S, model=str(row["model"]), key=str(row["key"]))
    return msgspec.structs.replace(plain, **{name: _amount(row, f"{name}_") for name in _PARTS})


def _amount(row: dict[str, object], prefix: str) -> Amount:
    values = {name: row.get(prefix + name, 1 if name == "calls" else 0) for name in Amount.__struct_fields__}
    return Amount(**{name: int(str(value or 0)) for name, value in values.items()})
