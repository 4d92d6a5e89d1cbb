"""Closing a month: what is frozen, the chain of hashes, and what later data add."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from breakeven.errors import GateError
from breakeven.schema.close import Adjustment, Close, Frozen, Standing
from breakeven.schema.statement import Statement


def freeze(statement: Statement) -> Frozen:
    """The figures of a statement that a close holds."""
    cases = [one for one in statement.cuts if one.dimension == "use_case"]
    return Frozen(
        predictions=statement.predictions,
        useful_predictions=statement.useful_predictions,
        cost_pico_usd=statement.cost_total_pico_usd,
        direct_pico_usd=statement.direct_pico_usd,
        capacity_pico_usd=statement.capacity_pico_usd,
        revenue_usd=statement.total.revenue,
        by_use_case={one.key: (one.predictions, one.cost_pico_usd) for one in cases},
    )


def digest(value: object) -> str:
    """SHA-256 of canonical JSON: keys sorted, no spaces."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def sealed(close: Close, before: Sequence[Close]) -> Close:
    """A close with its hashes, after those before it.

    Raises:
        GateError: the month is closed already.
    """
    if any(one.month == close.month for one in before):
        message = f"{close.month} is closed already"
        raise GateError(message, "what came later shows as its adjustment in `breakeven reconcile closes`")
    linked = replace(close, previous=before[-1].hash if before else "", statement_hash=digest(close.statement), hash="")
    return replace(linked, hash=digest(linked))


def checked(closes: Sequence[Close]) -> tuple[Standing, ...]:
    """Every close, and whether it and its place in the chain are what they were."""
    previous, found = "", []
    for close in closes:
        wrong = _wrong(close, previous)
        found.append(Standing(close=close, sound=not wrong, wrong=wrong))
        previous = close.hash
    return tuple(found)


def _wrong(close: Close, previous: str) -> str:
    if digest(close.statement) != close.statement_hash:
        return "its statement is not the one that was closed"
    if digest(replace(close, hash="")) != close.hash:
        return "it was changed after it was closed"
    return "" if close.previous == previous else "the close before it is not the one it was closed after"


def adjustment(frozen: Frozen, now: Frozen) -> Adjustment:
    """What the ledger says now, less what was frozen; use cases that did not change are left out."""
    names = frozen.by_use_case.keys() | now.by_use_case.keys()
    none = (0, 0)
    cases = {name: _less(now.by_use_case.get(name, none), frozen.by_use_case.get(name, none)) for name in sorted(names)}
    return Adjustment(
        predictions=now.predictions - frozen.predictions,
        useful_predictions=(now.useful_predictions or 0) - (frozen.useful_predictions or 0),
        cost_pico_usd=now.cost_pico_usd - frozen.cost_pico_usd,
        revenue_usd=round(now.revenue_usd - frozen.revenue_usd, 6),
        by_use_case={name: value for name, value in cases.items() if value != none},
    )


def _less(now: tuple[int, int], frozen: tuple[int, int]) -> tuple[int, int]:
    return now[0] - frozen[0], now[1] - frozen[1]
