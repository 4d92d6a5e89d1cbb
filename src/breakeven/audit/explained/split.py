"""The exact additive split of a difference over causes: the Shapley value (Shapley 1953).

Each cause gets the mean, over all orders in which causes can turn from predicted to actual, of what its turn changes.
The parts sum to the whole difference whatever the formula, and swapping both sides negates every part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import msgspec

from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.explained import CAUSES, Cause, Factors

TURNS: Mapping[Cause, tuple[str, ...]] = {
    "volume": ("rate_rps",),
    "mix": ("input_tokens", "output_tokens"),
    "price": (
        "usd_per_replica_hour",
        "usd_per_input_token",
        "usd_per_output_token",
        "usd_per_request",
        "price_index",
    ),
    "performance": ("replicas", "in_budget"),
    "usefulness": ("used",),
}
"""Which factors belong to a cause."""


def unit_cost_usd(factors: Factors) -> float:
    """USD per prediction that counts."""
    if factors.by_request:
        tokens = factors.usd_per_input_token * factors.input_tokens
        tokens += factors.usd_per_output_token * factors.output_tokens
        each = (tokens + factors.usd_per_request) * factors.price_index
    else:
        each = factors.usd_per_replica_hour * factors.replicas / (SECONDS_PER_HOUR * factors.rate_rps)
    return each / (factors.in_budget * factors.used)


def split(predicted: Factors, actual: Factors) -> dict[Cause, float]:
    """What each cause adds to the unit cost, from predicted to actual; the parts sum to the difference."""
    return shapley(CAUSES, lambda causes: unit_cost_usd(turned(predicted, actual, causes)))


def shapley(players: Sequence[Cause], worth: Callable[[frozenset[Cause]], float]) -> dict[Cause, float]:
    """The Shapley value of each player of a game."""
    worths = {group: worth(group) for group in _groups(players)}
    return {player: _value(player, players, worths) for player in players}


def _groups(players: Sequence[Cause]) -> list[frozenset[Cause]]:
    return [frozenset(group) for size in range(len(players) + 1) for group in combinations(players, size)]


def _value(player: Cause, players: Sequence[Cause], worths: Mapping[frozenset[Cause], float]) -> float:
    n = len(players)
    without = [group for group in worths if player not in group]
    return math.fsum(
        (worths[group | {player}] - worths[group])
        * (math.factorial(len(group)) * math.factorial(n - len(group) - 1) / math.factorial(n))
        for group in without
    )


def turned(predicted: Factors, actual: Factors, causes: frozenset[Cause]) -> Factors:
    """The predicted factors with those of these causes as they were."""
    changes = {name: getattr(actual, name) for cause in causes for name in TURNS[cause]}
    return msgspec.structs.replace(predicted, **changes)
