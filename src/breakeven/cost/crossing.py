"""When one option becomes cheaper than another: by month, by volume, by utilisation. Never is an answer: None."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MONTHS_PER_YEAR = 12
TURNING_STEPS = 200
"""Halvings after which no two floats of an interval are apart, whatever its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """Where a function changes sign between `low` and `high`: `at`, None where both ends have the same sign.

    `at_low` and `at_high` are the function's values at the two ends searched.
    """

    at: float | None
    low: float
    high: float
    at_low: float
    at_high: float


def break_even_months(
    capex_usd: float,
    owned_opex_month: float,
    rented_month: float,
    *,
    horizon: int = 60,
    own_decay: float = 0.0,
    rent_decay: float = 0.0,
) -> float | None:
    """Months until a purchase has paid for itself; None when it does not within `horizon` months.

    In month k the rented side costs rented x (1 - rent_decay)^((k-1)/12) and the owned side opex x
    (1 - own_decay)^((k-1)/12); the first month whose cumulated saving reaches the purchase price is the answer, linear
    within the month. A price that rises has a negative decay. At flat prices this is capex / (rented - opex).

    Raises:
        ValueError: a figure is not finite, or a decay reaches 100 % a year.
    """
    _check(capex_usd, owned_opex_month, rented_month, own_decay, rent_decay)
    if capex_usd <= 0:
        return 0.0
    saved = 0.0
    for month in range(horizon):
        years = month / MONTHS_PER_YEAR
        gain: float = rented_month * (1 - rent_decay) ** years - owned_opex_month * (1 - own_decay) ** years
        if saved + gain >= capex_usd:
            return month + (capex_usd - saved) / gain
        saved += gain
    return None


def break_even_hours(capex_usd: float, owned_usd_per_hour: float, rented_usd_per_hour: float) -> float | None:
    """Hours of use until a purchase has paid for itself: capex / (rented - owned), USD per hour; None is never."""
    saving = rented_usd_per_hour - owned_usd_per_hour
    return capex_usd / saving if saving > 0 else None


def break_even_volume(fixed_month: float, variable_own: float, variable_rent: float) -> float | None:
    """Units a month from which owning is cheaper: fixed / (rented - own cost per unit); None when it never is."""
    saving = variable_rent - variable_own
    return fixed_month / saving if saving > 0 else None


def break_even_utilisation(fixed_hour: float, rent_hour: float, marginal_hour: float) -> float | None:
    """Share of capacity in use from which owning is cheaper: fixed / (rent - marginal), per hour of full capacity.

    None when owning stays dearer even at full use.
    """
    share = break_even_volume(fixed_hour, marginal_hour, rent_hour)
    return share if share is not None and share <= 1 else None


def price_path(decay: float | Floats, months: int) -> Floats:
    """A price in months 1..months as a multiple of the first: (1 - decay)^((k-1)/12) along a new last axis.

    A decay is per year; negative is a rise.

    Raises:
        ValueError: a decay is not finite or reaches 100 % a year.
    """
    decays = np.asarray(decay, dtype=np.float64)
    _check(float(decays.min()), float(decays.max()))
    path: Floats = np.exp(np.multiply.outer(np.log1p(-decays), np.arange(months) / MONTHS_PER_YEAR))
    return path


def first_crossing(saved: Floats) -> Floats:
    """Months until a cumulated saving reaches zero, linear within the month; nan is never.

    `saved` (..., H + 1) holds the saving at the end of months 0..H, the purchase deducted. The vectorised form of
    `break_even_months`: one answer per draw.
    """
    reached = saved >= 0
    month = reached.argmax(axis=-1)
    after = np.take_along_axis(saved, month[..., None], axis=-1)[..., 0]
    before = np.take_along_axis(saved, np.maximum(month - 1, 0)[..., None], axis=-1)[..., 0]
    gain = np.where(after > before, after - before, 1.0)
    found = np.where(month == 0, 0.0, month - after / gain)
    return np.where(reached.any(axis=-1), found, np.nan)


def lasting_crossing(saved: Floats) -> Floats:
    """Months from which a cumulated saving is never below zero again, linear within the month; nan is never.

    The first crossing where there is one; a later one where the saving dips again, as it does when a fleet grows.
    """
    months = saved.shape[-1]
    below = saved < 0
    after = np.where(below.any(axis=-1), months - below[..., ::-1].argmax(axis=-1), 0)
    at = np.minimum(after, months - 1)
    reached = np.take_along_axis(saved, at[..., None], axis=-1)[..., 0]
    before = np.take_along_axis(saved, np.maximum(at - 1, 0)[..., None], axis=-1)[..., 0]
    gain = np.where(reached > before, reached - before, 1.0)
    found = np.where(after == 0, 0.0, after - reached / gain)
    return np.where(after < months, found, np.nan)


def break_even_spend(
    capex_usd: float, owned_opex_month: float, *, horizon: int = 60, own_decay: float = 0.0, rent_decay: float = 0.0
) -> float:
    """The rival's spend in month 1 from which a purchase pays for itself within `horizon` months, in USD a month.

    min over k = 1..horizon of (capex + sum of opex) / sum of (1 - rent_decay)^((j-1)/12), sums over months j <= k;
    the opex falls by `own_decay` a year. Never below 0.

    Raises:
        ValueError: there is no month, a figure is not finite, or a decay reaches 100 % a year.
    """
    if horizon < 1:
        message = f"a horizon is at least one month, got {horizon}"
        raise ValueError(message)
    _check(capex_usd, owned_opex_month, own_decay, rent_decay)
    if capex_usd <= 0:
        return 0.0
    spent = capex_usd + owned_opex_month * price_path(own_decay, horizon).cumsum()
    return max(0.0, float((spent / price_path(rent_decay, horizon).cumsum()).min()))


def turning(function: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-9) -> Turning:
    """Where a function changes sign between two ends, by bisection: the price, volume or share at which it flips.

    The answer is the side of the step with the sign of `high`, within `tolerance` x (high - low) of the change; jumps
    are found as well as zeros. A function that changes sign an even number of times between the ends looks like one
    that never does: search its pieces.

    Raises:
        ValueError: the ends are not low < high, or the function is undefined (nan) where it is asked.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        message = f"a turning point is searched between two finite ends, low < high, got {low} and {high}"
        raise ValueError(message)
    at_low, at_high = _value(function, low), _value(function, high)
    at: float | None
    if at_low == 0:
        at = low
    elif at_high != 0 and (at_low > 0) == (at_high > 0):
        at = None
    else:
        at = _bisect(function, low, high, rising=at_low < 0, width=tolerance * (high - low))
    return Turning(at=at, low=low, high=high, at_low=at_low, at_high=at_high)


def _bisect(function: Callable[[float], float], low: float, high: float, *, rising: bool, width: float) -> float:
    for _ in range(TURNING_STEPS):
        middle = low + (high - low) / 2
        if high - low <= width or middle in {low, high}:
            break
        value = _value(function, middle)
        if (value < 0) == rising and value != 0:
            low = middle
        else:
            high = middle
    return high


def _value(function: Callable[[float], float], at: float) -> float:
    value = function(at)
    if math.isnan(value):
        message = f"a turning point needs a function that is defined between its ends; it is not at {at}"
        raise ValueError(message)
    return value


def _check(*figures: float) -> None:
    if not all(math.isfinite(figure) for figure in figures):
        message = f"a break-even needs finite figures, got {figures}"
        raise ValueError(message)
    if max(figures[-2:]) >= 1:
        message = f"a price cannot fall by 100 % a year or more, got decays {figures[-2:]}"
        raise ValueError(message)
