"""What it is worth to decide later: some months served without a commitment, then a choice that knows more.

Waiting reveals how demand grows and how prices move, blurred by the noise of so few months; and, since the use case is
served meanwhile, the level of its demand and its useful share. Prices, and with them what a purchase costs, have moved
by then. Both choices are between the same options, made once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from breakeven.planner.doubt.belief import Array
from breakeven.planner.doubt.case import Case
from breakeven.planner.doubt.judge import losses_usd
from breakeven.planner.doubt.world import Flags, evaluate
from breakeven.planner.doubt.worth import evppi_usd
from breakeven.schema.doubt import Wait

TRENDING = ("growth", "trend/api", "trend/rent", "trend/purchase")
SEEN = ("demand",)
ROWS = 4_000
"""Draws that are waited with; a wait takes two evaluations."""


LITTLE = 0.002
"""Of the expected cost: what waiting gains below this is no reason to wait."""


def waits(case: Case) -> tuple[tuple[Wait, ...], str]:
    """What each number of months of waiting is worth, and whether to wait, in a sentence; none without a commitment."""
    chosen, options = case.decided, case.world.options
    if not chosen.committed:
        free = f"{chosen.name} commits to nothing: it can be left when more is known, so there is no reason to wait."
        return (), free
    flexible = np.array([not one.committed for one in options])
    part = {key: values[:ROWS] for key, values in case.draws.items()}
    if not flexible.any():
        return (), f"{chosen.name} is a commitment, and nothing that commits to nothing keeps the targets meanwhile."
    expected = _losses(case, part, 0, case.world.horizon).mean(axis=1)
    first = int(np.argmin(expected))
    if flexible[first]:
        less = _usd(float(expected[case.chosen] - expected[first]))
        cheaper = f"{options[first].name} commits to nothing and is expected to cost {less} less"
        return (), f"{cheaper} over the horizon: there is no reason to commit to {chosen.name}."
    months = [count for count in case.beliefs.wait_months if 0 < count < case.world.horizon]
    found = tuple(_wait(case, part, count, flexible, float(expected[first])) for count in months)
    return found, _verdict(found, LITTLE * float(expected[first]))


def _losses(case: Case, part: Mapping[str, Array], start: int, end: int) -> Array:
    return losses_usd(evaluate(case.world, part, start=start, end=end), min(case.beliefs.switch_months, end - start))


def _wait(case: Case, part: Mapping[str, Array], months: int, flexible: Flags, now: float) -> Wait:
    meanwhile = np.where(flexible, _losses(case, part, 0, months).mean(axis=1), np.inf)
    interim = int(np.argmin(meanwhile))
    later = _losses(case, part, months, case.world.horizon)
    blind = float(later.mean(axis=1).min())
    shuffle = case.dice.of("shuffle").permutation(later.shape[1])
    gained = evppi_usd(later, _seen(case, part, months), shuffle)
    cost = float(meanwhile[interim]) + blind - now
    return Wait(months=months, meanwhile=case.world.options[interim].name, worth_usd=gained, cost_usd=cost)


def _seen(case: Case, part: Mapping[str, Array], months: int) -> list[Array]:
    """What is known after so many months: levels exactly, slopes with the error of a line through monthly figures.

    A line through n months of noise s has a slope with standard error s sqrt(12 / (n (n + 1) (n + 2))) a month.
    """
    error = 12 * case.beliefs.monthly_noise * math.sqrt(12 / (months * (months + 1) * (months + 2)))
    slopes = [part[key] + error * case.dice.normal(f"seen/{key}")[: len(part[key])] for key in TRENDING if key in part]
    return [*slopes, *(part[key] for key in (*SEEN, "path") if key in part)]


def _verdict(found: tuple[Wait, ...], little: float) -> str:
    best = max(found, key=lambda one: (one.net_usd, -one.months), default=None)
    if best is None:
        return "The horizon is too short to wait in."
    worth, cost, verb = _usd(best.worth_usd), _usd(abs(best.cost_usd)), "costs" if best.cost_usd >= 0 else "saves"
    advice = f"wait, served by {best.meanwhile}" if best.net_usd > little else "do not wait"
    return f"What {best.months} months would teach is worth {worth}, waiting {verb} {cost}: {advice}."


def _usd(amount: float) -> str:
    return f"${amount:,.0f}"
