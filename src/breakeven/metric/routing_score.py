"""The score by which a router sends a prompt to the strong model: plain Python, for whoever serves requests.

    score = intercept + sum over buckets of (1 + ln count) x idf x weight / norm,  norm of all (1 + ln count) x idf

Buckets are CRC-32 hashes of a prompt's words and pairs of neighbouring words.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

from breakeven.schema.lever import RouterWeights

_WORD = re.compile(r"[a-z0-9]+")


def buckets(prompt: str, count: int) -> dict[int, int]:
    """How often each bucket, out of `count`, occurs in a prompt."""
    words = [word.encode() for word in _WORD.findall(prompt.lower())]
    found: dict[int, int] = {}
    for term in (*words, *map(b" ".join, pairwise(words))):
        place = zlib.crc32(term) % count
        found[place] = found.get(place, 0) + 1
    return found


def score(weights: RouterWeights, prompt: str) -> float:
    """The expected gain in quality from sending the prompt to the strong model."""
    total, square = 0.0, 0.0
    idf: Sequence[float] = weights.idf
    for place, times in buckets(prompt, len(idf)).items():
        part = (1.0 + math.log(times)) * idf[place]
        total += part * weights.weights[place]
        square += part * part
    return weights.intercept + (total / math.sqrt(square) if square else 0.0)
