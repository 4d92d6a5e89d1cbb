"""The gateway as an ASGI 3 application, to mount in others or to run under any ASGI server."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.runtime import Runtime
from breakeven.gateway.service import GatewayService
from breakeven.wire.http import Headers, HttpRequest, Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_HEADER_BYTES = 64 * 1024
FULL_BYTES = 64 * 1024
BODY_S = 30.0
"""How long a body may take to arrive once its head is here."""


def asgi_app(runtime: Runtime) -> App:
    """The gateway as an ASGI application. The runtime is opened and closed by the caller."""
    return service_app(GatewayService(runtime))


def service_app(service: Service) -> App:
    """Any service as an ASGI application."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            message = f"the gateway speaks http, not {scope['type']}"
            raise NotImplementedError(message)
        out = AsgiOutgoing()
        try:
            request = await _request(scope, receive, service.max_body_bytes())
        except RequestError as error:
            headers, body = service.refusal(error.status, error.kind, str(error), scope["path"])
            out.reply(error.status, headers, body)
        except _GoneError:
            service.refusal(499, "client_gone", "the client left before its request was whole", scope["path"])
            return
        else:
            service.request(request, out)
        await _carried(out, receive, send)

    return app


async def _carried(out: AsgiOutgoing, receive: Receive, send: Send) -> None:
    watch = asyncio.create_task(_watch(receive, out))
    try:
        await out.carry(send)
    finally:
        watch.cancel()


class AsgiOutgoing:
    """The way back over ASGI: what is written waits until the server takes it."""

    def __init__(self) -> None:
        self.gone = False
        self.started = False
        self.full = False
        self.on_gone: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        self._start(status, [*headers, ("content-length", str(len(body)))])
        self.finish(body)

    def start(self, status: int, headers: Headers) -> None:
        """Send the head; the body is chunked."""
        self._start(status, headers)

    def write(self, data: bytes) -> None:
        """Send a part of the body."""
        self._put({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self, data: bytes = b"") -> None:
        """Send the last part."""
        self._put({"type": "http.response.body", "body": data, "more_body": False})

    def left(self) -> None:
        """The client went away."""
        if not self.gone:
            self.gone = True
            self._wake.set()
            if self.on_gone is not None:
                self.on_gone()

    async def carry(self, send: Send) -> None:
        """Hand over what is written, to the end of the answer or of the client."""
        more = True
        while more and not self.gone:
            await self._wake.wait()
            self._wake.clear()
            while self._messages and not self.gone:
                message = self._messages.popleft()
                self._bytes -= len(message.get("body", b""))
                await send(message)
                more = message.get("more_body", True)
            if self.full and self._bytes < FULL_BYTES // 2:
                self.full = False
                if self.on_room is not None:
                    self.on_room()

    def _start(self, status: int, headers: Headers) -> None:
        self.started = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._put({"type": "http.response.start", "status": status, "headers": raw})

    def _put(self, message: Message) -> None:
        if self.gone:
            return
        self._messages.append(message)
        self._bytes += len(message.get("body", b""))
        self.full = self._bytes > FULL_BYTES
        self._wake.set()


class _GoneError(Exception):
    """The client left before its request was whole."""


async def _watch(receive: Receive, out: AsgiOutgoing) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    out.left()


async def _request(scope: Message, receive: Receive, max_body_bytes: int) -> HttpRequest:
    received_s, time_s = time.monotonic(), time.time()
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        message = f"the request has more than {MAX_HEADER_BYTES} bytes of headers"
        raise RequestError(message, "send fewer", status=431, field="headers", kind="headers_too_large")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > max_body_bytes:
        raise _too_large(int(length), max_body_bytes)
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        body=await _body(receive, max_body_bytes),
        time_s=time_s,
        received_s=received_s,
    )


async def _body(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _within(bytes(message.get("body", b"")), limit)
    try:
        async with asyncio.timeout(BODY_S):
            return await _long_body(message, receive, limit)
    except TimeoutError:
        text = f"the request's body did not arrive within {BODY_S:g} s"
        raise RequestError(text, "send it faster", status=408, field="body", kind="body_timeout") from None


async def _long_body(message: Message, receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _GoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(size, limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(size: int, limit: int) -> RequestError:
    message = f"the request's body has {size} bytes or more, the policy allows {limit}"
    return RequestError(message, "send less, or raise max_body_bytes", status=413, field="body", kind="body_too_large")
