"""One connection of a client: a protocol of callbacks that reads a request, awaits its answer, reads the next."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from logging import getLogger
from typing import cast

from breakeven.wire.answer import Answer
from breakeven.wire.chunked import ChunkedReader
from breakeven.wire.head import HeadReader
from breakeven.wire.http import HttpRequest
from breakeven.wire.refused import RefusedError, body_too_large, too_slow
from breakeven.wire.server_context import ServerContext

_log = getLogger("breakeven.wire")

_HEAD, _LENGTH, _CHUNKS, _BUSY, _LINGER, _CLOSED = range(6)
"""Reads a head, or waits for one; reads a body of known length, or in chunks; an answer, or room for the next one, is
awaited; an answer went out, and what still comes is thrown away; closed, though bytes may still be on their way."""

_AT_ONCE = 16
"""Requests sent ahead that are served before others get their turn."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _no_delay(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # asyncio forgets it where a socket was made without naming its protocol
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class ServerConnection(asyncio.Protocol):
    """Reads requests and hands them to the service, one at a time and in order."""

    __slots__ = (
        "_ahead",
        "_answer",
        "_arrived_s",
        "_arrived_time_s",
        "_body",
        "_chunks",
        "_full",
        "_head",
        "_left",
        "_paused",
        "_phase",
        "_read_s",
        "_read_time_s",
        "_served",
        "_stepping",
        "_taken",
        "_taken_s",
        "_transport",
        "_written",
        "context",
        "deadline_s",
    )

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.deadline_s = math.inf
        self._transport: asyncio.Transport | None = None
        self._head = HeadReader(context.limits)
        self._answer: Answer | None = None
        self._phase = _HEAD
        self._ahead = b""
        self._arrived_s = self._arrived_time_s = self._read_s = self._read_time_s = 0.0
        self._body = bytearray()
        self._left = 0
        self._chunks: ChunkedReader | None = None
        self._full = self._paused = self._stepping = False
        self._served = 0
        self._written = self._taken = 0
        self._taken_s = 0.0

    @property
    def held_bytes(self) -> int:
        """What is held of requests that were not handed over yet."""
        return self._head.size + len(self._body) + len(self._chunks or b"") + len(self._ahead)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected; uvloop's transport is no subclass of asyncio's, so its class cannot be asked for."""
        self._transport = cast("asyncio.Transport", transport)
        context = self.context
        if len(context.connections) >= context.limits.connections:
            self._phase = _CLOSED
            self._transport.abort()
            return
        context.connections.add(self)
        _no_delay(self._transport)
        self._transport.set_write_buffer_limits(high=context.limits.write_buffer_bytes)
        self.deadline_s = context.clock() + context.limits.header_s

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._phase < _BUSY:
            self._read_s = self.context.clock()
            self._read_time_s = self.context.wall()
            self._step(data)
        elif self._phase == _BUSY:
            self._keep(data)

    def eof_received(self) -> None:
        """The client will send no more: it is gone. The transport closes itself once it has sent what it holds."""
        self._phase = _CLOSED
        self._watch_leaving()
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it came, the client is gone
        """The connection is gone."""
        self._phase = _CLOSED
        self._transport = None
        self._head.close()
        self.context.lost(self)
        self._lose()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self._full = True
        if self._answer is not None:
            self._answer.full = True
        if self._phase == _HEAD and not self._head.size:
            self._phase = _BUSY
        if self._phase == _BUSY:
            self._watch_leaving()
            self.deadline_s = -math.inf  # every sweep looks

    def resume_writing(self) -> None:
        """There is room again."""
        self._full = False
        if self._phase != _BUSY:
            return
        self.deadline_s = math.inf
        answer = self._answer
        if answer is None:
            self._soon()
            return
        answer.full = False
        if answer.on_room is not None:
            answer.on_room()

    # Reading

    def _step(self, data: bytes) -> None:
        self._stepping = True
        self._served = 0
        try:
            while data:
                phase = self._phase
                if phase == _HEAD:
                    data = self._take_head(data)
                elif phase == _LENGTH:
                    data = self._take_body(data)
                elif phase == _CHUNKS:
                    data = self._take_chunks(data)
                else:
                    if phase == _BUSY:
                        self._keep(data)
                    break
        except RefusedError as error:
            self._refuse(error)
        finally:
            self._stepping = False

    def _take_head(self, data: bytes) -> bytes:
        head = self._head
        begins = not head.size
        if begins:
            if data[0] in b"\r\n":
                return data.lstrip(b"\r\n")  # RFC 9112, section 2.2
            self._arrived_s = self._read_s
            self._arrived_time_s = self._read_time_s
        end = head.take(data)
        if not end:
            if begins:
                self.deadline_s = self.context.clock() + self.context.limits.header_s
            return b""
        rest = data[end:]
        if not head.length:
            self._serve(b"")
            return rest
        return self._begin_body(rest)

    def _begin_body(self, rest: bytes) -> bytes:
        head, context = self._head, self.context
        self._check_expectation()
        limit, length = context.service.max_body_bytes(), head.length
        if length > limit:
            raise body_too_large(length, limit)
        if 0 < length <= len(rest):
            self._serve(rest[:length])
            return rest[length:]
        self.deadline_s = context.clock() + context.limits.body_s
        if not rest and head.modern and "expect" in head.headers:
            self.send(_CONTINUE)
        if length > 0:
            self._phase, self._left = _LENGTH, length
        else:
            self._phase, self._chunks = _CHUNKS, ChunkedReader(limit)
        return rest

    def _check_expectation(self) -> None:
        expected = self._head.headers.get("expect", "100-continue")
        if expected.lower() != "100-continue" and self._head.modern:
            message = f"the request expects {expected[:40]!r}, only 100-continue is served"
            raise RefusedError(417, "expectation_failed", message)

    def _take_body(self, data: bytes) -> bytes:
        piece = data[: self._left]
        self._body += piece
        self._left -= len(piece)
        if not self._left:
            body, self._body = bytes(self._body), bytearray()
            self._serve(body)
        return data[len(piece) :]

    def _take_chunks(self, data: bytes) -> bytes:
        chunks = self._chunks
        if chunks is None:
            return b""
        end = chunks.take(data)
        if chunks.whole:
            self._chunks = None
            self._serve(chunks.body())
        return data[end:]

    def _keep(self, data: bytes) -> None:
        if not self._ahead:
            self._read_s = self.context.clock()
            self._read_time_s = self.context.wall()
        self._ahead += data
        if len(self._ahead) > self.context.limits.ahead_bytes and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    # Answering

    def _serve(self, body: bytes) -> None:
        head = self._head
        request = HttpRequest(
            method=head.method,
            path=head.path,
            headers=head.headers,
            body=body,
            time_s=self._arrived_time_s,
            received_s=self._arrived_s,
            query=head.query,
        )
        answer = Answer(self, bare=head.method == "HEAD", modern=head.modern, close=not head.keep_alive)
        head.reset()
        self._answer = answer
        self._phase = _BUSY
        self.deadline_s = math.inf
        try:
            self.context.service.request(request, answer)
        except Exception:  # noqa: BLE001 - the client gets a 500, the log gets the trace
            _log.exception("%s %s failed inside the service", request.method, request.path)
            self._fail(answer, request.path)

    def _fail(self, answer: Answer, path: str) -> None:
        if answer is not self._answer:
            return
        if answer.started:
            self.cut()
            return
        headers, body = self.context.service.refusal(500, "internal", "the server failed at this request", path)
        answer.reply(500, headers, body)

    def _refuse(self, error: RefusedError) -> None:
        path = self._head.guessed_path()
        headers, body = self.context.service.refusal(error.status, error.kind, error.message, path)
        self._answer = answer = Answer(self, bare=self._head.method == "HEAD", modern=True, close=True)
        self._phase = _BUSY
        answer.reply(error.status, headers, body)

    def send(self, data: bytes) -> None:
        """Write, or keep until there is room."""
        if self._transport is not None:
            self._written += len(data)
            self._transport.write(data)

    def ended(self, *, close: bool) -> None:
        """The answer is over; go on with the next request, or close."""
        self._answer = None
        if close:
            self._linger()
        elif self._full:
            return  # `resume_writing` goes on
        elif self._stepping:
            self._served += 1
            if self._served < _AT_ONCE:
                self._ready()
            else:
                self._soon()
        elif self._ahead:
            self._soon()  # not from inside the service's own call
        else:
            self._ready()

    def _soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._next)

    def _ready(self) -> None:
        self._phase = _HEAD
        self.deadline_s = self.context.clock() + self.context.limits.idle_s
        if self.context.draining and not self._stepping and not self._ahead:
            self._linger()

    def _next(self) -> None:
        if self._phase != _BUSY or self._answer is not None or self._full:
            return
        self._ready()
        data, self._ahead = self._ahead, b""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._step(data)

    # Ending

    def _linger(self) -> None:
        """Say that nothing more follows, and read on for a while: closing with bytes unread would reset it."""
        self._phase = _LINGER
        self._ahead, self._body, self._chunks = b"", bytearray(), None
        self._watch_leaving()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        if self._paused:
            self._paused = False
            transport.resume_reading()

    def _watch_leaving(self) -> None:
        self._taken, self._taken_s = self._taken_now(), self.context.clock()
        self.deadline_s = self._taken_s + self.context.limits.linger_s

    def _taken_now(self) -> int:
        return self._written - (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def _all_taken(self) -> bool:
        return self._taken_now() == self._written

    def _lose(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.lose()

    def leave(self) -> None:
        """Close if nothing is under way."""
        if self._phase == _HEAD and not self._head.size and self._transport is not None:
            self._phase = _CLOSED
            self._watch_leaving()
            self._transport.close()

    def cut(self) -> bool:
        """Close at once; whether a request or an answer was cut off."""
        cut = self._answer is not None or (self._head.size > 0 and self._phase < _BUSY) or not self._all_taken()
        self._phase = _CLOSED
        self.deadline_s = math.inf
        if self._transport is not None:
            self._transport.abort()
        self._lose()
        return cut

    def expire(self, now_s: float) -> None:
        """The deadline is over."""
        limits = self.context.limits
        if self._phase == _HEAD and self._head.size:
            self._refuse(too_slow("head", "header_timeout", limits.header_s))
        elif self._phase in {_LENGTH, _CHUNKS}:
            self._refuse(too_slow("body", "body_timeout", limits.body_s))
        elif self._phase == _HEAD or self._stalled(now_s) or (self._phase > _BUSY and self._all_taken()):
            self.cut()

    def _stalled(self, now_s: float) -> bool:
        taken = self._taken_now()
        if taken != self._taken:
            self._taken, self._taken_s = taken, now_s
        return now_s - self._taken_s >= self.context.limits.stall_s
