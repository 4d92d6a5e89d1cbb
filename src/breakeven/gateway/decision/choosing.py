"""One uniform draw becomes a target: the arm by weight, the target in it by strategy, and a share for exploration."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, Strategy, in_proportion, pick
from breakeven.gateway.decision.strategy.table import STRATEGIES

_BELOW_ONE = 1 - 2.0**-53


def choose(
    strategy: str, options: Sequence[Option], *, draw: float, explore: float = 0.0
) -> tuple[int, tuple[float, ...]]:
    """The position of the target for a uniform draw in [0, 1), and the propensity of each (they sum to 1).

    Raises:
        KeyError: no strategy of this name.
        ValueError: there is no option.
    """
    if not options:
        message = f"strategy {strategy!r} has no option to choose from"
        raise ValueError(message)
    function = STRATEGIES[strategy].function
    if len(options) == 1:
        return 0, (1.0,)
    position, propensities = arms(function, options, draw)
    return explored(propensities, explore, draw) if explore > 0 else (position, propensities)


def arms(strategy: Strategy, options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose the arm by its summed weights, then a target by the strategy inside it.

    A propensity is P(arm) x P(target | arm). With one arm the strategy sees every option.
    """
    first = options[0].arm
    if all(option.arm == first for option in options):
        return strategy(options, draw)
    members: dict[str, list[int]] = {}
    for position, option in enumerate(options):
        members.setdefault(option.arm, []).append(position)
    places = list(members.values())
    arm, shares = in_proportion([sum(options[position].weight for position in place) for place in places], draw)
    return _within(strategy, options, places, shares, (arm, draw))


def _within(
    strategy: Strategy,
    options: Sequence[Option],
    places: list[list[int]],
    shares: tuple[float, ...],
    chosen: tuple[int, float],
) -> tuple[int, tuple[float, ...]]:
    arm, draw = chosen
    inner = min(_BELOW_ONE, max(0.0, (draw - sum(shares[:arm])) / shares[arm]))
    propensities = [0.0] * len(options)
    position = 0
    for number, (place, share) in enumerate(zip(places, shares, strict=True)):
        found, parts = strategy([options[one] for one in place], inner)
        for one, part in zip(place, parts, strict=True):
            propensities[one] = share * part
        if number == arm:
            position = place[found]
    return position, tuple(propensities)


def explored(propensities: Sequence[float], explore: float, draw: float) -> tuple[int, tuple[float, ...]]:
    """Mix with the uniform choice: (1 - explore) x p + explore / n, chosen from by the one draw."""
    even = explore / len(propensities)
    mixed = tuple([(1 - explore) * share + even for share in propensities])
    return pick(mixed, draw), mixed
