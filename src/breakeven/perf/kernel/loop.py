"""The events of a fleet in order of time: arrivals, caches handed over, replicas that come and go."""

from __future__ import annotations

import math

from breakeven.perf.kernel.layout import (
    DOWN,
    NEVER_FITS,
    OFF,
    PREFIX_AFFINITY,
    RESERVE,
    ROUND_ROBIN,
    World,
    fleet_of,
    handover_at,
    outage_at,
    replica_at,
    request_at,
    settings_of,
)
from breakeven.perf.kernel.lists import pop_handover
from breakeven.perf.kernel.replica import advance, take_turn
from breakeven.perf.kernel.route import send, send_pending
from breakeven.perf.kernel.scale import come_up, count_state, evaluate, in_flight, next_up_s, outage

ARRIVAL, HANDOVER, OUTAGE, COME_UP, TICK, NOTHING = 0, 1, 2, 3, 4, 5


def serve(w: World) -> None:
    """Serve every request to its last token."""
    s, fleet = settings_of(w), fleet_of(w)
    skip_misfits(w)
    if s.scale_target > 0 and fleet.coming < s.requests:
        fleet.tick_s = request_at(w, fleet.coming).ready_s
    while True:
        kind, now_s = next_event(w)
        if s.prefills > 0 and advance_prefills(w, now_s):
            continue
        if kind == NOTHING:
            break
        if s.routing != ROUND_ROBIN or s.scale_target > 0:
            advance_all(w, now_s)
        happen(w, kind, now_s)
    advance_all(w, math.inf)


def next_event(w: World) -> tuple[int, float]:
    """What comes next from outside the replicas, and when; of equals the later named kind comes first."""
    s, fleet = settings_of(w), fleet_of(w)
    kind, at_s = NOTHING, math.inf
    if fleet.coming < s.requests:
        kind, at_s = ARRIVAL, request_at(w, fleet.coming).ready_s
    if fleet.handovers > 0 and handover_at(w, 0).at_s <= at_s:
        kind, at_s = HANDOVER, handover_at(w, 0).at_s
    if (
        fleet.outage < s.outages
        and outage_at(w, fleet.outage).at_s <= at_s
        and outage_at(w, fleet.outage).at_s < math.inf
    ):
        kind, at_s = OUTAGE, outage_at(w, fleet.outage).at_s
    if fleet.starting > 0 and next_up_s(w) <= at_s:
        kind, at_s = COME_UP, next_up_s(w)
    if s.scale_target > 0 and fleet.tick_s < at_s:
        kind, at_s = TICK, fleet.tick_s
    return kind, at_s


def happen(w: World, kind: int, now_s: float) -> None:
    """Let one event happen, to which the replicas have come."""
    s, fleet = settings_of(w), fleet_of(w)
    if kind == ARRIVAL:
        i = fleet.coming
        fleet.coming += 1
        skip_misfits(w)
        send(w, i, now_s, at_door=s.ttft_limit_s < math.inf or s.tpot_limit_s < math.inf)
    elif kind == HANDOVER:
        send(w, pop_handover(w), now_s, at_door=False)
    elif kind == OUTAGE:
        advance(w, outage_at(w, fleet.outage).who, now_s)
        fleet.outage += 1
        if outage(w, fleet.outage - 1, now_s):
            send_pending(w, now_s)
    elif kind == COME_UP:
        come_up(w, now_s)
        send_pending(w, now_s)
    if s.scale_target > 0:
        evaluate(w, now_s)
        plan_tick(w, now_s)


def plan_tick(w: World, now_s: float) -> None:
    """Look again after `tick_s` while there is something to scale."""
    s, fleet = settings_of(w), fleet_of(w)
    if fleet.tick_s <= now_s or fleet.tick_s == math.inf:
        lost = fleet.outage >= s.outages and count_state(w, DOWN) == s.replicas
        busy = not lost and (in_flight(w) > 0 or (fleet.coming < s.requests and above_minimum(w)))
        fleet.tick_s = now_s + s.tick_s if busy else math.inf


def above_minimum(w: World) -> bool:
    """Whether more replicas than the minimum are on."""
    on = 0
    for r in range(settings_of(w).replicas):
        on += replica_at(w, r).state != OFF
    return on > settings_of(w).scale_min


def advance_all(w: World, until_s: float) -> None:
    """Bring every replica in which something may have changed up to a time.

    Where growing answers evict prefix blocks that a router looks at, something always may.
    """
    s = settings_of(w)
    watched = s.prefix > 0 and s.routing == PREFIX_AFFINITY and s.policy != RESERVE
    for r in range(s.replicas):
        rep = replica_at(w, r)
        if (rep.due_s <= until_s and rep.due_s < math.inf) or (watched and rep.in_flight > 0):
            advance(w, r, until_s)


def advance_prefills(w: World, until_s: float) -> bool:
    """Take the prefill replica that is due first one step on, so that caches are handed over in order of time."""
    found, at_s = -1, math.inf
    for r in range(settings_of(w).prefills):
        rep = replica_at(w, r)
        if rep.due_s < at_s and (rep.due_s < until_s or (rep.stepping > 0 and rep.due_s <= until_s)):
            found, at_s = r, rep.due_s
    if found >= 0:
        take_turn(w, found, at_s)
    return found >= 0


def skip_misfits(w: World) -> None:
    """Pass over requests that can never fit in the cache."""
    s, fleet = settings_of(w), fleet_of(w)
    size = s.block_tokens
    while fleet.coming < s.requests:
        one = request_at(w, fleet.coming)
        if (one.prompt + one.output + size - 1) // size <= s.blocks:
            break
        one.outcome = NEVER_FITS
        fleet.coming += 1
