"""Which replica a request goes to, and whether it is let in at the door."""

from __future__ import annotations

from breakeven.perf.kernel.layout import (
    LEAST_LOADED,
    REFUSED,
    ROUND_ROBIN,
    UP,
    World,
    fleet_of,
    replica_at,
    request_at,
    settings_of,
)
from breakeven.perf.kernel.lists import push_pending
from breakeven.perf.kernel.prefix import hits
from breakeven.perf.kernel.replica import advance, submit
from breakeven.perf.kernel.steps import step_s


def choose(w: World, i: int, first: int, last: int) -> int:
    """A replica of `first`..`last` that is up, -1 when none is; equals go to the lowest number."""
    if settings_of(w).routing == ROUND_ROBIN:
        return in_turn(w, i, first, last)
    least = least_loaded(w, first, last)
    if least < 0 or settings_of(w).routing == LEAST_LOADED or settings_of(w).prefix == 0 or request_at(w, i).left == 0:
        return least
    return with_prefix(w, i, first, last, least)


def in_turn(w: World, i: int, first: int, last: int) -> int:
    """Request i goes to the (i mod n)-th of the n replicas that are up."""
    up = 0
    for r in range(first, last):
        up += replica_at(w, r).state == UP
    if up == 0:
        return -1
    skip = i % up
    for r in range(first, last):
        if replica_at(w, r).state == UP:
            if skip == 0:
                return r
            skip -= 1
    return -1


def least_loaded(w: World, first: int, last: int) -> int:
    """The replica with the fewest requests in flight."""
    found = -1
    for r in range(first, last):
        rep = replica_at(w, r)
        if rep.state == UP and (found < 0 or rep.in_flight < replica_at(w, found).in_flight):
            found = r
    return found


def with_prefix(w: World, i: int, first: int, last: int, least: int) -> int:
    """The replica that holds most of the prompt, if it has at most `slack` requests more than the least loaded."""
    found, most = least, hits(w, least, i)
    limit = replica_at(w, least).in_flight + settings_of(w).slack
    for r in range(first, last):
        if replica_at(w, r).state == UP and replica_at(w, r).in_flight <= limit:
            held = hits(w, r, i)
            if held > most:
                found, most = r, held
    return found


def admissible(w: World, r: int, i: int, now_s: float) -> bool:
    """Whether the promises can be kept on this replica: first token in time, and the batch plus one fast enough."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    d = r if s.prefills == 0 else least_loaded(w, s.prefills, s.replicas)
    if d >= 0:
        advance(w, d, now_s)
        at = replica_at(w, d)
        if step_s(w, min(at.count + 1, s.max_sequences), at.context + one.prompt, at.window, 0, 0.0) > s.tpot_limit_s:
            return False
    room = s.budget
    if s.chunked > 0:
        room = max(1, s.budget - rep.count * (1 + s.drafts))
    tokens = rep.queued_tokens + one.left
    full, rest = tokens // room, tokens % room
    wait = max(0.0, rep.ends_s - now_s) if rep.stepping > 0 else 0.0
    wait += full * step_s(w, rep.count, rep.context, rep.window, room, room * (one.prompt / 2))
    if rest > 0:
        wait += step_s(w, rep.count, rep.context, rep.window, rest, rest * (one.prompt / 2))
    return now_s - one.ready_s + wait <= s.ttft_limit_s


def send(w: World, i: int, now_s: float, at_door: bool) -> None:
    """Route a request; hold it when no replica is up, refuse it at the door when it would come too late."""
    s, one = settings_of(w), request_at(w, i)
    first, last = 0, s.replicas
    if s.prefills > 0:
        first, last = (0, s.prefills) if one.left > 0 else (s.prefills, s.replicas)
    r = choose(w, i, first, last)
    if r < 0:
        push_pending(w, i)
        return
    if r >= s.prefills:
        advance(w, r, now_s)
    if at_door and not admissible(w, r, i, now_s):
        one.outcome = REFUSED
        return
    submit(w, r, i, now_s)


def send_pending(w: World, now_s: float) -> None:
    """Route whom no replica was there for, in the order they came."""
    fleet = fleet_of(w)
    i = fleet.pending_first
    fleet.pending_first = fleet.pending_last = -1
    fleet.pending = 0
    while i >= 0:
        after = request_at(w, i).next
        send(w, i, now_s, at_door=False)
        i = after
