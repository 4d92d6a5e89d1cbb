"""When one option becomes cheaper than another: by month, by volume, by utilisation. Never is an answer: None."""

from __future__ import annotations

import math

MONTHS_PER_YEAR = 12


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


def _check(*figures: float) -> None:
    if not all(math.isfinite(figure) for figure in figures):
        message = f"a break-even needs finite figures, got {figures}"
        raise ValueError(message)
    if max(figures[-2:]) >= 1:
        message = f"a price cannot fall by 100 % a year or more, got decays {figures[-2:]}"
        raise ValueError(message)
