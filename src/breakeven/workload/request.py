"""One request of a trace as it is read, and the columns that many of them make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from breakeven.errors import LedgerError
from breakeven.schema.workload import Trace, pack, pack_integers

MOST_TOKENS = 10_000_000
"""Of a prompt or an answer; ten times the longest context that is sold."""


class Request(NamedTuple):
    """One parsed line: seconds on any clock, token counts, and hashes of the blocks of its prompt where there are any.

    0 output tokens are kept: a request that is a prompt only, or that failed before its first token.
    """

    at_s: float
    input_tokens: float
    output_tokens: float
    blocks: tuple[int, ...] = ()


def number(text: str | None, read: Callable[[str], float], where: str) -> float:
    """A finite number.

    Raises:
        LedgerError: it is none; the message begins with `where` and holds the text.
    """
    try:
        value = read(text or "")
    except ValueError as error:
        message = f"{where} is {text!r}, which is not a time or number"
        raise LedgerError(message, "correct or remove the line") from error
    if not math.isfinite(value):
        message = f"{where} is {text!r}, which is not finite"
        raise LedgerError(message, "correct or remove the line")
    return value


def count(raw: str | float | None, where: str) -> float:
    """A number of tokens.

    Raises:
        LedgerError: it is no number, negative, or more than a request can have.
    """
    value = number("" if raw is None else str(raw), float, where)
    if value < 0:
        message = f"{where} is {raw!r}, and a token count is never negative"
        raise LedgerError(message, "correct or remove the line")
    if value > MOST_TOKENS:
        message = f"{where} is {raw!r}, and a request has at most {MOST_TOKENS:,} tokens"
        raise LedgerError(message, "correct or remove the line")
    return value


def trace_of(requests: Iterable[Request], name: str, hash_block_tokens: int = 0) -> Trace:
    """Columns in order of arrival, counted from the first; the source says so when lines were not in that order.

    Raises:
        LedgerError: there is no request.
    """
    given = list(requests)
    ordered = sorted(given, key=lambda request: request.at_s)
    if not ordered:
        message = f"{name}: there is no request in it"
        raise LedgerError(message, "give a trace with at least one line below the header")
    start = ordered[0].at_s
    hashed = any(request.blocks for request in ordered)
    return Trace(
        name=name,
        arrival_s=pack(request.at_s - start for request in ordered),
        input_tokens=pack(request.input_tokens for request in ordered),
        output_tokens=pack(request.output_tokens for request in ordered),
        source=name if ordered == given else f"{name} ({_disorder(given, start)})",
        block_offsets=_offsets(ordered) if hashed else b"",
        block_hashes=pack_integers(block for request in ordered for block in request.blocks),
        hash_block_tokens=hash_block_tokens if hashed else 0,
    )


def _disorder(given: list[Request], start_s: float) -> str:
    """Names the first request that came too late in the file."""
    place = next(k for k in range(1, len(given)) if given[k].at_s < given[k - 1].at_s)
    late, before = given[place].at_s - start_s, given[place - 1].at_s - start_s
    return f"put in order of arrival: request {place + 1} at {late:g} s stood behind one at {before:g} s"


def _offsets(requests: list[Request]) -> bytes:
    found = [0]
    for request in requests:
        found.append(found[-1] + len(request.blocks))
    return pack_integers(found)
