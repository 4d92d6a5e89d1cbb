"""One connection of a client: a protocol of callbacks that reads a request, awaits its answer, reads the next."""

from __future__ import annotations

import asyncio
import math
from logging import getLogger

from breakeven.wire.answer import Answer
from breakeven.wire.body import ChunkedReader, LengthReader
from breakeven.wire.head import HeadReader
from breakeven.wire.refused import RefusedError, body_too_large, too_slow
from breakeven.wire.server_channel import Channel
from breakeven.wire.server_context import ServerContext

_log = getLogger("breakeven.wire")

_HEAD, _BODY, _BUSY, _LINGER, _CLOSED = range(5)
"""Reads a head, or waits for one; reads a body; an answer, or room for the next one, is awaited; the last answer went
out, and what still comes is thrown away; closed, though bytes may still be on their way."""

_AT_ONCE = 16
"""Requests sent ahead that are served before others get their turn."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY = LengthReader(0)


class ServerConnection(Channel):
    """Reads requests and hands them to the service, one at a time and in order."""

    __slots__ = (
        "_ahead",
        "_answer",
        "_arrived_s",
        "_arrived_time_s",
        "_body",
        "_head",
        "_phase",
        "_read_s",
        "_read_time_s",
        "_served",
        "_stepping",
    )

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._head = HeadReader(context.limits)
        self._body: LengthReader | ChunkedReader = _NO_BODY
        self._answer: Answer | None = None
        self._phase = _HEAD
        self._ahead = b""
        self._arrived_s = self._arrived_time_s = self._read_s = self._read_time_s = 0.0
        self._stepping = False
        self._served = 0

    @property
    def held_bytes(self) -> int:
        """What is held of requests that were not handed over yet."""
        return self._head.size + len(self._body) + len(self._ahead)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: taken in, or closed at once if there are too many."""
        self._open(transport)
        if len(self.context.connections) < self.context.limits.connections:
            self.context.connections.add(self)
        else:
            self.cut()

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
        self._watch(self.context.limits.linger_s)
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
            self._watch(0.0)  # every sweep looks

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
                elif phase == _BODY:
                    data = self._take_body(data)
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
        limit, length = context.service.max_body_bytes(), head.length
        if length > limit:
            raise body_too_large(length, limit)
        if 0 < length <= len(rest):
            self._serve(rest[:length])
            return rest[length:]
        self.deadline_s = context.clock() + context.limits.body_s
        if head.expects and not rest:
            self.send(_CONTINUE)
        self._phase = _BODY
        self._body = LengthReader(length) if length > 0 else ChunkedReader(limit)
        return rest

    def _take_body(self, data: bytes) -> bytes:
        reader = self._body
        end = reader.take(data)
        if reader.whole:
            self._body = _NO_BODY
            self._serve(reader.body())
        return data[end:]

    def _keep(self, data: bytes) -> None:
        if not self._ahead:
            self._read_s = self.context.clock()
            self._read_time_s = self.context.wall()
        self._ahead += data
        if len(self._ahead) > self.context.limits.ahead_bytes:
            self._pause()

    # Answering

    def _serve(self, body: bytes) -> None:
        head = self._head
        request = head.request(body, received_s=self._arrived_s, time_s=self._arrived_time_s)
        answer = Answer(self, bare=head.method == "HEAD", modern=head.modern, close=not head.keep_alive)
        head.reset()
        self._answer = answer
        self._phase = _BUSY
        if self._full:
            self.pause_writing()
        else:
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
        self._answer = answer = Answer(self, bare=self._head.wants_no_body, modern=True, close=True)
        self._phase = _BUSY
        answer.reply(error.status, headers, body)

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
        self._resume()
        self._step(data)

    # Ending

    def _linger(self) -> None:
        self._phase = _LINGER
        self._ahead, self._body = b"", _NO_BODY
        self._watch(self.context.limits.linger_s)
        self._send_end()

    def _lose(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.lose()

    def leave(self) -> None:
        """Close if nothing is under way."""
        if self._phase == _HEAD and not self._head.size and self._transport is not None:
            self._phase = _CLOSED
            self._watch(self.context.limits.linger_s)
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
        elif self._phase == _BODY:
            self._refuse(too_slow("body", "body_timeout", limits.body_s))
        elif self._phase == _HEAD or self._stalled(now_s) or (self._phase > _BUSY and self._all_taken()):
            self.cut()
