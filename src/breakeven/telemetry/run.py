"""The telemetry process: follows the journal and sends, until it is asked to stop."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from logging import getLogger
from pathlib import Path

from breakeven.errors import ConfigError, LedgerError
from breakeven.telemetry.receiver import Receiver, headers_from

LOCK = "telemetry.lock"
LAST_WAIT_S = 3.0
RETRY_S = 1.0
_log = getLogger(__name__)


def run(
    data_dir: Path,
    endpoint: str,
    headers_env: str = "",
    parent_pipe_fd: int | None = None,
    *,
    spans: bool = True,
    metrics: bool = True,
) -> None:
    """Send spans and metrics until SIGTERM, SIGINT or the end of the parent's pipe.

    Args:
        data_dir: the data directory whose journal is followed.
        endpoint: the receiver's base URL, such as `http://localhost:4318`.
        headers_env: the environment variable that holds headers as `name=value,name=value`; "" sends none.
        parent_pipe_fd: the reading end of a pipe whose writing end only the supervisor holds.
        spans: whether spans are sent.
        metrics: whether histograms are sent.

    Raises:
        ConfigError: the endpoint or the headers are wrong, or the extra `otel` is not installed.
        LedgerError: another telemetry process is at work in this data directory.
    """
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.proto") is None:
        message = "telemetry is configured, and the package opentelemetry-proto is not installed"
        raise ConfigError(message, "pip install 'breakeven[otel]', or remove telemetry from breakeven.yaml")
    from breakeven.telemetry.exporter import Exporter  # noqa: PLC0415 - needs the extra

    with closing(Receiver(endpoint, headers_from(headers_env))) as receiver, _stop_signal() as wake, _alone(data_dir):
        exporter = Exporter(data_dir, receiver, spans=spans, metrics=metrics)
        handles = [wake] if parent_pipe_fd is None else [wake, parent_pipe_fd]
        while not select.select(handles, [], [], _pause_s(exporter.step))[0]:
            pass
        try:
            exporter.finish(time.monotonic() + LAST_WAIT_S)
        except OSError as error:
            _log.warning("telemetry: %s; what was not sent waits in %s", error, data_dir)


def _pause_s(step: Callable[[float], float]) -> float:
    try:
        return step(time.monotonic())
    except OSError as error:
        _log.warning("telemetry: %s", error)
        return RETRY_S


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        message = f"another telemetry process is at work in {data_dir}"
        raise LedgerError(message, "stop it, or give this one its own --data-dir") from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _stop_signal() -> Iterator[int]:
    """A descriptor that becomes readable when the process is asked to stop."""
    read, write = os.pipe()
    before = {
        number: signal.signal(number, lambda *_: os.write(write, b"x")) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
