"""A learned route: the weights a gateway obeys, packed, and what became of one request by them."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Side = Literal["strong", "weak"]
Why = Literal["score", "no_prompt", "explored", "slow", "unavailable"]


class PackedWeights(Noun, frozen=True, kw_only=True):
    """A router's arrays by bucket, less the buckets that hold `usual_idf` and no weight.

    `places` are those of the others as little-endian uint32, ascending; `idf` and `weights` their float64. `sha256` is
    the digest of the file they were read from.
    """

    buckets: int
    intercept: float
    usual_idf: float
    places: bytes
    idf: bytes
    weights: bytes
    sha256: str = ""


class Router(Noun, frozen=True, kw_only=True):
    """Which deployments are strong and weak, and the score from which a prompt goes to a strong one."""

    strong: tuple[str, ...]
    weak: tuple[str, ...]
    threshold: float
    packed: PackedWeights


class Routed(Noun, frozen=True, kw_only=True):
    """Why a learned route chose as it did.

    `score` is None where there was no prompt to score; those go to the strong side. `why` the chosen target is what it
    is: `score` or `no_prompt` where it is of the `wanted` side; else `explored` (the draw), `slow` (no target of the
    wanted side was predicted to keep the latency targets) or `unavailable` (none might be asked).
    """

    score: float | None
    threshold: float
    wanted: Side
    why: Why
