"""What reading one row comes to."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from breakeven.schema.journal import Record

_REMEMBERED = 100_000


class Taken(NamedTuple):
    """A row that became records."""

    records: tuple[Record, ...]


class Skipped(NamedTuple):
    """A row that is sound and no prediction."""


class Names:
    """Ids for rows that have none: from what they hold, and how often it was seen lately.

    Equal rows near each other are several; equal rows far apart (100,000 other ones between) are one, told twice.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, int] = OrderedDict()

    def name(self, values: Mapping[str, object]) -> str:
        """The id of the next row that holds these values."""
        text = "\x1f".join(f"{name}\x1e{'' if value is None else value}" for name, value in values.items())
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
        times = self._seen.pop(digest, 0)
        self._seen[digest] = times + 1
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return f"row-{digest}" if not times else f"row-{digest}-{times + 1}"
