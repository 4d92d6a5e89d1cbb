"""Where along volume the cheaper of two proposals changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.errors import StudyError
from breakeven.schema.comparison import Crossing, Turn
from breakeven.study.vendor.case import OFFER, Asked
from breakeven.study.vendor.cost import Loads, month

SCALES = np.geomspace(1e-3, 1e3, 241)
"""Multiples of the mean demand at which all are asked; between two of them a change is searched twice more."""
REFINED = 65
ALIKE = 1e-9
"""Costs closer than this share are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A proposal along volume; `unknown` says why it cannot be compared, if it cannot."""

    asked: Asked
    loads: Loads
    unknown: str = ""

    @property
    def id(self) -> str:
        """The proposal's id."""
        return self.asked.proposal.id

    def costs(self, scales: Array) -> Array:
        """Cost of a month at multiples of the mean demand, always of the same shape as them.

        Raises:
            StudyError: it cannot serve one of them as stated.
        """
        found = self.asked.evaluated(month(self.asked, self.loads), scales * self.loads.mean)
        return np.broadcast_to(found.option(OFFER).annuity, scales.shape)


def crossings(runners: Sequence[Runner], requests: float) -> tuple[Crossing, ...]:
    """Each pair, by id; `requests` are the predictions of a month at the mean demand."""
    ordered = sorted(runners, key=lambda runner: runner.id)
    told, why = _all_costs(ordered)
    return tuple(_crossing(one, other, told, why, requests) for one, other in combinations(ordered, 2))


def _all_costs(runners: Sequence[Runner]) -> tuple[dict[str, Array], dict[str, str]]:
    told, why = {}, {}
    for runner in runners:
        if runner.unknown:
            why[runner.id] = runner.unknown
            continue
        try:
            told[runner.id] = runner.costs(SCALES)
        except StudyError as error:
            why[runner.id] = error.message
    return told, why


def _crossing(
    one: Runner, other: Runner, told: Mapping[str, Array], why: Mapping[str, str], requests: float
) -> Crossing:
    unknown = [f"{runner.id}: {why[runner.id]}" for runner in (one, other) if runner.id in why]
    if unknown:
        return Crossing(one=one.id, other=other.id, turns=(), note=f"unknown: {'; '.join(unknown)}")
    ahead = _ahead(told[one.id], told[other.id])
    turns = [_turn(one, other, bracket, requests) for bracket in _brackets(ahead)]
    note = "" if turns else _never(one.id, other.id, ahead)
    return Crossing(one=one.id, other=other.id, turns=tuple(turns), note=note)


def _ahead(one: Array, other: Array) -> Array:
    """+1 where the first is cheaper, -1 where the other is, 0 where they cost the same."""
    difference = other - one
    same = np.abs(difference) <= ALIKE * np.maximum(np.abs(one), np.abs(other))
    return np.where(same, 0.0, np.sign(difference))


def _brackets(ahead: Array) -> list[tuple[int, int]]:
    """Neighbouring positions, equal ones skipped, between which the sign changes."""
    decided = np.flatnonzero(ahead)
    return [(int(left), int(right)) for left, right in pairwise(decided) if ahead[left] != ahead[right]]


def _turn(one: Runner, other: Runner, bracket: tuple[int, int], requests: float) -> Turn:
    """The change between two positions, found more closely twice; the first one where there are several."""
    low, high = (float(SCALES[at]) for at in bracket)
    first = 0.0
    for _ in range(2):
        scales = np.linspace(low, high, REFINED)
        ahead = _ahead(one.costs(scales), other.costs(scales))
        left, right = _brackets(ahead)[0]
        first, low, high = float(ahead[left]), float(scales[left]), float(scales[right])
    below, above = (one.id, other.id) if first > 0 else (other.id, one.id)
    return Turn(predictions_per_month=high * requests, cheaper_below=below, cheaper_above=above)


def _never(one: str, other: str, ahead: Array) -> str:
    if not np.any(ahead):
        return "never: they cost the same at every volume"
    winner = one if ahead[np.flatnonzero(ahead)[0]] > 0 else other
    return f"never: {winner} is cheaper at every volume"
