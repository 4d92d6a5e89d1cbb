"""One gateway process: its own SO_REUSEPORT socket, the own transport on uvloop, ends with its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from logging import getLogger
from pathlib import Path

import uvloop

from breakeven.errors import UsageError
from breakeven.gateway.runtime import Runtime
from breakeven.gateway.service import GatewayService
from breakeven.wire.server import serve

_log = getLogger("breakeven.gateway")
DRAIN_S = 30.0
MOST_FILES = 65_536
GC_OBJECTS = 20_000


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
    _many_files()
    listening = _listen(host, port)
    uvloop.run(_serve(data_dir, listening, parent_pipe_fd, on_ready))


def _many_files() -> None:
    """As many descriptors as the system lets us have: each connection takes one, and the usual 1,024 are few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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


def _rarely_collect() -> None:
    """What was made at start stays; requests leave few cycles, so that looking for them can be rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 20)


async def _serve(
    data_dir: Path, listening: socket.socket, parent_pipe_fd: int | None, on_ready: Callable[[int], None] | None
) -> None:
    try:
        runtime = await Runtime.open(data_dir)
    except BaseException:
        listening.close()
        raise
    _rarely_collect()
    port = listening.getsockname()[1]
    stop = asyncio.Event()
    with _stopping(stop, parent_pipe_fd):
        server = await serve(GatewayService(runtime), listening)
        if on_ready is not None:
            on_ready(port)
        try:
            await stop.wait()
            runtime.draining = True
            cut = await server.drain(DRAIN_S)
            if cut:
                _log.warning("worker %s: %d answers were cut after %g s of draining", runtime.node, cut, DRAIN_S)
        finally:
            await runtime.close()
    _log.info("worker %s stopped", runtime.node)


@contextlib.contextmanager
def _stopping(stop: asyncio.Event, parent_pipe_fd: int | None) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def parent_said() -> None:
        if parent_pipe_fd is not None and not os.read(parent_pipe_fd, 1):
            loop.remove_reader(parent_pipe_fd)
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if parent_pipe_fd is not None:
        loop.add_reader(parent_pipe_fd, parent_said)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if parent_pipe_fd is not None:
            loop.remove_reader(parent_pipe_fd)
