"""The exact cache: whole answers in memory, one partition per tenant, bounded in bytes and age."""

from __future__ import annotations

from collections import OrderedDict

from breakeven.schema.noun import Noun
from breakeven.schema.record import Tokens

TENANT_BYTES = 16 * 1024 * 1024
ANSWER_BYTES = 1024 * 1024
_OVERHEAD = 512


class CachedAnswer(Noun, frozen=True, kw_only=True):
    """An answer as the client got it: a body, or the events of a stream without `[DONE]`."""

    body: bytes
    content_type: str
    tokens: Tokens
    stored_s: float


class _Partition:
    def __init__(self) -> None:
        self.answers: OrderedDict[str, CachedAnswer] = OrderedDict()
        self.size = 0


class AnswerCache:
    """Least recently used answers leave first. The tenant is a partition of its own, not a part of the key.

    Args:
        tenant_bytes: what one tenant's answers may fill.
    """

    def __init__(self, tenant_bytes: int = TENANT_BYTES) -> None:
        self._limit = tenant_bytes
        self._partitions: dict[str, _Partition] = {}

    def get(self, tenant: str, key: str, *, max_age_s: float, now: float) -> CachedAnswer | None:
        """The answer, unless it is older than `max_age_s`."""
        partition = self._partitions.get(tenant)
        answer = partition.answers.get(key) if partition else None
        if partition is None or answer is None or now - answer.stored_s > max_age_s:
            return None
        partition.answers.move_to_end(key)
        return answer

    def put(self, tenant: str, key: str, answer: CachedAnswer) -> None:
        """Keep an answer; one larger than ANSWER_BYTES is not kept."""
        if len(answer.body) > ANSWER_BYTES:
            return
        partition = self._partitions.setdefault(tenant, _Partition())
        old = partition.answers.pop(key, None)
        partition.size += _weight(answer) - (_weight(old) if old else 0)
        partition.answers[key] = answer
        while partition.size > self._limit:
            _, gone = partition.answers.popitem(last=False)
            partition.size -= _weight(gone)


def _weight(answer: CachedAnswer) -> int:
    return len(answer.body) + _OVERHEAD
