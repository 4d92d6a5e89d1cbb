"""What a proposal and a workload can state at all: one table, held against them before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import BaseModel

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError
from breakeven.config.study.given import Given
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, POSITIVE, SHARE, Bound
from breakeven.study.known import Known
from breakeven.study.reading import dotted
from breakeven.study.scope import Scope
from breakeven.study.vendor.factor import Parts, givens

MONEY = "CUR"
"""Stands for the comparison's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a quantity can be, in a unit (None: in any that the engine takes), and how it is written."""

    bound: Bound
    unit: str | None
    example: str


def _share(example: str) -> Limit:
    return Limit(bound=SHARE, unit="", example=example)


ANSWER = Limit(bound=POSITIVE, unit="s", example="80 ms")
PAUSE = Limit(bound=COUNT, unit="s", example="90 s")
RISE = Bound(least=-100.0, most=100.0, told="between -100 and 100 % a year")

PROPOSAL: Mapping[str, Limit] = {
    "sla.availability": _share("99.9 %"),
    "sla.p??": ANSWER,
    "sla.credit": _share("10 %"),
    "sla.credit_cap": _share("30 %"),
    "chain.*.time": PAUSE,
    "chain.autoscale_time": PAUSE,
    "chain.cold_start": PAUSE,
    "chain.limit": Limit(bound=POSITIVE, unit="request/s", example="500 request/s"),
    "latency.*.p??": ANSWER,
    "growth.rise_cap": Limit(bound=RISE, unit="%/year", example="5 %/year"),
    "option.exit.notice": Limit(bound=COUNT, unit="month", example="3 month"),
    "option.exit.penalty": _share("50 %"),
    "option.exit.migration": Limit(bound=COUNT, unit=MONEY, example="15000 CUR"),
}
WORKLOAD: Mapping[str, Limit] = {
    "demand.requests": Limit(bound=POSITIVE, unit=None, example="120000 request/day"),
    "demand.useful": _share("60 %"),
    "latency.limit": ANSWER,
    "feature_store.size": Limit(bound=COUNT, unit="feature_gb", example="500 feature_gb"),
    "feature_store.reads": Limit(bound=COUNT, unit=None, example="3 feature_read/request"),
}


def check(scope: Scope, tree: BaseModel, table: Mapping[str, Limit], *start: str) -> None:
    """Nothing where every quantity of a tree that a table names is what it can be.

    Raises:
        StudyError: one is not; its path goes on from `start` as in the tree.
    """
    for name, (parts, given) in givens(tree).items():
        limit = next((one for pattern, one in table.items() if fnmatchcase(name, pattern)), None)
        if limit is not None:
            _check(scope, limit, given, parts, (*start, *parts))


def _check(scope: Scope, limit: Limit, given: Given, parts: Parts, path: Parts) -> None:
    found = scope.read(given, *path)
    if found is None:
        return
    own, told = scope.study.currency, f"`{dotted(parts)}` is {found.text or 'undefined'}"
    way_out = f"write it as `{limit.example.replace(MONEY, own)}`"
    values = _sizes(found, limit.unit, scope)
    if values is None:
        message = f"{told}, and is needed in {(limit.unit or '%').replace(MONEY, own)}"
        raise StudyError(message, way_out, path=path)
    if not limit.bound.holds(float(values.min()), float(values.max())):
        message = f"{told}, and must be {limit.bound.told}"
        raise StudyError(message, way_out + ("; `%` and plain numbers differ" if limit.unit == "" else ""), path=path)


def _sizes(found: Known, unit: str | None, scope: Scope) -> Array | None:
    """The values in a unit; None where they are in no such unit."""
    if unit is None:
        return found.amount.values
    try:
        return found.amount.to(scope.unit(unit.replace(MONEY, scope.study.currency)), found.text)
    except UnitError:
        return None
