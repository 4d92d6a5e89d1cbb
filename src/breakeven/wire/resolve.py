"""Names to addresses: cached, one lookup a host at a time, and the last good answer when the resolver fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest

from breakeven.schema.noun import Noun

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A host's numeric addresses, in order of preference. Raises OSError."""


class Freshness(Noun, frozen=True, kw_only=True):
    """How long an answer is used unasked, and how long a lookup is waited for where an older answer is known."""

    fresh_s: float = 30.0
    patience_s: float = 1.0


class Resolver:
    """Looks hosts up off the event loop. Used from one event loop.

    Args:
        lookup: asks the system; None is `getaddrinfo` in the loop's threads.
        freshness: see there.
    """

    def __init__(self, lookup: Lookup | None = None, freshness: Freshness | None = None) -> None:
        self._lookup = lookup or system_lookup
        self._freshness = freshness or Freshness()
        self._known: dict[str, tuple[tuple[str, ...], float]] = {}
        self._asking: dict[str, tuple[asyncio.Task[Sequence[str]], float]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The host's addresses, IPv6 and IPv4 in turns; a numeric host is its own.

        Raises:
            OSError: it has none, or the resolver failed and never answered before.
        """
        if _numeric(host):
            return (host,)
        now_s = asyncio.get_running_loop().time()
        known = self._known.get(host)
        if known is not None and now_s - known[1] <= self._freshness.fresh_s:
            return known[0]
        asking, since_s = self._ask(host, now_s)
        if known is not None:
            patience_s = self._freshness.patience_s - (now_s - since_s)
            await asyncio.wait({asking}, timeout=max(0.0, patience_s))
            return self._known.get(host, known)[0]
        await asyncio.shield(asking)
        return self._known[host][0]

    def close(self) -> None:
        """Wait for no lookup any more."""
        for asking, _ in self._asking.values():
            asking.cancel()

    def _ask(self, host: str, now_s: float) -> tuple[asyncio.Task[Sequence[str]], float]:
        found = self._asking.get(host)
        if found is None:
            asking = asyncio.get_running_loop().create_task(self._found(host))
            asking.add_done_callback(lambda done: self._done(host, done))
            found = self._asking[host] = asking, now_s
        return found

    async def _found(self, host: str) -> Sequence[str]:
        addresses = await self._lookup(host)
        if not addresses:
            message = f"{host} has no address"
            raise OSError(message)
        self._known[host] = _in_turns(addresses), asyncio.get_running_loop().time()
        return addresses

    def _done(self, host: str, asking: asyncio.Task[Sequence[str]]) -> None:
        self._asking.pop(host, None)
        if not asking.cancelled():
            asking.exception()  # told to who waited; nobody may have


async def system_lookup(host: str) -> Sequence[str]:
    """What the system's resolver says; the loop asks it in a thread.

    Raises:
        OSError: it failed, or there is no such host.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        message = f"{host} is no name that can be looked up ({error})"
        raise OSError(message) from error
    return [str(address[0]) for _, _, _, _, address in found]


def _numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _in_turns(addresses: Sequence[str]) -> tuple[str, ...]:
    """Each family's order kept, the two in turns, the family that the resolver prefers first (RFC 8305, section 4)."""
    first = ":" in addresses[0]
    preferred = [one for one in addresses if (":" in one) is first]
    others = [one for one in addresses if (":" in one) is not first]
    return tuple(dict.fromkeys(filter(None, chain(*zip_longest(preferred, others, fillvalue="")))))
