"""An OpenAI-compatible server that answers with the timing of a stated deployment, and says so in every answer.

The convention: `metadata: {"emulate_input_tokens": "374", "emulate_output_tokens": "44"}` states the token counts.
Every answer carries `x-breakeven-emulated: <label>` and `system_fingerprint: "emulated:<label>"`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from breakeven.emulator import chat
from breakeven.emulator.engine import FLUSH_S, Engine, Stream
from breakeven.errors import UsageError
from breakeven.perf.fleet import Fleet
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve

MAX_BODY_BYTES = 8 * 1024 * 1024


class Settings(Noun, frozen=True, kw_only=True):
    """What is emulated: the deployment's curve, the model's name and a label, all stated in answers."""

    curve: StepCurve
    model: str
    label: str
    replicas: int = 1
    max_batch_tokens: int = 2048
    seed: int = 0
    flush_s: float = FLUSH_S


class _Gone(Exception):  # noqa: N818 - not an error: the client left
    """The client closed its connection."""


def asgi_app(settings: Settings) -> ASGIApp:
    """The server as an ASGI application; its clock starts with the first request."""
    return _App(settings)


def run(
    curve: StepCurve,
    *,
    model: str,
    label: str,
    host: str = "127.0.0.1",
    port: int = 8001,
    seed: int = 0,
    parent_pipe_fd: int | None = None,
) -> None:
    """Serve one replica until a signal, or until the parent's pipe closes.

    Raises:
        UsageError: the address cannot be bound.
    """
    serve(Settings(curve=curve, model=model, label=label, seed=seed), host, port, parent_pipe_fd)


def serve(
    settings: Settings,
    host: str,
    port: int,
    parent_pipe_fd: int | None = None,
    on_bound: Callable[[int], None] | None = None,
) -> None:
    """As `run`, with every setting; `on_bound` is told the port.

    Raises:
        UsageError: the address cannot be bound.
    """
    config = uvicorn.Config(
        asgi_app(settings), lifespan="off", ws="none", log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    with _bind(host, port) as listener, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        if on_bound is not None:
            on_bound(listener.getsockname()[1])
        runner.run(_serve(uvicorn.Server(config), listener, parent_pipe_fd))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        message = f"the emulator cannot listen on {host}:{port}: {error.strerror}"
        raise UsageError(message, "give another --port, or stop what listens there") from error


async def _serve(server: uvicorn.Server, listener: socket.socket, parent_pipe_fd: int | None) -> None:
    if parent_pipe_fd is not None:
        asyncio.get_running_loop().add_reader(parent_pipe_fd, _stop, server, parent_pipe_fd)
    await server.serve(sockets=[listener])


def _stop(server: uvicorn.Server, parent_pipe_fd: int) -> None:
    """The parent is gone: finish what is under way."""
    asyncio.get_running_loop().remove_reader(parent_pipe_fd)
    server.should_exit = True


class _App:
    """Routes of one emulated deployment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._numbers = itertools.count()
        self._requests, self._tokens = 0, [0, 0]
        self._headers = [(b"x-breakeven-emulated", settings.label.encode("latin-1", "replace"))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        route = _ROUTES.get((scope["method"], scope["path"]))
        try:
            await (route or _unknown(scope))(self, receive, send)
        except UsageError as error:
            status, kind = (404, "not_found_error") if route is None else (400, "invalid_request_error")
            await self._send(send, status, b"application/json", chat.problem(error, kind))

    def _running(self) -> Engine:
        if self._engine is None:
            made = self._settings
            fleet = Fleet(made.curve, made.replicas, max_batch_tokens=made.max_batch_tokens)
            self._engine = Engine(fleet, flush_s=made.flush_s)
        return self._engine

    async def health(self, _: Receive, send: Send) -> None:
        """Ready as soon as it runs."""
        await self._send(send, 200, b"application/json", b'{"status":"ok"}')

    async def models(self, _: Receive, send: Send) -> None:
        """The one model served."""
        card = {"id": self._settings.model, "object": "model", "created": 0, "owned_by": "breakeven-emulator"}
        body = msgspec.json.encode({"object": "list", "data": [card]})
        await self._send(send, 200, b"application/json", body)

    async def metrics(self, _: Receive, send: Send) -> None:
        """Counters and gauges in Prometheus text."""
        engine, label = self._running(), f'{{model_name="{self._settings.model}",emulated="{self._settings.label}"}}'
        lines = (
            ("gauge", "breakeven_emulator_requests_in_flight", engine.in_flight),
            ("counter", "breakeven_emulator_busy_seconds_total", engine.busy_s),
            ("counter", "breakeven_emulator_requests_total", self._requests),
            ("counter", "breakeven_emulator_prompt_tokens_total", self._tokens[0]),
            ("counter", "breakeven_emulator_generation_tokens_total", self._tokens[1]),
        )
        body = "".join(f"# TYPE {name} {kind}\n{name}{label} {value}\n" for kind, name, value in lines)
        await self._send(send, 200, b"text/plain; version=0.0.4", body.encode())

    async def completions(self, receive: Receive, send: Send) -> None:
        """`POST /v1/chat/completions`, plain or streaming."""
        with contextlib.suppress(_Gone):
            job = chat.read(await _body(receive), self._settings.model)
            stream = self._running().start(job.input_tokens, job.output_tokens)
            if stream is None:
                total, room = job.input_tokens + job.output_tokens, self._settings.curve.kv_tokens
                message = f"{job.input_tokens} + {job.output_tokens} = {total} tokens, and {room} fit in memory"
                raise UsageError(message, "shorten the prompt or max_tokens")
            await self._answer(job, stream, receive, send)

    async def _answer(self, job: chat.Job, stream: Stream, receive: Receive, send: Send) -> None:
        number = f"chatcmpl-emulated-{self._settings.seed}-{next(self._numbers)}"
        voice = chat.Voice(
            id=number, model=self._settings.model, label=self._settings.label, created=int(time.time())
        )  # fmt: skip
        speak = self._speak(voice, job, stream, send) if job.stream else self._wait(voice, job, stream, send)
        speaking, leaving = asyncio.ensure_future(speak), asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._requests += 1
            self._tokens[0] += job.input_tokens
            self._tokens[1] += stream.emitted
            self._running().stop(stream)
            leaving.cancel()
            speaking.cancel()
        if speaking.done() and not speaking.cancelled():
            speaking.result()

    async def _wait(self, voice: chat.Voice, job: chat.Job, stream: Stream, send: Send) -> None:
        while not stream.finished:
            await stream.more()
        await self._send(send, 200, b"application/json", voice.whole(job))

    async def _speak(self, voice: chat.Voice, job: chat.Job, stream: Stream, send: Send) -> None:
        """Chunks as tokens fall due; the first and the last are never held back."""
        said, more = 0, True
        while more:
            emitted, more = await stream.more(), not stream.finished
            if said == 0:
                await self._open(send, 200, b"text/event-stream")
            data = voice.chunk(job, said, emitted) if emitted > said else b""
            said = emitted
            if not more:
                data += voice.end(job)
            await send({"type": "http.response.body", "body": data, "more_body": more})

    async def _open(self, send: Send, status: int, kind: bytes, length: int | None = None) -> None:
        headers = [(b"content-type", kind), *self._headers]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send(self, send: Send, status: int, kind: bytes, body: bytes) -> None:
        await self._open(send, status, kind, len(body))
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _Gone
        part: bytes = event.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            message = f"the body has more than {MAX_BODY_BYTES} bytes"
            raise UsageError(message, "send a smaller request")
        parts.append(part)
        if not event.get("more_body"):
            return b"".join(parts)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _unknown(scope: Scope) -> NoReturn:
    message = f"there is no {scope['method']} {scope['path']}"
    raise UsageError(message, "this server has " + ", ".join(f"{verb} {path}" for verb, path in _ROUTES))


_Handler = Callable[[_App, Receive, Send], Awaitable[None]]
_ROUTES: dict[tuple[str, str], _Handler] = {
    ("POST", "/v1/chat/completions"): _App.completions,
    ("GET", "/v1/models"): _App.models,
    ("GET", "/health"): _App.health,
    ("GET", "/metrics"): _App.metrics,
}
