"""One replica: admission, chunks of prompts, steps one by one and in runs. `perf.batching` says it in plain words."""

from __future__ import annotations

import math

from breakeven.perf.kernel.layout import (
    ANSWERED,
    DRAINING,
    OFF,
    RESERVE,
    SWAP,
    Replica,
    World,
    replica_at,
    request_at,
    settings_of,
    slot_at,
)
from breakeven.perf.kernel.lists import (
    drop_slot,
    end_prompt,
    first_waiting,
    pop_waiting,
    push_handover,
    push_prompt,
    push_slot,
    push_waiting,
)
from breakeven.perf.kernel.memory import (
    allot,
    fits,
    hold,
    leave_batch,
    make_room,
    release,
    start_growth,
    steps_until_full,
    wanted,
)
from breakeven.perf.kernel.prefix import claim, hits, publish
from breakeven.perf.kernel.steps import growth_s, run_s, step_s, steps_for, steps_within


def submit(w: World, r: int, i: int, now_s: float) -> None:
    """Queue a request on a replica that was advanced to this time."""
    rep, one = replica_at(w, r), request_at(w, i)
    if rep.in_flight == 0 and rep.stepping == 0:
        rep.clock_s = max(rep.clock_s, now_s)
    one.replica = r
    push_waiting(w, r, i)
    rep.in_flight += 1
    rep.queued_tokens += one.left
    rep.version += 1
    rep.due_s = min(rep.due_s, rep.ends_s if rep.stepping else rep.clock_s)


def advance(w: World, r: int, until_s: float) -> None:
    """Run every step that begins before `until_s`."""
    rep = replica_at(w, r)
    growing = settings_of(w).policy != RESERVE
    while settle(w, r, until_s) and rep.in_flight > 0 and rep.clock_s < until_s:
        admit(w, r)
        displaced = growing and make_room(w, r)
        if rep.prompts >= 0 or rep.count == 0:
            begin_loaded(w, r)
        else:
            decode_run(w, r, until_s, displaced)
    rep.due_s = next_change_s(w, r)


def take_turn(w: World, r: int, now_s: float) -> None:
    """End the step of a prefill replica that ends now, or begin its next one."""
    rep = replica_at(w, r)
    if rep.stepping > 0:
        settle(w, r, now_s)
    else:
        admit(w, r)
        begin_loaded(w, r)
    rep.due_s = next_change_s(w, r)


def next_change_s(w: World, r: int) -> float:
    """A time before which nobody ends, is admitted or gets a first token; infinite when idle."""
    rep = replica_at(w, r)
    if rep.stepping == 0:
        return rep.clock_s if rep.in_flight > 0 else math.inf
    if rep.ready >= 0 or rep.prompts >= 0 or rep.count == 0 or settings_of(w).per_step > 0:
        return rep.ends_s
    waiting = first_waiting(w, r)
    if waiting >= 0 and rep.slots < settings_of(w).max_sequences and fits(w, r, waiting):
        return rep.ends_s
    left = slot_at(w, r * settings_of(w).slots).at - rep.tick
    if settings_of(w).policy != RESERVE:
        left = steps_until_full(w, rep, r, left)
    more = growth_s(w, rep)
    first = step_s(w, rep.count, rep.context, rep.window, 0, 0.0) + more
    return rep.ends_s + run_s(first, more, max(0, left - 1))


def settle(w: World, r: int, until_s: float) -> bool:
    """End the step in progress if it ends by `until_s`; False when it does not."""
    rep = replica_at(w, r)
    if rep.stepping == 0:
        return True
    if rep.ends_s > until_s:
        return False
    rep.clock_s = rep.ends_s
    rep.stepping = 0
    rep.steps += 1
    if rep.mixed > 0:
        count_steps(w, r, 1)
    i = rep.ready
    rep.ready = -1
    while i >= 0:
        after = request_at(w, i).next
        end_of_prompt(w, r, i)
        i = after
    return True


def count_steps(w: World, r: int, steps: int) -> None:
    """So many decode steps have passed; those whose last token that was, end."""
    s, rep = settings_of(w), replica_at(w, r)
    rep.tick += steps
    rep.context += rep.count * steps * s.tokens_per_step
    if rep.count > 0:
        rep.decode_steps += steps
        rep.decoded += rep.count * steps
    start = r * s.slots
    while rep.count > 0 and slot_at(w, start).at <= rep.tick:
        i = slot_at(w, start).request
        one = request_at(w, i)
        drop_slot(w, r, 0)
        release(w, r, i, decoding=True)
        leave_batch(w, rep, i, one.prompt + one.emitted + (rep.tick - one.joined) * s.tokens_per_step)
        finish(w, rep, i)


def end_of_prompt(w: World, r: int, i: int) -> None:
    """A prompt is through: its first (or next) token is there."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    if math.isnan(one.first_s):
        one.first_s = rep.clock_s
    if s.prefix > 0:
        publish(w, r, i)
    one.emitted += 1
    if one.emitted >= one.output:
        release(w, r, i, decoding=False)
        finish(w, rep, i)
    elif r < s.prefills:
        release(w, r, i, decoding=False)
        rep.in_flight -= 1
        push_handover(w, rep.clock_s + s.transfer_s + s.transfer_s_per_token * (one.prompt + one.emitted - 1), i)
    else:
        join(w, r, i)


def join(w: World, r: int, i: int) -> None:
    """A sequence decodes from the next step on."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    one.joined = rep.tick
    if s.policy != RESERVE:
        start_growth(w, r, i)
    push_slot(w, r, rep.tick + steps_for(w, one.output - one.emitted), i)
    rep.count += 1
    rep.context += one.prompt + one.emitted
    rep.window += min(one.prompt, s.window_tokens)


def finish(w: World, rep: Replica, i: int) -> None:
    """The last token is there. A draining replica that is empty now is off."""
    request_at(w, i).done_s = rep.clock_s
    request_at(w, i).outcome = ANSWERED
    rep.in_flight -= 1
    if rep.state == DRAINING and rep.in_flight == 0:
        rep.state = OFF
        rep.alive_s += rep.clock_s - rep.started_s


def admit(w: World, r: int) -> None:
    """Let in whom slots and cache allow, in order."""
    rep, most = replica_at(w, r), settings_of(w).max_sequences
    while rep.slots < most:
        i = first_waiting(w, r)
        if i < 0 or not fits(w, r, i):
            break
        pop_waiting(w, r, i)
        rep.slots += 1
        place(w, r, i)


def place(w: World, r: int, i: int) -> None:
    """Give an admitted request its blocks; a prompt then waits for chunks, a cache at hand decodes at once."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    blocks = wanted(w, r, i)
    if one.left == 0:
        hold(w, r, i, blocks)
        if s.policy == SWAP and one.preempted > 0:
            rep.extra_s += s.swap_s_per_token * (one.prompt + one.emitted)
        join(w, r, i)
        return
    known = min(one.chance, one.left - 1)
    if s.prefix > 0:
        found = hits(w, r, i)
        claim(w, r, i, found)
        known = found * s.hash_tokens
        blocks -= found * s.hash_span
    hold(w, r, i, blocks)
    one.hit += known
    one.prior = known
    one.left -= known
    rep.queued_tokens -= known
    push_prompt(w, r, i)


def begin_loaded(w: World, r: int) -> None:
    """Begin a step with chunks of prompts, in order, in what the decoding sequences leave of the token budget.

    Without chunking whole prompts, at least one, have the step for themselves and the decoding sequences wait.
    """
    s, rep = settings_of(w), replica_at(w, r)
    room, taken, pairs = s.budget, 0, 0.0
    if s.chunked > 0 and rep.count > 0:
        room = max(0, s.budget - rep.count * (1 + s.drafts))
    while rep.prompts >= 0 and taken < room:
        one = request_at(w, rep.prompts)
        part = one.left
        if part > room - taken:
            if s.chunked == 0 and taken > 0:
                break
            part = room - taken if s.chunked > 0 else part
        pairs += part * (one.prior + (part + 1) / 2)
        one.left -= part
        one.prior += part
        taken += part
        if one.left > 0:
            break
        end_prompt(w, r)
    rep.queued_tokens -= taken
    rep.mixed = 1 if s.chunked > 0 or taken == 0 else 0
    if taken > 0 or rep.count > 0:
        begin(w, rep, taken, pairs)


def begin(w: World, rep: Replica, prompt: int, pairs: float) -> None:
    """Begin one step. What the prompts add to it counts as prefill, the rest as decode."""
    count, context, window = rep.count, rep.context, rep.window
    if rep.mixed == 0:
        count, context, window = 0, 0.0, 0
    length = step_s(w, count, context, window, prompt, pairs)
    decode = length
    if prompt > 0:
        decode = step_s(w, count, context, window, 0, 0.0) if count > 0 else 0.0
    rep.step_decode_s = decode + rep.extra_s
    rep.step_prefill_s = length - decode
    rep.decode_s += rep.step_decode_s
    rep.prefill_s += rep.step_prefill_s
    rep.ends_s = rep.clock_s + (length + rep.extra_s)
    rep.extra_s = 0.0
    rep.stepping = 1


def decode_run(w: World, r: int, until_s: float, displaced: bool) -> None:
    """Whole steps up to the next end, full cache or `until_s`; then, where time is left, one step in progress.

    After a step for which someone was displaced there may be room to let someone in.
    """
    s, rep = settings_of(w), replica_at(w, r)
    most = slot_at(w, r * s.slots).at - rep.tick
    if s.policy != RESERVE:
        most = steps_until_full(w, rep, r, most)
    rep.mixed = 1
    if s.per_step > 0 or displaced or rep.extra_s > 0.0:
        begin(w, rep, 0, 0.0)
        return
    first, more = step_s(w, rep.count, rep.context, rep.window, 0, 0.0), growth_s(w, rep)
    whole = steps_within(first, more, until_s - rep.clock_s, most)
    if whole == 0:
        begin(w, rep, 0, 0.0)
        return
    length = run_s(first, more, whole)
    rep.clock_s += length
    rep.decode_s += length
    rep.steps += whole
    if s.policy != RESERVE:
        allot(w, r, rep.tick + whole - 1)
    count_steps(w, r, whole)
