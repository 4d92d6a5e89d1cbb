"""Prefix blocks on one replica: shared by reference, kept when unused, evicted least recently used first.

As in vLLM: a sequence's last block becomes evictable before its first, and an unused block takes room that anyone who
needs it may have.
"""

from __future__ import annotations

from breakeven.perf.kernel.layout import (
    ABSENT,
    UNUSED,
    Replica,
    World,
    block_at,
    hash_at,
    replica_at,
    request_at,
    settings_of,
)


def hits(w: World, r: int, i: int) -> int:
    """Leading prefix blocks of a request that a replica holds; at least one token is left to compute."""
    s, one = settings_of(w), request_at(w, i)
    most = min(one.hash_to - one.hash_from, (one.prompt + one.emitted - 1) // s.hash_tokens)
    found = 0
    while found < most and block_at(w, r * s.known + hash_at(w, one.hash_from + found).block).refs != ABSENT:
        found += 1
    return found


def in_use(w: World, r: int, i: int, count: int) -> int:
    """How many of a request's first blocks other sequences use at this moment."""
    start = request_at(w, i).hash_from
    found = 0
    for k in range(count):
        if block_at(w, r * settings_of(w).known + hash_at(w, start + k).block).refs > UNUSED:
            found += 1
    return found


def retire(w: World, r: int, block: int) -> None:
    """Keep a block that nobody uses any more, as the most recently used."""
    rep, at = replica_at(w, r), r * settings_of(w).known
    block_at(w, at + block).older = rep.newest
    block_at(w, at + block).newer = -1
    if rep.newest >= 0:
        block_at(w, at + rep.newest).newer = block
    else:
        rep.oldest = block
    rep.newest = block
    rep.idle += settings_of(w).hash_span


def revive(w: World, r: int, block: int) -> None:
    """Take a block out of those that nobody uses."""
    rep, at = replica_at(w, r), r * settings_of(w).known
    newer, older = block_at(w, at + block).newer, block_at(w, at + block).older
    if newer >= 0:
        block_at(w, at + newer).older = older
    else:
        rep.newest = older
    if older >= 0:
        block_at(w, at + older).newer = newer
    else:
        rep.oldest = newer
    rep.idle -= settings_of(w).hash_span


def evict(w: World, rep: Replica, r: int) -> None:
    """Forget unused blocks until what is used fits beside the rest."""
    s = settings_of(w)
    while rep.used + rep.idle > s.blocks and rep.oldest >= 0:
        block = rep.oldest
        revive(w, r, block)
        block_at(w, r * s.known + block).refs = ABSENT


def claim(w: World, r: int, i: int, count: int) -> None:
    """Let a request use its first `count` blocks, which the replica holds."""
    s, one, rep = settings_of(w), request_at(w, i), replica_at(w, r)
    for k in range(one.hash_from, one.hash_from + count):
        block = hash_at(w, k).block
        if block_at(w, r * s.known + block).refs == UNUSED:
            revive(w, r, block)
            rep.used += s.hash_span
        block_at(w, r * s.known + block).refs += 1
    one.shared = count


def publish(w: World, r: int, i: int) -> None:
    """A prompt is done: its whole blocks are there for others; those that others published first are given back."""
    s, one, rep = settings_of(w), request_at(w, i), replica_at(w, r)
    whole = min(one.hash_to - one.hash_from, one.prompt // s.hash_tokens)
    for k in range(one.hash_from + one.shared, one.hash_from + whole):
        block = hash_at(w, k).block
        refs = block_at(w, r * s.known + block).refs
        if refs == ABSENT:
            block_at(w, r * s.known + block).refs = UNUSED
        elif refs == UNUSED:
            revive(w, r, block)
        else:
            rep.used -= s.hash_span
        block_at(w, r * s.known + block).refs += 1
    one.held -= max(0, whole - one.shared) * s.hash_span
    one.shared = max(whole, one.shared)
    rep.version += 1


def unclaim(w: World, r: int, i: int) -> None:
    """A request leaves; blocks that nobody else uses become evictable, its last first."""
    s, one, rep = settings_of(w), request_at(w, i), replica_at(w, r)
    for k in range(one.hash_from + one.shared - 1, one.hash_from - 1, -1):
        block = hash_at(w, k).block
        block_at(w, r * s.known + block).refs -= 1
        if block_at(w, r * s.known + block).refs == UNUSED:
            rep.used -= s.hash_span
            retire(w, r, block)
    one.shared = 0


def forget(w: World, r: int) -> None:
    """A replica's cache is lost: what it held unused is absent, and nobody uses the rest."""
    s, rep = settings_of(w), replica_at(w, r)
    while rep.oldest >= 0:
        block = rep.oldest
        revive(w, r, block)
        block_at(w, r * s.known + block).refs = ABSENT
