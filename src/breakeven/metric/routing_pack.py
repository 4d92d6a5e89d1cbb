"""A router's arrays packed into a policy, and back: bit for bit the same, so that scores are too."""

from __future__ import annotations

import struct
from collections import Counter

from breakeven.schema.lever import RouterWeights
from breakeven.schema.routing import PackedWeights

_PLACE, _NUMBER = 4, 8


def packed(weights: RouterWeights, *, sha256: str = "") -> PackedWeights:
    """Only the buckets that differ from the usual: those of words that were never seen have no weight and one idf."""
    unseen = Counter(idf for idf, weight in zip(weights.idf, weights.weights, strict=True) if weight == 0)
    usual = max(unseen, key=lambda idf: (unseen[idf], idf), default=0.0)
    used = [
        (place, idf, weight)
        for place, (idf, weight) in enumerate(zip(weights.idf, weights.weights, strict=True))
        if weight != 0 or idf != usual
    ]
    return PackedWeights(
        buckets=len(weights.idf),
        intercept=weights.intercept,
        usual_idf=usual,
        places=struct.pack(f"<{len(used)}I", *(place for place, _, _ in used)),
        idf=struct.pack(f"<{len(used)}d", *(idf for _, idf, _ in used)),
        weights=struct.pack(f"<{len(used)}d", *(weight for _, _, weight in used)),
        sha256=sha256,
    )


def unpacked(found: PackedWeights, *, strong: str, weak: str, threshold: float) -> RouterWeights:
    """The arrays again.

    Raises:
        ValueError: the parts do not fit together.
    """
    count = len(found.places) // _PLACE
    sizes = (len(found.places), len(found.idf), len(found.weights))
    if sizes != (count * _PLACE, count * _NUMBER, count * _NUMBER):
        message = f"packed weights have {sizes[0]} bytes of places, {sizes[1]} of idf and {sizes[2]} of weights"
        raise ValueError(message)
    places = struct.unpack(f"<{count}I", found.places)
    if any(place >= found.buckets for place in places):
        message = f"packed weights name bucket {max(places)} of {found.buckets}"
        raise ValueError(message)
    idf, weights = [found.usual_idf] * found.buckets, [0.0] * found.buckets
    numbers = zip(struct.unpack(f"<{count}d", found.idf), struct.unpack(f"<{count}d", found.weights), strict=True)
    for place, (one, other) in zip(places, numbers, strict=True):
        idf[place], weights[place] = one, other
    return RouterWeights(
        strong=strong,
        weak=weak,
        threshold=threshold,
        intercept=found.intercept,
        idf=tuple(idf),
        weights=tuple(weights),
    )
