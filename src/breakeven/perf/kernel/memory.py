"""Cache blocks of a replica: who holds how many, growth with the answers, preemption when there are none left."""

from __future__ import annotations

from breakeven.perf.kernel import layout
from breakeven.perf.kernel.layout import (
    RESERVE,
    SWAP,
    Replica,
    World,
    phase_at,
    replica_at,
    request_at,
    settings_of,
    slot_at,
)
from breakeven.perf.kernel.lists import drop_prompt, drop_slot, push_waiting
from breakeven.perf.kernel.prefix import evict, hits, in_use, unclaim
from breakeven.perf.kernel.steps import tokens_by


def blocks_of(w: World, tokens: int) -> int:
    """Whole blocks that hold so many tokens."""
    size = settings_of(w).block_tokens
    return (tokens + size - 1) // size


def wanted(w: World, r: int, i: int) -> int:
    """Blocks to hold at admission: prompt and whole answer when reserved, else what the prompt phase fills."""
    s, one = settings_of(w), request_at(w, i)
    if s.policy != RESERVE or r < s.prefills:
        return blocks_of(w, one.prompt + one.emitted)
    return blocks_of(w, one.prompt + one.output)


def fits(w: World, r: int, i: int) -> bool:
    """Whether a request can be admitted now. With growth a margin stays free, unless nothing runs."""
    s, rep = settings_of(w), replica_at(w, r)
    need, limit = wanted(w, r, i), s.blocks
    if s.policy != RESERVE and rep.slots > 0:
        limit -= s.watermark
    if rep.used + need <= limit:
        return True
    if s.prefix == 0 or rep.tried == rep.version or request_at(w, i).left == 0:
        return False
    need -= in_use(w, r, i, hits(w, r, i)) * s.hash_span
    if rep.used + need <= limit:
        return True
    rep.tried = rep.version
    return False


def hold(w: World, r: int, i: int, blocks: int) -> None:
    """Allot blocks of its own to a request."""
    rep = replica_at(w, r)
    request_at(w, i).held = blocks
    rep.used += blocks
    settle_blocks(w, rep, r)


def settle_blocks(w: World, rep: Replica, r: int) -> None:
    """After an allotment: evict what is over, and keep the highest use."""
    if settings_of(w).prefix > 0:
        evict(w, rep, r)
    rep.peak = max(rep.peak, rep.used)


def own_blocks(w: World, rep: Replica, i: int) -> int:
    """Blocks of its own that a decoding sequence holds."""
    s, one = settings_of(w), request_at(w, i)
    if s.policy == RESERVE:
        return one.held
    return 1 + (one.base + tokens_by(w, rep.grown)) // s.block_tokens - one.shared * s.hash_span


def start_growth(w: World, r: int, i: int) -> None:
    """A sequence begins to decode: count it by its place in its last block."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    if rep.count == 0:
        rep.grown = rep.tick
    one.base = one.prompt + one.emitted - 1 - tokens_by(w, rep.tick)
    before = one.held
    rep.used += own_blocks(w, rep, i) - before
    phase_at(w, r * s.block_tokens + one.base % s.block_tokens).count += 1


def release(w: World, r: int, i: int, decoding: bool) -> None:
    """Give back the slot and blocks of a request."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    if decoding and s.policy != RESERVE:
        rep.used -= own_blocks(w, rep, i)
        phase_at(w, r * s.block_tokens + one.base % s.block_tokens).count -= 1
    else:
        rep.used -= one.held
    if one.shared > 0:
        unclaim(w, r, i)
    one.held = 0
    rep.slots -= 1
    rep.version += 1


def growth(w: World, rep: Replica, r: int, until: int) -> int:
    """Blocks that the decoding sequences need more at a tick than are allotted."""
    size = settings_of(w).block_tokens
    have, want = tokens_by(w, rep.grown), tokens_by(w, until)
    cycles, rest = (want - have) // size, (want - have) % size
    found = cycles * rep.count
    for k in range(1, rest + 1):
        found += phase_at(w, r * size + (-(have + k)) % size).count
    return found


def steps_until_full(w: World, rep: Replica, r: int, most: int) -> int:
    """Decode steps, at most `most`, for which the free blocks last; blocks are allotted up to this tick."""
    s = settings_of(w)
    size, have = s.block_tokens, tokens_by(w, rep.tick)
    free = s.blocks - rep.used
    tokens = free // rep.count * size
    free -= free // rep.count * rep.count
    if tokens >= tokens_by(w, rep.tick + most) - have:
        return most
    while True:
        free -= phase_at(w, r * size + (-(have + tokens + 1)) % size).count
        if free < 0:
            break
        tokens += 1
    steps = min(most, 1 + int(tokens / s.tokens_per_step))
    while steps > 1 and tokens_by(w, rep.tick + steps - 1) - have > tokens:
        steps -= 1
    return steps


def allot(w: World, r: int, tick: int) -> None:
    """Give the decoding sequences the blocks that they need at a tick; they must be free."""
    rep = replica_at(w, r)
    rep.used += growth(w, rep, r, tick)
    rep.grown = tick
    settle_blocks(w, rep, r)


def make_room(w: World, r: int) -> bool:
    """Allot what the next decode step needs; preempt the least urgent, latest arrived while it is not there.

    Returns whether anyone was.
    """
    s, rep = settings_of(w), replica_at(w, r)
    displaced = False
    while rep.count > 0 and rep.used + growth(w, rep, r, rep.tick) > s.blocks:
        preempt(w, r)
        displaced = True
    if rep.count > 0:
        allot(w, r, rep.tick)
    return displaced


def less_urgent(w: World, one: int, other: int) -> bool:
    """Whether the first of two requests is the one to give way; any gives way rather than none (-1)."""
    if other < 0 or request_at(w, one).rank != request_at(w, other).rank:
        return other < 0 or request_at(w, one).rank > request_at(w, other).rank
    return one > other


def preempt(w: World, r: int) -> None:
    """Send one running request back to the queue."""
    rep, start = replica_at(w, r), r * settings_of(w).slots
    victim, place = -1, -1
    for k in range(rep.count):
        if less_urgent(w, slot_at(w, start + k).request, victim):
            victim, place = slot_at(w, start + k).request, k
    i = rep.prompts
    while i >= 0:
        if less_urgent(w, i, victim):
            victim, place = i, -1
        i = request_at(w, i).next
    if place >= 0:
        drop_slot(w, r, place)
        stop_decoding(w, r, victim)
        if settings_of(w).policy == SWAP:
            rep.extra_s += settings_of(w).swap_s_per_token * (
                request_at(w, victim).prompt + request_at(w, victim).emitted
            )
    else:
        drop_prompt(w, r, victim)
        release(w, r, victim, decoding=False)
        restart(w, r, victim)
    request_at(w, victim).preempted += 1
    push_waiting(w, r, victim)


def restart(w: World, r: int, i: int) -> None:
    """Its cache is gone: all tokens so far are its prompt now."""
    one = request_at(w, i)
    replica_at(w, r).queued_tokens += one.prompt + one.emitted - one.left
    one.left = one.prompt + one.emitted
    one.prior = 0


def stop_decoding(w: World, r: int, i: int) -> None:
    """Take a sequence, already out of the heap, out of the batch before its end; its tokens so far stand."""
    s, rep, one = settings_of(w), replica_at(w, r), request_at(w, i)
    context = one.prompt + one.emitted + (rep.tick - one.joined) * s.tokens_per_step
    release(w, r, i, decoding=True)
    leave_batch(w, rep, i, context)
    gained = tokens_by(w, rep.tick) - tokens_by(w, one.joined)
    one.emitted += min(gained, one.output - one.emitted - 1)
    if s.policy != SWAP or rep.state == layout.DOWN:
        restart(w, r, i)


def leave_batch(w: World, rep: Replica, i: int, context: float) -> None:
    """The decoding sequences are one fewer."""
    rep.count -= 1
    rep.context = rep.context - context if rep.count > 0 else 0.0
    rep.window -= min(request_at(w, i).prompt, settings_of(w).window_tokens)
