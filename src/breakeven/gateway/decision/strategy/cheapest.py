"""The cheapest target that is predicted to keep the latency targets."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, one_of


def cheapest(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose the one to which the request adds the least cost among the feasible, or among all where none is.

    What is paid for anyhow (owned, reserved, rented by the hour) adds nothing, so that it is filled before what is paid
    by the request. An unpriced target comes after every priced one: unknown is not free. Ties are broken evenly.
    """
    everyone = range(len(options))
    able = [position for position in everyone if options[position].feasible] or everyone
    priced = [cost for position in able if (cost := options[position].cost_pico_usd) is not None]
    least = min(priced, default=None)
    return one_of([position for position in able if options[position].cost_pico_usd == least], len(options), draw)
