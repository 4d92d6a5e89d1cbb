"""One gateway process: its own SO_REUSEPORT socket, uvicorn and uvloop, ends with its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from logging import getLogger
from pathlib import Path

import uvicorn
import uvloop

from breakeven.errors import UsageError
from breakeven.gateway.runtime import Runtime
from breakeven.gateway.server import asgi_app

_log = getLogger("breakeven.gateway")
DRAIN_S = 30
KEEP_ALIVE_S = 75
BACKLOG = 2048


def run(
    data_dir: Path,
    host: str,
    port: int,
    parent_pipe_fd: int | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the parent's pipe; then drain, seal the journal, return.

    Args:
        data_dir: holds `policy.lock.json`; journal and keys go there.
        host: the address to listen on.
        port: the port to listen on, shared with other workers; 0 takes a free one.
        parent_pipe_fd: the reading end of a pipe whose writing end only the supervisor holds.
        on_ready: told the port once requests are answered.

    Raises:
        ConfigError: the policy, a URL, a model file or an extra is missing or wrong.
        UsageError: the port is taken by somebody who does not share it.
    """
    listening = _listen(host, port)
    uvloop.run(_serve(data_dir, listening, parent_pipe_fd, on_ready))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        message = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise UsageError(message, "choose another --port, or stop what listens there") from error
    return sock


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they would raise the signal again after the drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    data_dir: Path, listening: socket.socket, parent_pipe_fd: int | None, on_ready: Callable[[int], None] | None
) -> None:
    try:
        runtime = await Runtime.open(data_dir)
    except BaseException:
        listening.close()
        raise
    server = _Server(_config(runtime))
    with _stopping(server, runtime, parent_pipe_fd):
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        if on_ready is not None:
            await _started(server, serving)
            on_ready(listening.getsockname()[1])
        try:
            await serving
        finally:
            await runtime.close()
    _log.info("worker %s stopped", runtime.node)


def _config(runtime: Runtime) -> uvicorn.Config:
    return uvicorn.Config(
        asgi_app(runtime),
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def _stopping(server: uvicorn.Server, runtime: Runtime, parent_pipe_fd: int | None) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        runtime.draining = True
        server.should_exit = True

    def parent_said() -> None:
        if parent_pipe_fd is not None and not os.read(parent_pipe_fd, 1):
            loop.remove_reader(parent_pipe_fd)
            stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if parent_pipe_fd is not None:
        loop.add_reader(parent_pipe_fd, parent_said)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if parent_pipe_fd is not None:
            loop.remove_reader(parent_pipe_fd)
