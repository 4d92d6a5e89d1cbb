"""The exact cache's keys: which requests may share an answer, and a memo so that repeats are not decoded again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from breakeven.gateway.decision.body import cache_key
from breakeven.schema.policy import UseCase

MEMO_ENTRIES = 4096
"""About 1 MB a worker."""
_REFUSALS = ("no-store", "no-cache", "max-age=0")


def cacheable(use_case: UseCase, headers: Mapping[str, str], *, tools: bool = False) -> bool:
    """Whether an answer may come from the exact cache, or go into it.

    Never where the use case holds personal data, where tools may act, or where the client says no-store, no-cache or
    max-age=0 in `cache-control`.
    """
    if use_case.personal_data or tools:
        return False
    said = headers.get("cache-control")
    return said is None or not any(refusal in said.lower() for refusal in _REFUSALS)


class KeyMemo:
    """Remembers the key of bodies seen before, by a digest of their bytes; the least recently used leave first.

    Args:
        entries: how many keys are kept.
    """

    __slots__ = ("_keys", "_limit")

    def __init__(self, entries: int = MEMO_ENTRIES) -> None:
        self._keys: dict[tuple[bytes, tuple[str, ...]], str] = {}
        self._limit = entries

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, body: bytes, *parts: str) -> str:
        """What `cache_key` says.

        Raises:
            RequestError: 400, the body is not JSON through and through.
        """
        seen = (blake2b(body, digest_size=24).digest(), parts)
        key = self._keys.pop(seen, None) or cache_key(body, *parts)
        self._keys[seen] = key
        if len(self._keys) > self._limit:
            del self._keys[next(iter(self._keys))]
        return key
