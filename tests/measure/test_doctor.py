"""The doctor finds what is wrong, says it with values, and never shows a key."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from breakeven.measure import doctor
from breakeven.measure.doctor import Check, Setup, examine
from breakeven.measure.reach import path
from breakeven.schema.policy import Backend


def openai(base_url: str, key: str = "") -> Backend:
    return Backend(name="llm", kind="openai", base_url=base_url, api_key_env=key)


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_a_healthy_machine_passes(tmp_path: Path) -> None:
    """Nothing asked for beyond a data directory, nothing found, and every check has its way out ready."""
    found = examine(Setup(data_dir=tmp_path / "not/yet/made"), {})
    assert all(check.ok for check in found), found
    assert [check.name for check in found] == ["python", "extra onnx", "clock", "disk space", "disk write"]
    assert all(check.way_out for check in found)
    assert not (tmp_path / "not").exists()


def test_a_taken_port_is_found(tmp_path: Path) -> None:
    """A port somebody listens on is named with the address; a free one passes."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        found = examine(Setup(data_dir=tmp_path, ports=(number,)), {})
        check = named(found, f"port {number}")
    assert not check.ok
    assert f"127.0.0.1:{number}" in check.detail
    assert "--port" in check.way_out
    assert doctor.port("127.0.0.1", number).ok


def test_an_old_python_is_found() -> None:
    """Both versions are named."""
    check = doctor.python((3, 10, 1))
    assert (check.ok, check.detail) == (False, "Python 3.10.1, 3.11 needed")


@pytest.mark.parametrize(("year", "drift", "ok"), [(2026, 0.0, True), (1970, 0.0, False), (2026, 0.5, False)])
def test_a_clock_that_cannot_be_trusted_is_found(
    monkeypatch: pytest.MonkeyPatch, year: int, drift: float, ok: bool
) -> None:
    """An implausible year, or a wall clock that does not keep pace with the monotonic one."""
    now = {"wall": (year - 1970) * 31_556_952.0 + 1e6, "steady": 5.0}

    def sleep(duration_s: float) -> None:
        now["wall"] += duration_s + drift
        now["steady"] += duration_s

    monkeypatch.setattr(doctor.time, "time", lambda: now["wall"])
    monkeypatch.setattr(doctor.time, "monotonic", lambda: now["steady"])
    monkeypatch.setattr(doctor.time, "sleep", sleep)
    assert doctor.clock().ok is ok


def test_a_full_disk_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Free and wanted are both stated."""
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: type("U", (), {"free": 10_000_000})())
    check = named(doctor.disk(tmp_path), "disk space")
    assert (check.ok, "0.0 GB free" in check.detail, "0.5 GB wanted" in check.detail) == (False, True, True)


def test_a_place_that_cannot_be_written_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system's own words are passed on."""

    def refuse(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.os, "fsync", refuse)
    check = named(doctor.disk(tmp_path), "disk write")
    assert not check.ok
    assert "No space left on device" in check.detail
    assert list(tmp_path.iterdir()) == []


def test_keys_are_looked_for_and_never_shown(tmp_path: Path) -> None:
    """A missing variable is named with the backends that need it; a set one passes without its value."""
    backends = (openai("http://127.0.0.1:9", "LLM_KEY"), openai("http://127.0.0.1:9", "OTHER_KEY"))
    found = examine(Setup(data_dir=tmp_path, backends=backends, timeout_s=1), {"LLM_KEY": "sk-secret"})
    assert named(found, "key LLM_KEY").ok
    missing = named(found, "key OTHER_KEY")
    assert (missing.ok, missing.detail) == (False, "OTHER_KEY is not set, llm needs it")
    assert "sk-secret" not in repr(found)


def test_an_unreachable_backend_is_found(tmp_path: Path) -> None:
    """The address and the system's reason are named."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    check = named(examine(Setup(data_dir=tmp_path, backends=(openai(url),)), {}), "backend llm")
    assert not check.ok
    assert url in check.detail
    assert "ConnectionRefusedError" in check.detail


def asked(loopback: Any, reply: Any, backend: Backend, status: int, body: bytes, paths: list[str]) -> Check:
    async def handler(where: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        paths.append(where)
        writer.write(reply(status, body))

    async def story() -> Check:
        async with loopback(handler) as base:
            one = Backend(name="b", kind=backend.kind, base_url=base + backend.base_url, api_key_env="K")
            return await asyncio.to_thread(doctor.backend, one, {"K": "k"}, 5.0)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("backend", "status", "body", "ok", "words"),
    [
        (openai("/v1"), 200, b'{"data":[{"id":"a"},{"id":"b"}]}', True, "serves a, b"),
        (openai(""), 200, b'{"data":[{"id":"%d"}]}' % 7, True, "serves 7"),
        (openai(""), 200, b'{"data":[]}', True, "serves no model"),
        (openai(""), 401, b"{}", False, "answers HTTP 401 at /v1/models"),
        (openai(""), 200, b"<html>", False, "not with JSON"),
        (openai(""), 200, b"[1]", False, "no JSON object"),
        (openai(""), 200, b"{}", False, "without a list of models"),
        (Backend(name="o", kind="oip"), 200, b'{"name":"mlserver","version":"1.7"}', True, "is mlserver 1.7"),
        (Backend(name="o", kind="oip"), 200, b"{}", True, "is nameless"),
    ],
)
def test_a_backend_says_who_it_is(
    loopback: Any, reply: Any, backend: Backend, status: int, body: bytes, ok: bool, words: str
) -> None:
    """Reachable is not enough: it must answer as its kind does, and what it says is shown."""
    paths: list[str] = []
    check = asked(loopback, reply, backend, status, body, paths)
    assert (check.ok, words in check.detail) == (ok, True), check
    assert paths == ["/v2" if backend.kind == "oip" else "/v1/models"]


def test_many_models_are_cut_short(loopback: Any, reply: Any) -> None:
    """Five names, then how many more."""
    body = b'{"data":[' + b",".join(b'{"id":"m%d"}' % k for k in range(9)) + b"]}"
    assert "serves m0, m1, m2, m3, m4 and 4 more" in asked(loopback, reply, openai(""), 200, body, []).detail


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://", "http://h:99999"])
def test_a_base_url_that_is_none_is_found(url: str) -> None:
    """A URL that cannot be asked is a finding, not an exception."""
    check = doctor.backend(openai(url), {}, 0.1)
    assert (check.ok, "URL" in check.detail) == (False, True), check


def test_prefixes_are_not_doubled() -> None:
    """A base URL with or without its protocol's prefix is asked at the same place."""
    assert path(openai("http://h/api/v1/")) == path(openai("http://h/api")) == "/api/v1/models"
    assert path(Backend(name="o", kind="oip", base_url="http://h/v2")) == "/v2"


def test_a_missing_onnx_model_and_extra_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In-process models need their file and their extra; without such a backend a missing extra is no fault."""
    model = Backend(name="ranker", kind="onnx", model_path=str(tmp_path / "absent.onnx"))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: None)
    found = examine(Setup(data_dir=tmp_path, backends=(model,)), {})
    assert not named(found, "backend ranker").ok
    assert not named(found, "extra onnx").ok
    assert "breakeven[onnx]" in named(found, "extra onnx").way_out
    assert doctor.extras(())[0].ok
