"""Replicas that come and go: autoscaling on requests in flight, and outages."""

from __future__ import annotations

import math

from breakeven.perf.kernel.layout import (
    DOWN,
    DRAINING,
    OFF,
    STARTING,
    UP,
    Replica,
    World,
    fleet_of,
    outage_at,
    replica_at,
    request_at,
    settings_of,
    slot_at,
)
from breakeven.perf.kernel.lists import drop_slot, end_prompt, first_waiting, pop_waiting
from breakeven.perf.kernel.memory import restart, stop_decoding
from breakeven.perf.kernel.prefix import forget, unclaim
from breakeven.perf.kernel.route import send


def in_flight(w: World) -> int:
    """Requests that came in and have not ended."""
    found = fleet_of(w).pending + fleet_of(w).handovers
    for r in range(settings_of(w).replicas):
        found += replica_at(w, r).in_flight
    return found


def evaluate(w: World, now_s: float) -> None:
    """Ask for replicas by requests in flight: up at once, down after the highest wish of a calm period."""
    s, fleet = settings_of(w), fleet_of(w)
    wish = min(s.scale_max, max(s.scale_min, math.ceil(in_flight(w) / s.scale_target)))
    have = fleet.starting + count_state(w, UP)
    if wish >= have:
        fleet.low_since_s = math.inf
        for _ in range(wish - have):
            start_one(w, now_s)
        return
    if fleet.low_since_s == math.inf:
        fleet.low_since_s, fleet.low_peak = now_s, wish
    fleet.low_peak = max(fleet.low_peak, wish)
    if now_s - fleet.low_since_s >= s.stable_s:
        for _ in range(have - fleet.low_peak):
            stop_one(w, now_s)
        fleet.low_since_s = math.inf


def count_state(w: World, state: int) -> int:
    """Replicas in a state."""
    found = 0
    for r in range(settings_of(w).replicas):
        found += replica_at(w, r).state == state
    return found


def start_one(w: World, now_s: float) -> None:
    """Take back a draining replica, which is warm; else start one that is off."""
    for r in range(settings_of(w).replicas):
        if replica_at(w, r).state == DRAINING:
            replica_at(w, r).state = UP
            return
    for r in range(settings_of(w).replicas):
        rep = replica_at(w, r)
        if rep.state == OFF:
            rep.state, rep.started_s, rep.up_s = STARTING, now_s, now_s + settings_of(w).cold_s
            fleet_of(w).starting += 1
            return


def stop_one(w: World, now_s: float) -> None:
    """Drain the emptiest replica, of equals the last: it takes no more requests and is off when it has none."""
    found = -1
    for r in range(settings_of(w).replicas):
        rep = replica_at(w, r)
        if rep.state == UP and (found < 0 or rep.in_flight <= replica_at(w, found).in_flight):
            found = r
    if found < 0:
        return
    rep = replica_at(w, found)
    rep.state = DRAINING
    if rep.in_flight == 0:
        rep.state = OFF
        rep.alive_s += now_s - rep.started_s


def next_up_s(w: World) -> float:
    """When the next starting replica is there."""
    found = math.inf
    if fleet_of(w).starting > 0:
        for r in range(settings_of(w).replicas):
            if replica_at(w, r).state == STARTING:
                found = min(found, replica_at(w, r).up_s)
    return found


def come_up(w: World, now_s: float) -> None:
    """Starting replicas whose time has come take requests, those that waited first."""
    for r in range(settings_of(w).replicas):
        rep = replica_at(w, r)
        if rep.state == STARTING and rep.up_s <= now_s:
            rep.state, rep.clock_s = UP, now_s
            fleet_of(w).starting -= 1
            if settings_of(w).prefix > 0:
                forget(w, r)


def outage(w: World, k: int, now_s: float) -> bool:
    """A replica goes down or comes back; True when requests that wait for a replica should be routed."""
    rep, s = replica_at(w, outage_at(w, k).who), settings_of(w)
    if outage_at(w, k).what > 0:
        rep.outages += 1
        if rep.outages == 1:
            go_down(w, outage_at(w, k).who, now_s)
        return False
    rep.outages -= 1
    if rep.outages > 0:
        return False
    rep.state = OFF if s.scale_target > 0 else UP
    rep.clock_s = rep.started_s = now_s
    return True


def go_down(w: World, r: int, now_s: float) -> None:
    """Abort the step, lose the cache, and send everyone on the replica elsewhere."""
    rep = replica_at(w, r)
    if rep.state == STARTING:
        fleet_of(w).starting -= 1
    if rep.state != OFF:
        rep.alive_s += now_s - rep.started_s
    rep.state = DOWN
    abort_step(rep, now_s)
    empty(w, r)
    i = rep.ready
    rep.ready = rep.prompts = rep.oldest = rep.newest = -1
    rep.in_flight = rep.slots = rep.used = rep.idle = rep.queued_tokens = 0
    rep.due_s = math.inf
    while i >= 0:
        after = request_at(w, i).next
        send(w, i, now_s, at_door=False)
        i = after


def abort_step(rep: Replica, now_s: float) -> None:
    """The step in progress ends without effect; what is left of it was not spent."""
    whole = rep.step_prefill_s + rep.step_decode_s
    if rep.stepping > 0 and whole > 0:
        unspent = (rep.ends_s - now_s) / whole
        rep.prefill_s -= rep.step_prefill_s * unspent
        rep.decode_s -= rep.step_decode_s * unspent
    rep.stepping = 0
    rep.extra_s = 0.0


def empty(w: World, r: int) -> None:
    """Line up everyone on a replica behind its finished prompts, with their caches lost."""
    s, rep = settings_of(w), replica_at(w, r)
    while rep.count > 0:
        i = slot_at(w, r * s.slots).request
        drop_slot(w, r, 0)
        stop_decoding(w, r, i)
        line_up(w, rep, i)
    while rep.prompts >= 0:
        end_prompt(w, r)
    i = first_waiting(w, r)
    while i >= 0:
        pop_waiting(w, r, i)
        line_up(w, rep, i)
        i = first_waiting(w, r)
    i = rep.ready
    while i >= 0:
        one = request_at(w, i)
        if one.shared > 0:
            unclaim(w, r, i)
        one.held = 0
        if one.left == 0 or one.prior > 0:
            restart(w, r, i)
        i = one.next
    if s.prefix > 0:
        forget(w, r)


def line_up(w: World, rep: Replica, i: int) -> None:
    """Append to the replica's list of finished prompts."""
    request_at(w, i).next = -1
    if rep.ready < 0:
        rep.ready = i
    else:
        request_at(w, rep.ready_end).next = i
    rep.ready_end = i
