"""A fleet of emulated replicas that come and go: what a scaling rule is tried on.

`POST /scale` takes any JSON with `replicas`, such as `breakeven scale run` posts to its webhook. Replicas that were
ordered answer after `cold_start_s`; of too many those that are still starting go first, then the emptiest, which finish
what they have. A request goes to the replica with the fewest in flight; where all are full or none is up it is refused
with 503, at once.
"""

from __future__ import annotations

import asyncio

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from breakeven.emulator.server import MAX_BODY_BYTES, Settings, asgi_app
from breakeven.errors import UsageError
from breakeven.schema.noun import Noun

Headers = list[tuple[bytes, bytes]]
MOST_REPLICAS = 4_096
"""What one process holds: an order of more is a slip, or an attack on its memory."""
_JSON: Headers = [(b"content-type", b"application/json")]


class Order(msgspec.Struct, frozen=True):
    """The part of the webhook's body that counts."""

    replicas: int


class Told(Noun, frozen=True, kw_only=True):
    """How a fleet stands: replicas up and starting, the seconds paid for, and requests by what became of them."""

    up: int
    starting: int
    replica_s: float
    answered: int
    refused: int


class _Replica:
    """One emulated server; `up_s` is when it takes requests, on the loop's clock."""

    def __init__(self, app: ASGIApp, began_s: float, up_s: float) -> None:
        self.app, self.began_s, self.up_s = app, began_s, up_s
        self.in_flight = 0
        self.leaving = False


class Elastic:
    """The fleet as an ASGI application; its clock is that of the event loop it is made in.

    Args:
        settings: what each replica emulates.
        cold_start_s: seconds from the order of a replica to its first request.
        replicas: up from the start.
        most_in_flight: requests that a replica is given at once; more are refused.
    """

    def __init__(
        self, settings: Settings, *, cold_start_s: float, replicas: int = 1, most_in_flight: int = 1_000_000
    ) -> None:
        self._settings, self._cold_s, self._most = settings, cold_start_s, most_in_flight
        self._loop = asyncio.get_running_loop()
        self._replicas = [self._made(0.0) for _ in range(replicas)]
        self._paid_s = 0.0
        self._answered = self._refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Orders, how the fleet stands (`GET /fleet`), and all else to a replica."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/scale":
            await self._ordered(receive, send)
        elif scope["path"] == "/fleet":
            await _send(send, 200, msgspec.json.encode(self.told()))
        else:
            await self._passed(scope, receive, send)

    def scale(self, replicas: int) -> None:
        """Have so many, those that leave not counted.

        Raises:
            UsageError: the number is negative, or more than one process holds.
        """
        if not 0 <= replicas <= MOST_REPLICAS:
            message = f"{replicas} replicas are asked for"
            raise UsageError(message, f"ask for 0 to {MOST_REPLICAS:,}")
        staying = [one for one in self._replicas if not one.leaving]
        for _ in range(replicas - len(staying)):
            self._replicas.append(self._made(self._cold_s))
        # The last to come up goes first, of those up the emptiest.
        order = sorted(staying, key=lambda one: (-max(one.up_s, self._now()), one.in_flight))
        for one in order[: max(0, len(staying) - replicas)]:
            one.leaving = True
            self._gone(one)

    def told(self) -> Told:
        """How the fleet stands now."""
        now, staying = self._now(), [one for one in self._replicas if not one.leaving]
        up = sum(one.up_s <= now for one in staying)
        return Told(
            up=up,
            starting=len(staying) - up,
            replica_s=self._paid_s + sum(now - one.began_s for one in self._replicas),
            answered=self._answered,
            refused=self._refused,
        )

    def _now(self) -> float:
        return self._loop.time()

    def _made(self, after_s: float) -> _Replica:
        now = self._now()
        return _Replica(asgi_app(self._settings), now, now + after_s)

    def _gone(self, one: _Replica) -> None:
        """A leaving replica is paid for until it has nothing left to do."""
        if one.leaving and one.in_flight == 0 and one in self._replicas:
            self._replicas.remove(one)
            self._paid_s += self._now() - one.began_s

    def _free(self) -> _Replica | None:
        now = self._now()
        found = [one for one in self._replicas if one.up_s <= now and not one.leaving and one.in_flight < self._most]
        return min(found, key=lambda one: one.in_flight, default=None)

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = self._free()
        if one is None:
            self._refused += 1
            message = b'{"error":{"message":"no replica is free","type":"overloaded_error","param":null,"code":"503"}}'
            await _send(send, 503, message)
            return
        one.in_flight += 1
        try:
            await one.app(scope, receive, send)
        finally:
            one.in_flight -= 1
            self._answered += 1
            self._gone(one)

    async def _ordered(self, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more and len(body) <= MAX_BODY_BYTES:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        try:
            self.scale(msgspec.json.decode(body, type=Order).replicas)
        except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:
            words = msgspec.json.encode({"error": {"message": f"the body names no number of replicas: {error}"}})
            await _send(send, 400, words)
            return
        await _send(send, 200, msgspec.json.encode(self.told()))


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [*_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
