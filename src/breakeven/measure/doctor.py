"""Checks whether this machine can run a gateway, and says what to do where it cannot."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from breakeven.measure.reach import identity
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Backend

_PYTHON = (3, 11)
_NEEDED_BYTES = 512 * 1024 * 1024
_FIRST_YEAR, _LAST_YEAR = 2025, 2100
_CLOCK_SPAN_S, _CLOCK_SLACK_S = 0.05, 0.02
_SLOW_FSYNC_S = 0.1
_EXTRAS = {"onnx": "onnxruntime"}


class Check(Noun, frozen=True, kw_only=True):
    """One thing looked at. `way_out` says what to do when it is not `ok`."""

    name: str
    ok: bool
    detail: str
    way_out: str = ""


class Setup(Noun, frozen=True, kw_only=True):
    """What is about to run: where it listens, where it writes, whom it asks."""

    data_dir: Path
    ports: tuple[int, ...] = ()
    host: str = "127.0.0.1"
    backends: tuple[Backend, ...] = ()
    timeout_s: float = 3.0


def examine(setup: Setup, environment: Mapping[str, str] | None = None) -> tuple[Check, ...]:
    """All checks, in the order in which they should be put right. `environment` None is the process's own."""
    known = os.environ if environment is None else environment
    return (
        python(),
        *extras(setup.backends),
        clock(),
        *disk(setup.data_dir),
        *(port(setup.host, number) for number in setup.ports),
        *keys(setup.backends, known),
        *(backend(one, known, setup.timeout_s) for one in setup.backends),
    )


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The interpreter is new enough."""
    found = ".".join(map(str, version))
    needed = ".".join(map(str, _PYTHON))
    return Check(
        name="python", ok=version >= _PYTHON, detail=f"Python {found}, {needed} needed", way_out=f"install {needed}+"
    )


def extras(backends: Sequence[Backend]) -> tuple[Check, ...]:
    """Optional parts: missing is a fault only where a backend needs it."""
    wanted = {"onnx"} if any(one.kind == "onnx" for one in backends) else set()
    return tuple(
        Check(
            name=f"extra {extra}",
            ok=present or extra not in wanted,
            detail=f"{module} is {'there' if present else 'missing'}{', and needed' if extra in wanted else ''}",
            way_out=f"pip install 'breakeven[{extra}]'",
        )
        for extra, module in _EXTRAS.items()
        for present in [importlib.util.find_spec(module) is not None]
    )


def clock() -> Check:
    """The wall clock shows a plausible year and runs as fast as the monotonic one."""
    wall_s, steady_s = time.time(), time.monotonic()
    time.sleep(_CLOCK_SPAN_S)
    drift_s = (time.time() - wall_s) - (time.monotonic() - steady_s)
    year = time.gmtime(wall_s).tm_year
    return Check(
        name="clock",
        ok=_FIRST_YEAR <= year <= _LAST_YEAR and abs(drift_s) < _CLOCK_SLACK_S,
        detail=f"year {year}, wall against monotonic {drift_s * 1e3:+.2f} ms in {_CLOCK_SPAN_S * 1e3:.0f} ms",
        way_out="set the clock and keep it with NTP; ids and windows need it",
    )


def disk(data_dir: Path) -> tuple[Check, ...]:
    """The data directory (or where it would be made) has room and takes a durable write."""
    place = _existing(data_dir)
    free = shutil.disk_usage(place).free
    room = Check(
        name="disk space",
        ok=free >= _NEEDED_BYTES,
        detail=f"{free / 1e9:.1f} GB free at {place}, {_NEEDED_BYTES / 1e9:.1f} GB wanted",
        way_out="free some, or name another place with --data-dir",
    )
    return room, _durable(place)


def port(host: str, number: int) -> Check:
    """Nobody listens on the port yet."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
            problem = ""
        except OSError as error:
            problem = str(error)
    return Check(
        name=f"port {number}",
        ok=not problem,
        detail=f"{host}:{number} {'is free' if not problem else f'cannot be bound: {problem}'}",
        way_out="stop what listens there, or choose another with --port",
    )


def keys(backends: Sequence[Backend], environment: Mapping[str, str]) -> tuple[Check, ...]:
    """Every variable that a backend's key is read from is set; its value is never shown."""
    return tuple(
        Check(
            name=f"key {name}",
            ok=bool(environment.get(name)),
            detail=f"{name} is {'set' if environment.get(name) else 'not set'}, {users} needs it",
            way_out=f"export {name}=...",
        )
        for name in sorted({one.api_key_env for one in backends if one.api_key_env})
        for users in [", ".join(one.name for one in backends if one.api_key_env == name)]
    )


def backend(one: Backend, environment: Mapping[str, str], timeout_s: float = 3.0) -> Check:
    """The backend answers, and says who it is; an ONNX backend's file is there."""
    if one.kind == "onnx":
        there = Path(one.model_path).is_file()
        detail = f"{one.model_path} {'is there' if there else 'does not exist'}"
        return Check(name=f"backend {one.name}", ok=there, detail=detail, way_out="put the model there, or correct it")
    said, problem = identity(one, environment.get(one.api_key_env, ""), timeout_s)
    return Check(
        name=f"backend {one.name}",
        ok=not problem,
        detail=f"{one.base_url} {said or problem}",
        way_out="start it, or correct base_url, kind or key in breakeven.yaml",
    )


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.is_dir())


def _durable(place: Path) -> Check:
    problem, taken_s = "", 0.0
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"breakeven")
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            taken_s = time.monotonic() - began
    except OSError as error:
        problem = str(error)
    return Check(
        name="disk write",
        ok=not problem and taken_s < _SLOW_FSYNC_S,
        detail=problem or f"fsync at {place} took {taken_s * 1e3:.2f} ms",
        way_out="name a local, writable place with --data-dir",
    )
