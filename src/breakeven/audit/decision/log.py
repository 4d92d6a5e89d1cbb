"""A log of decisions as bytes: one line of canonical JSON each, every one holding the hash of the line before it.

Whoever changes, removes or inserts a line changes its hash, which the next line holds; the last line's is kept beside
the log (`head`), and may be kept elsewhere. An entry's own id is the hash of its content.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from breakeven.schema.decision import Decision, LogCheck

NEWLINE = b"\n"


class Log(NamedTuple):
    """The entries that chain from the first, and the check of the whole."""

    entries: tuple[Decision, ...]
    check: LogCheck


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def encoded(entry: Decision) -> bytes:
    """The one way to write an entry: sorted keys, no spaces, a newline."""
    return _canonical(entry) + NEWLINE


def signed(entry: Decision, previous: str) -> Decision:
    """The entry as it follows the line with that hash ("" for the first), with its id."""
    unsigned = msgspec.structs.replace(entry, id="", previous=previous)
    return msgspec.structs.replace(unsigned, id=_named(_canonical(unsigned)))


def read(content: bytes, head: str = "") -> Log:
    """The log in these bytes; reading stops at the first line that does not belong.

    Args:
        content: of the file.
        head: the hash that the log's last line had when it was last appended to; "" where nobody kept it.
    """
    whole, _, torn = content.rpartition(NEWLINE)
    lines = whole.split(NEWLINE) if whole or content[:1] == NEWLINE else []
    entries: list[Decision] = []
    hashes: list[str] = []
    for number, line in enumerate(lines, start=1):
        found = _entry(line, hashes[-1] if hashes else "")
        if isinstance(found, str):
            return _ended(entries, hashes, (f"line {number}: {found}",), torn=len(torn))
        entries.append(found)
        hashes.append(digest(line))
    return _ended(entries, hashes, _cut_off(head, hashes), torn=len(torn))


def _ended(entries: list[Decision], hashes: list[str], problems: tuple[str, ...], *, torn: int) -> Log:
    head = hashes[-1] if hashes else ""
    return Log(tuple(entries), LogCheck(entries=len(entries), head=head, problems=problems, torn_bytes=torn))


def _cut_off(head: str, hashes: list[str]) -> tuple[str, ...]:
    if not head or head in hashes:  # lines after it: appended since it was read, or by an append that stopped half-way
        return ()
    return (f"the last line kept was {head[:16]}, and the log ends with {(hashes[-1] if hashes else 'nothing')[:16]}",)


def _entry(line: bytes, previous: str) -> Decision | str:
    """The entry of a line, or what is wrong with it.

    The id is checked on the line as it stands, so that entries stay valid when later versions know more fields.
    """
    try:
        plain = msgspec.json.decode(line, type=dict[str, object])
        found = msgspec.json.decode(line, type=Decision)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return f"no decision: {error}"
    if found.previous != previous:
        return f"follows {found.previous[:16] or 'nothing'}, and the line before it is {previous[:16] or 'nothing'}"
    if _canonical(plain) != line or found.id != _named(_canonical(plain | {"id": ""})):
        return f"{found.id} is not what was written under that id"
    return found


def _canonical(plain: object) -> bytes:
    return msgspec.json.encode(plain, order="sorted")


def _named(line: bytes) -> str:
    return f"dec-{digest(line)[:16]}"
