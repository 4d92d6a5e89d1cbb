"""Prefix hashes by small numbers, so that a replica's blocks are rows and not a dictionary."""

from __future__ import annotations

from breakeven.perf.kernel.layout import World, hash_at, name_at, settings_of

SPREAD = 0x1E3779B97F4A7C15


def number(w: World) -> None:
    """Number the different hashes from 0 in order of their first appearance; `known` is how many there are."""
    s = settings_of(w)
    for k in range(s.hashes):
        place = find(w, hash_at(w, k).block, s.names - 1)
        name = name_at(w, place)
        if name.number == 0:
            s.known += 1
            name.number = s.known
            name.hash = hash_at(w, k).block
        hash_at(w, k).block = name.number - 1


def find(w: World, value: int, mask: int) -> int:
    """The place of a hash in the table of names, or the free one that it would take."""
    place = (((value ^ (value >> 32)) * SPREAD) >> 20) & mask
    while name_at(w, place).number != 0 and name_at(w, place).hash != value:
        place = (place + 1) & mask
    return place
