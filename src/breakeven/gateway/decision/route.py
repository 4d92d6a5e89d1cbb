"""What was chosen: eligible set, propensities, seed, so that another policy can be evaluated from the log."""

from __future__ import annotations

from hashlib import blake2b

from breakeven.schema.noun import Noun
from breakeven.schema.routing import Routed

SEED_BITS = 63


class Choice(Noun, frozen=True, kw_only=True):
    """What was chosen among what, with which probability. The same seed gives the same choice.

    `routed` is why, where a learned router had a say.
    """

    eligible: tuple[str, ...]
    propensities: tuple[float, ...]
    chosen: str
    arm: str
    seed: int
    routed: Routed | None = None


def sticky_seed(use_case: str, key: str) -> int:
    """The seed that a subject (or session, or request) keeps within a use case: a hash, uniform in [0, 2**63)."""
    digest = blake2b(f"{use_case}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)
