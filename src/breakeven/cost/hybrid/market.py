"""Offers laid out over the periods of a horizon: what an hour of each source costs, which terms can start when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakeven.cost.hybrid.offers import Commitment, Price, Spot

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Every term that can be bought (one column each), and what is paid by use.

    `offer` and `start` are the offer and first period of each term, `term_usd` the price of one machine for all of it,
    `units` what one machine provides in each period (periods x terms, 0 outside the term). `on_demand_usd` and
    `spot_usd` are per unit-hour of each period; spot at the on-demand price, share 0, is no spot.
    """

    offers: tuple[Commitment, ...]
    hours: int
    offer: NDArray[np.intp]
    start: NDArray[np.intp]
    term_usd: Matrix
    units: Matrix
    on_demand_usd: Matrix
    spot_usd: Matrix
    spot_share: float
    spot_name: str

    @property
    def used_usd(self) -> Matrix:
        """What a unit-hour that serves costs on top, of each offer."""
        return np.array([offer.used_usd_per_unit_h for offer in self.offers], dtype=np.float64)

    @property
    def periods(self) -> int:
        """How often a term can start."""
        return len(self.units)

    def running(self) -> NDArray[np.bool_]:
        """Whether each term runs in each period (periods x terms)."""
        return self.units > 0


def market(
    offers: Sequence[Commitment], on_demand: Price, spot: Spot | None, *, periods: int, hours_per_period: int
) -> Market:
    """The market of a horizon.

    Raises:
        ValueError: two offers share a name, a term outlasts the horizon, or a price, size or limit is impossible.
    """
    names = [offer.name for offer in offers]
    if len(set(names)) < len(names):
        message = f"offers of a mix have different names, got {names}"
        raise ValueError(message)
    terms = [(index, start) for index, offer in enumerate(offers) for start in _starts(offer, periods)]
    columns = [_column(offers[index], start, periods) for index, start in terms]
    on_demand_usd = _prices("on-demand", on_demand, periods)
    return Market(
        offers=tuple(offers),
        hours=hours_per_period,
        offer=np.array([index for index, _ in terms], dtype=np.intp),
        start=np.array([start for _, start in terms], dtype=np.intp),
        term_usd=np.array([usd for usd, _ in columns], dtype=np.float64) * hours_per_period,
        units=np.array([units for _, units in columns], dtype=np.float64).reshape(len(terms), periods).T,
        on_demand_usd=on_demand_usd,
        spot_usd=on_demand_usd if spot is None else _prices(spot.name, spot.usd_per_unit_h, periods),
        spot_share=0.0 if spot is None else _share(spot),
        spot_name="" if spot is None else spot.name,
    )


def _starts(offer: Commitment, periods: int) -> range:
    term = _term(offer, periods)
    if not 1 <= term <= periods:
        message = f"the term of {offer.name!r} is {term} periods and the horizon {periods}: price it for the horizon"
        raise ValueError(message)
    sound = offer.units_per_machine > 0 and np.isfinite(offer.units_per_machine)
    if not sound or (offer.most is not None and offer.most < 0):
        message = (
            f"{offer.name!r} needs units per machine > 0 and most >= 0, got {offer.units_per_machine}, {offer.most}"
        )
        raise ValueError(message)
    if offer.used_usd_per_unit_h < 0 or not np.isfinite(offer.used_usd_per_unit_h) or offer.first_period < 0:
        message = (
            f"{offer.name!r} needs a price of use and a first period >= 0, "
            f"got {offer.used_usd_per_unit_h}, {offer.first_period}"
        )
        raise ValueError(message)
    return range(offer.first_period, periods - term + 1)


def _term(offer: Commitment, periods: int) -> int:
    """Periods of the shortest term that can be bought."""
    if offer.to_the_end:
        return 1
    return periods if offer.term_periods is None else offer.term_periods


def _column(offer: Commitment, start: int, periods: int) -> tuple[float, Matrix]:
    """Sum of the hourly prices over the periods of a term, and the units it provides in each period."""
    term = periods - start if offer.to_the_end else _term(offer, periods)
    units = np.zeros(periods)
    units[start : start + term] = offer.units_per_machine
    return float(_prices(offer.name, offer.usd_per_machine_h, periods)[start]) * term, units


def _prices(name: str, price: Price, periods: int) -> Matrix:
    given = np.atleast_1d(np.asarray(price, dtype=np.float64))
    if given.size not in {1, periods} or not np.isfinite(given).all() or given.min() < 0:
        message = f"{name!r} needs one price >= 0 per hour, or one for each of {periods} periods, got {price}"
        raise ValueError(message)
    return np.broadcast_to(given, (periods,))


def _share(spot: Spot) -> float:
    if not 0 <= spot.most_share <= 1:
        message = f"the share of {spot.name!r} lies between 0 and 1, got {spot.most_share}"
        raise ValueError(message)
    return spot.most_share
