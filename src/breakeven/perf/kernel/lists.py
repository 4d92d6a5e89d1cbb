"""Queues by priority, the heap of decoding sequences, and the heap of events."""

from __future__ import annotations

from breakeven.perf.kernel.layout import (
    World,
    fleet_of,
    handover_at,
    queue_at,
    replica_at,
    request_at,
    settings_of,
    slot_at,
)


def first_waiting(w: World, r: int) -> int:
    """The request to admit next on a replica, -1 when none waits."""
    classes = settings_of(w).classes
    for rank in range(classes):
        first = queue_at(w, r * classes + rank).first
        if first >= 0:
            return first
    return -1


def push_waiting(w: World, r: int, i: int) -> None:
    """Queue a request; inside a priority the order is that of arrival, also for one that comes back."""
    queue = queue_at(w, r * settings_of(w).classes + request_at(w, i).rank)
    one = request_at(w, i)
    one.next = -1
    if queue.first < 0:
        queue.first = queue.last = i
    elif i > queue.last:
        request_at(w, queue.last).next = i
        queue.last = i
    elif i < queue.first:
        one.next = queue.first
        queue.first = i
    else:
        before = queue.first
        while request_at(w, before).next < i:
            before = request_at(w, before).next
        one.next = request_at(w, before).next
        request_at(w, before).next = i


def pop_waiting(w: World, r: int, i: int) -> None:
    """Take the first of its queue out."""
    queue = queue_at(w, r * settings_of(w).classes + request_at(w, i).rank)
    queue.first = request_at(w, i).next
    if queue.first < 0:
        queue.last = -1


def push_prompt(w: World, r: int, i: int) -> None:
    """Behind the other prompts of a replica."""
    rep = replica_at(w, r)
    request_at(w, i).next = -1
    if rep.prompts < 0:
        rep.prompts = i
    else:
        request_at(w, rep.prompts_end).next = i
    rep.prompts_end = i


def end_prompt(w: World, r: int) -> None:
    """Move the first prompt to those whose first token comes with this step."""
    rep = replica_at(w, r)
    i = rep.prompts
    rep.prompts = request_at(w, i).next
    request_at(w, i).next = -1
    if rep.ready < 0:
        rep.ready = i
    else:
        request_at(w, rep.ready_end).next = i
    rep.ready_end = i


def drop_prompt(w: World, r: int, i: int) -> None:
    """Take a prompt out from wherever in the list it is."""
    rep = replica_at(w, r)
    if rep.prompts == i:
        rep.prompts = request_at(w, i).next
        return
    before = rep.prompts
    while request_at(w, before).next != i:
        before = request_at(w, before).next
    request_at(w, before).next = request_at(w, i).next
    if rep.prompts_end == i:
        rep.prompts_end = before


def push_pending(w: World, i: int) -> None:
    """Hold a request for which there is no replica."""
    fleet = fleet_of(w)
    request_at(w, i).next = -1
    if fleet.pending_first < 0:
        fleet.pending_first = i
    else:
        request_at(w, fleet.pending_last).next = i
    fleet.pending_last = i
    fleet.pending += 1


def push_slot(w: World, r: int, at: int, i: int) -> None:
    """Add to the heap of a replica, which holds `count` already."""
    start, place = r * settings_of(w).slots, replica_at(w, r).count
    rise_slot(w, start, place, at, i)


def rise_slot(w: World, start: int, place: int, at: int, i: int) -> None:
    """Fill a free place, or one above it so that no parent ends later than a child."""
    while place > 0:
        parent = (place - 1) // 2
        if slot_at(w, start + parent).at <= at:
            break
        slot_at(w, start + place).at = slot_at(w, start + parent).at
        slot_at(w, start + place).request = slot_at(w, start + parent).request
        place = parent
    slot_at(w, start + place).at = at
    slot_at(w, start + place).request = i


def drop_slot(w: World, r: int, place: int) -> None:
    """Take a place of the heap out; the caller lowers `count`."""
    start, last = r * settings_of(w).slots, replica_at(w, r).count - 1
    at, i = slot_at(w, start + last).at, slot_at(w, start + last).request
    top = place
    child = 2 * place + 1
    while child < last:
        if child + 1 < last and slot_at(w, start + child + 1).at < slot_at(w, start + child).at:
            child += 1
        if slot_at(w, start + child).at >= at:
            break
        slot_at(w, start + place).at = slot_at(w, start + child).at
        slot_at(w, start + place).request = slot_at(w, start + child).request
        place = child
        child = 2 * place + 1
    if top < last:
        rise_slot(w, start, place, at, i)


def sooner(w: World, one: int, other: int) -> bool:
    """Order of two handovers in time; at the same time in order of request."""
    if handover_at(w, one).at_s != handover_at(w, other).at_s:
        return handover_at(w, one).at_s < handover_at(w, other).at_s
    return handover_at(w, one).who < handover_at(w, other).who


def swap_places(w: World, one: int, other: int) -> None:
    """Exchange two places of the heap of handovers."""
    a, b = handover_at(w, one), handover_at(w, other)
    at_s, who = a.at_s, a.who
    a.at_s, a.who = b.at_s, b.who
    b.at_s, b.who = at_s, who


def push_handover(w: World, at_s: float, i: int) -> None:
    """A request's cache will have reached the decode replicas at a time."""
    place = fleet_of(w).handovers
    fleet_of(w).handovers += 1
    handover_at(w, place).at_s, handover_at(w, place).who = at_s, i
    while place > 0 and sooner(w, place, (place - 1) // 2):
        swap_places(w, place, (place - 1) // 2)
        place = (place - 1) // 2


def pop_handover(w: World) -> int:
    """The request whose cache arrives first."""
    fleet = fleet_of(w)
    found = handover_at(w, 0).who
    fleet.handovers -= 1
    swap_places(w, 0, fleet.handovers)
    place, child = 0, 1
    while child < fleet.handovers:
        if child + 1 < fleet.handovers and sooner(w, child + 1, child):
            child += 1
        if not sooner(w, child, place):
            break
        swap_places(w, place, child)
        place, child = child, 2 * child + 1
    return found
