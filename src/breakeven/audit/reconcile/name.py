"""Which model of the other side is which of the ledger's: names are written in several ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_DATE = re.compile(r"[-@_](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4})$")
_VERSION = re.compile(r"-v\d+(?::\d+)?$")
_VENDOR = re.compile(r"^(?:(?:us|eu|apac|global)\.)?(?:[a-z0-9-]+[./])+(?=[a-z])")


def matched(ours: Iterable[str], theirs: Iterable[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """The ledger's name of every name on the other side; a name that nothing matches stays as it is.

    An alias wins, then the name itself, then the name without vendor, date and version, where that is one model only.
    """
    known = set(ours)
    plain: dict[str, set[str]] = {}
    for name in known:
        plain.setdefault(_plain(name), set()).add(name)
    found = {}
    for name in theirs:
        near = plain.get(_plain(name), set())
        found[name] = aliases.get(name) or (name if name in known or len(near) != 1 else next(iter(near)))
    return found


def _plain(name: str) -> str:
    text = _VENDOR.sub("", name.strip().lower())
    return re.sub(r"[ ._]", "-", _DATE.sub("", _VERSION.sub("", text)))
