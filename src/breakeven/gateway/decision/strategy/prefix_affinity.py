"""The target that most likely holds the prompt's prefix in its cache, unless it is too full."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import ceil, log

from breakeven.gateway.decision.strategy.option import Option, one_of

BOUND = 1.25
"""A target takes at most this times its part of all that is in flight; a hot prefix spills to the next."""
_UNIT = 2.0**-53


def prefix_affinity(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose by weighted rendezvous hashing with bounded loads.

    A prefix keeps its target, and when a target goes only its prefixes move; each target is first choice in proportion
    to its slots (score ln(affinity) / slots). Of those within the bound the highest score wins; requests without a
    prefix, all of affinity 0, spread evenly. Source: consistent hashing with bounded loads (Mirrokni et al., 2016).
    """
    slots = [max(_UNIT, option.slots) for option in options]
    each = BOUND * (1 + sum(option.in_flight for option in options)) / sum(slots)
    free = [position for position, option in enumerate(options) if option.in_flight < ceil(each * slots[position])]
    scores = {
        position: log(affinity) / slots[position] if (affinity := options[position].affinity) > 0 else float("-inf")
        for position in free
    }
    best = max(scores.values())
    return one_of([position for position in free if scores[position] == best], len(options), draw)


def affinity_of(prefix: bytes, deployment: str) -> float:
    """The rendezvous hash of a prompt's prefix (or its digest) and a deployment: uniform in [0, 1), and never moves."""
    digest = blake2b(prefix, digest_size=8, key=blake2b(deployment.encode(), digest_size=16).digest()).digest()
    return (int.from_bytes(digest, "big") >> 11) * _UNIT
