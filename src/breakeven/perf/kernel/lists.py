"""Queues by priority, the heap of decoding sequences, and the heap of events."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.perf.kernel.layout import Event, World


def first_waiting(w: World, r: int) -> int:
    """The request to admit next on a replica, -1 when none waits."""
    classes = w.settings[0].classes
    for rank in range(classes):
        first = w.queues[r * classes + rank].first
        if first >= 0:
            return first
    return -1


def push_waiting(w: World, r: int, i: int) -> None:
    """Queue a request; inside a priority the order is that of arrival, also for one that comes back."""
    queue = w.queues[r * w.settings[0].classes + w.requests[i].rank]
    one = w.requests[i]
    one.next = -1
    if queue.first < 0:
        queue.first = queue.last = i
    elif i > queue.last:
        w.requests[queue.last].next = i
        queue.last = i
    elif i < queue.first:
        one.next = queue.first
        queue.first = i
    else:
        before = queue.first
        while w.requests[before].next < i:
            before = w.requests[before].next
        one.next = w.requests[before].next
        w.requests[before].next = i


def pop_waiting(w: World, r: int, i: int) -> None:
    """Take the first of its queue out."""
    queue = w.queues[r * w.settings[0].classes + w.requests[i].rank]
    queue.first = w.requests[i].next
    if queue.first < 0:
        queue.last = -1


def push_prompt(w: World, r: int, i: int) -> None:
    """Behind the other prompts of a replica."""
    rep = w.replicas[r]
    w.requests[i].next = -1
    if rep.prompts < 0:
        rep.prompts = i
    else:
        w.requests[rep.prompts_end].next = i
    rep.prompts_end = i


def end_prompt(w: World, r: int) -> None:
    """Move the first prompt to those whose first token comes with this step."""
    rep = w.replicas[r]
    i = rep.prompts
    rep.prompts = w.requests[i].next
    w.requests[i].next = -1
    if rep.ready < 0:
        rep.ready = i
    else:
        w.requests[rep.ready_end].next = i
    rep.ready_end = i


def drop_prompt(w: World, r: int, i: int) -> None:
    """Take a prompt out from wherever in the list it is."""
    rep = w.replicas[r]
    if rep.prompts == i:
        rep.prompts = w.requests[i].next
        return
    before = rep.prompts
    while w.requests[before].next != i:
        before = w.requests[before].next
    w.requests[before].next = w.requests[i].next
    if rep.prompts_end == i:
        rep.prompts_end = before


def push_pending(w: World, i: int) -> None:
    """Hold a request for which there is no replica."""
    fleet = w.fleet[0]
    w.requests[i].next = -1
    if fleet.pending_first < 0:
        fleet.pending_first = i
    else:
        w.requests[fleet.pending_last].next = i
    fleet.pending_last = i
    fleet.pending += 1


def push_slot(w: World, r: int, at: int, i: int) -> None:
    """Add to the heap of a replica, which holds `count` already."""
    start, place = r * w.settings[0].slots, w.replicas[r].count
    rise_slot(w, start, place, at, i)


def rise_slot(w: World, start: int, place: int, at: int, i: int) -> None:
    """Fill a free place, or one above it so that no parent ends later than a child."""
    while place > 0:
        parent = (place - 1) // 2
        if w.slots[start + parent].at <= at:
            break
        w.slots[start + place].at = w.slots[start + parent].at
        w.slots[start + place].request = w.slots[start + parent].request
        place = parent
    w.slots[start + place].at = at
    w.slots[start + place].request = i


def drop_slot(w: World, r: int, place: int) -> None:
    """Take a place of the heap out; the caller lowers `count`."""
    start, last = r * w.settings[0].slots, w.replicas[r].count - 1
    at, i = w.slots[start + last].at, w.slots[start + last].request
    top = place
    child = 2 * place + 1
    while child < last:
        if child + 1 < last and w.slots[start + child + 1].at < w.slots[start + child].at:
            child += 1
        if w.slots[start + child].at >= at:
            break
        w.slots[start + place].at = w.slots[start + child].at
        w.slots[start + place].request = w.slots[start + child].request
        place = child
        child = 2 * place + 1
    if top < last:
        rise_slot(w, start, place, at, i)


def sooner(events: Sequence[Event], one: int, other: int) -> bool:
    """Order of two events in time; at the same time in order of request."""
    if events[one].at_s != events[other].at_s:
        return events[one].at_s < events[other].at_s
    return events[one].who < events[other].who


def swap_events(events: Sequence[Event], one: int, other: int) -> None:
    """Exchange two places of a heap of events."""
    at_s, who = events[one].at_s, events[one].who
    events[one].at_s, events[one].who = events[other].at_s, events[other].who
    events[other].at_s, events[other].who = at_s, who


def push_handover(w: World, at_s: float, i: int) -> None:
    """A request's cache will have reached the decode replicas at a time."""
    place = w.fleet[0].handovers
    w.fleet[0].handovers += 1
    w.handovers[place].at_s, w.handovers[place].who = at_s, i
    while place > 0 and sooner(w.handovers, place, (place - 1) // 2):
        swap_events(w.handovers, place, (place - 1) // 2)
        place = (place - 1) // 2


def pop_handover(w: World) -> int:
    """The request whose cache arrives first."""
    fleet = w.fleet[0]
    found = w.handovers[0].who
    fleet.handovers -= 1
    swap_events(w.handovers, 0, fleet.handovers)
    place, child = 0, 1
    while child < fleet.handovers:
        if child + 1 < fleet.handovers and sooner(w.handovers, child + 1, child):
            child += 1
        if not sooner(w.handovers, child, place):
            break
        swap_events(w.handovers, place, child)
        place, child = child, 2 * child + 1
    return found
