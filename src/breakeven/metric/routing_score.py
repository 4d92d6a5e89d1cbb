"""The score by which a router sends a prompt to the strong model: plain Python, for whoever serves requests.

    score = intercept + sum over buckets of (1 + ln count) x idf x weight / norm,  norm of all (1 + ln count) x idf

Buckets are CRC-32 hashes of a prompt's words, and hashes made of those of neighbouring words.
"""

from __future__ import annotations

import math
import re
import zlib
from itertools import pairwise

from breakeven.schema.lever import RouterWeights

MOST_CHARACTERS = 2048
"""Of a prompt are read, in learning and in serving alike, so that a decision has a bounded cost."""
PAIR, PRIME = 31, 4_294_967_291
_LOGS = (0.0, *(1.0 + math.log(times) for times in range(1, 65)))
_WORD = re.compile(rb"[a-z0-9]+")


def buckets(prompt: str, count: int) -> dict[int, int]:
    """How often each bucket, out of `count`, occurs in the first MOST_CHARACTERS of a prompt."""
    text = prompt[:MOST_CHARACTERS].lower().encode("utf-8", "surrogatepass")
    words = list(map(zlib.crc32, _WORD.findall(text)))
    found: dict[int, int] = {}
    for term in words:
        place = term % count
        found[place] = found.get(place, 0) + 1
    for first, second in pairwise(words):
        place = (first * PAIR + second) % PRIME % count
        found[place] = found.get(place, 0) + 1
    return found


def score(weights: RouterWeights, prompt: str) -> float:
    """The expected gain in quality from sending the prompt to the strong model."""
    total, square = 0.0, 0.0
    idf, known, logs = weights.idf, weights.weights, len(_LOGS)
    for place, times in buckets(prompt, len(idf)).items():
        part = (_LOGS[times] if times < logs else 1.0 + math.log(times)) * idf[place]
        total += part * known[place]
        square += part * part
    return weights.intercept + (total / math.sqrt(square) if square else 0.0)
