"""Prefix blocks on one replica: shared by reference, kept when unused, evicted least recently used first.

As in vLLM: a sequence's last block becomes evictable before its first, and an unused block takes room that anyone who
needs it may have.
"""

from __future__ import annotations

from breakeven.perf.kernel.layout import ABSENT, Replica, World


def hits(w: World, r: int, i: int) -> int:
    """Leading prefix blocks of a request that a replica holds; at least one token is left to compute."""
    s, one = w.settings[0], w.requests[i]
    most = min(one.hash_to - one.hash_from, (one.prompt + one.emitted - 1) // s.hash_tokens)
    found = 0
    while found < most and w.blocks[r * s.hashes + w.hashes[one.hash_from + found]].refs != ABSENT:
        found += 1
    return found


def in_use(w: World, r: int, i: int, count: int) -> int:
    """How many of a request's first blocks other sequences use at this moment."""
    start = w.requests[i].hash_from
    found = 0
    for k in range(count):
        if w.blocks[r * w.settings[0].hashes + w.hashes[start + k]].refs > 0:
            found += 1
    return found


def retire(w: World, r: int, block: int) -> None:
    """Keep a block that nobody uses any more, as the most recently used."""
    rep, at = w.replicas[r], r * w.settings[0].hashes
    w.blocks[at + block].older = rep.newest
    w.blocks[at + block].newer = -1
    if rep.newest >= 0:
        w.blocks[at + rep.newest].newer = block
    else:
        rep.oldest = block
    rep.newest = block
    rep.idle += w.settings[0].hash_span


def revive(w: World, r: int, block: int) -> None:
    """Take a block out of those that nobody uses."""
    rep, at = w.replicas[r], r * w.settings[0].hashes
    newer, older = w.blocks[at + block].newer, w.blocks[at + block].older
    if newer >= 0:
        w.blocks[at + newer].older = older
    else:
        rep.newest = older
    if older >= 0:
        w.blocks[at + older].newer = newer
    else:
        rep.oldest = newer
    rep.idle -= w.settings[0].hash_span


def evict(w: World, rep: Replica, r: int) -> None:
    """Forget unused blocks until what is used fits beside the rest."""
    s = w.settings[0]
    while rep.used + rep.idle > s.blocks and rep.oldest >= 0:
        block = rep.oldest
        revive(w, r, block)
        w.blocks[r * s.hashes + block].refs = ABSENT


def claim(w: World, r: int, i: int, count: int) -> None:
    """Let a request use its first `count` blocks, which the replica holds."""
    s, one, rep = w.settings[0], w.requests[i], w.replicas[r]
    for k in range(one.hash_from, one.hash_from + count):
        block = w.hashes[k]
        if w.blocks[r * s.hashes + block].refs == 0:
            revive(w, r, block)
            rep.used += s.hash_span
        w.blocks[r * s.hashes + block].refs += 1
    one.shared = count


def publish(w: World, r: int, i: int) -> None:
    """A prompt is done: its whole blocks are there for others; those that others published first are given back."""
    s, one, rep = w.settings[0], w.requests[i], w.replicas[r]
    whole = min(one.hash_to - one.hash_from, one.prompt // s.hash_tokens)
    for k in range(one.hash_from + one.shared, one.hash_from + whole):
        block = w.hashes[k]
        refs = w.blocks[r * s.hashes + block].refs
        if refs == ABSENT:
            w.blocks[r * s.hashes + block].refs = 0
        elif refs == 0:
            revive(w, r, block)
        else:
            rep.used -= s.hash_span
        w.blocks[r * s.hashes + block].refs += 1
    one.held -= max(0, whole - one.shared) * s.hash_span
    one.shared = max(whole, one.shared)
    rep.version += 1


def unclaim(w: World, r: int, i: int) -> None:
    """A request leaves; blocks that nobody else uses become evictable, its last first."""
    s, one, rep = w.settings[0], w.requests[i], w.replicas[r]
    for k in range(one.hash_from + one.shared - 1, one.hash_from - 1, -1):
        block = w.hashes[k]
        w.blocks[r * s.hashes + block].refs -= 1
        if w.blocks[r * s.hashes + block].refs == 0:
            rep.used -= s.hash_span
            retire(w, r, block)
    one.shared = 0


def forget(w: World, r: int) -> None:
    """A replica's cache is lost: what it held unused is absent, and nobody uses the rest."""
    s, rep = w.settings[0], w.replicas[r]
    while rep.oldest >= 0:
        block = rep.oldest
        revive(w, r, block)
        w.blocks[r * s.hashes + block].refs = ABSENT
