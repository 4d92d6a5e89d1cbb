"""Work that may wait, placed into idle hours: as much as fits, at the least cost, then with the least carbon.

Hours are taken up from the cheapest and cleanest on, each for as much as some work can still use; what stands already
moves to other work's hours where that makes room (augmenting paths). Sets of usable hours are the independent sets of a
matroid, so that this greedy order is the optimum (Edmonds 1971), here with amounts in place of units.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from breakeven.errors import UsageError
from breakeven.schema.scaling import IdleHour, IdlePlan, Placed, Work

TINY = 1e-9

Flow = dict[tuple[int, int], float]
"""Replica-hours by place of the work and place of the hour."""


def place_idle(hours: Sequence[IdleHour], work: Sequence[Work]) -> IdlePlan:
    """The schedule of `work` in `hours`.

    Raises:
        UsageError: an hour or a name comes twice, or an amount is negative, or work has no hour before its deadline.
    """
    _check(hours, work)
    known = all(one.gco2_per_kwh is not None for one in hours)
    order = sorted(range(len(hours)), key=lambda place: _rank(hours[place], known=known))
    flow = _filled(hours, work, order)
    earliest = _filled(hours, work, sorted(range(len(hours)), key=lambda place: hours[place].hour))
    placed = tuple(
        Placed(work=work[at].name, hour=hours[hour].hour, replica_hours=amount)
        for (at, hour), amount in sorted(flow.items(), key=lambda one: (hours[one[0][1]].hour, one[0][0]))
        if amount > TINY
    )
    left = {one.name: one.replica_hours - _sum(flow, at) for at, one in enumerate(work)}
    return IdlePlan(
        placed=placed,
        unplaced={name: amount for name, amount in left.items() if amount > TINY},
        cost_usd=sum(amount * hours[hour].usd_per_replica_hour for (_, hour), amount in flow.items()),
        gco2_per_kw=_carbon(hours, flow) if known else None,
        earliest_gco2_per_kw=_carbon(hours, earliest) if known else None,
        carbon=_said(hours, known=known),
    )


def _rank(hour: IdleHour, *, known: bool) -> tuple[float, float, int]:
    return hour.usd_per_replica_hour, (hour.gco2_per_kwh or 0.0) if known else 0.0, hour.hour


def _said(hours: Sequence[IdleHour], *, known: bool) -> str:
    if not known:
        return "carbon by hour is not known, and is taken as flat: cost and then the earliest hours decide"
    if len({one.gco2_per_kwh for one in hours}) <= 1:
        return "carbon is the same in every hour: cost and then the earliest hours decide"
    return "the cheapest hours, and of equally cheap ones the cleanest"


def _check(hours: Sequence[IdleHour], work: Sequence[Work]) -> None:
    _once("hour", [str(one.hour) for one in hours])
    _once("work", [one.name for one in work])
    for hour in hours:
        if not hour.replicas >= 0:
            message = f"hour {hour.hour} has {hour.replicas:g} idle replicas"
            raise UsageError(message, "write 0 where none is idle")
    for one in work:
        if not one.replica_hours >= 0 or one.deadline <= one.earliest:
            message = f"work {one.name}: {one.replica_hours:g} replica-hours from {one.earliest} to {one.deadline}"
            raise UsageError(message, "give an amount >= 0, and a deadline after the earliest hour")


def _once(what: str, names: Sequence[str]) -> None:
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        message = f"{what} {twice} comes twice"
        raise UsageError(message, f"give each {what} once")


def _filled(hours: Sequence[IdleHour], work: Sequence[Work], order: Sequence[int]) -> Flow:
    flow: Flow = {}
    left = [one.replica_hours for one in work]
    for hour in order:
        room = hours[hour].replicas
        while room > TINY:
            amount = _augment(hours, work, flow, left, hour, room)
            if amount <= TINY:
                break
            room -= amount
    return flow


def _augment(
    hours: Sequence[IdleHour], work: Sequence[Work], flow: Flow, left: list[float], hour: int, room: float
) -> float:
    """Use an hour for work that lacks some, or for work that then leaves its hour to other work; what that took."""
    path = _path(hours, work, flow, left, hour)
    if not path:
        return 0.0
    given = [flow[(path[at][0], path[at + 1][1])] for at in range(len(path) - 1)]
    amount = min(room, left[path[-1][0]], *given) if given else min(room, left[path[-1][0]])
    for at, (one, place) in enumerate(path):
        flow[one, place] = flow.get((one, place), 0.0) + amount
        if at + 1 < len(path):
            flow[one, path[at + 1][1]] -= amount
    left[path[-1][0]] -= amount
    return amount


def _path(
    hours: Sequence[IdleHour], work: Sequence[Work], flow: Flow, left: Sequence[float], hour: int
) -> list[tuple[int, int]]:
    """The shortest chain of (work, hour it takes): each leaves the next one's hour, the last has work left."""
    came: dict[int, tuple[int, int | None]] = {}
    queue = deque([(hour, None)])
    seen = {hour}
    while queue:
        place, before = queue.popleft()
        for at, one in enumerate(work):
            if at in came or not one.earliest <= hours[place].hour < one.deadline:
                continue
            came[at] = (place, before)
            if left[at] > TINY:
                return _back(came, at)
            for (other, held), amount in flow.items():
                if other == at and amount > TINY and held not in seen:
                    seen.add(held)
                    queue.append((held, at))  # type: ignore[arg-type]
    return []


def _back(came: dict[int, tuple[int, int | None]], last: int) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    at: int | None = last
    while at is not None:
        place, before = came[at]
        path.append((at, place))
        at = before
    return path[::-1]


def _sum(flow: Flow, at: int) -> float:
    return sum(amount for (one, _), amount in flow.items() if one == at)


def _carbon(hours: Sequence[IdleHour], flow: Flow) -> float:
    return sum(amount * (hours[hour].gco2_per_kwh or 0.0) for (_, hour), amount in flow.items())
