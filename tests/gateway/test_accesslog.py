"""The laws of the access log: a line is a request, whatever it holds; nothing secret; what fails costs lines only."""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.accesslog import FLUSH_LINES, AccessLog, Line, line_of, refused
from breakeven.schema.record import Attempt, Prediction, Tokens

ANY = st.text(st.characters(), max_size=40) | st.sampled_from(["\n", '"}\n{"a":1}', "\u2028", "\x00", "\ud800"])
TEXTS = [field.name for field in msgspec.structs.fields(Line) if field.type is str]


def record(**changes) -> Prediction:
    return Prediction(
        **{
            "prediction_id": "p1", "request_id": "r1", "node": "n", "sequence": 1, "time_s": 1764000000.5,
            "use_case": "chat", "deployment": "api", "model": "m", "cache": "miss", "total_s": 0.25, "ttft_s": 0.125,
            "consumed": Tokens(input=11, output=3), "cost_pico_usd": 46_000_000,
        } | changes
    )  # fmt: skip


def lines(path: Path) -> list[dict]:
    text = path.read_bytes()
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.removesuffix(b"\n").split(b"\n")]


def test_a_line_says_what_became_of_a_request(tmp_path) -> None:
    """Time, ids, where it went, how it ended, how long it took, what it cost; the query of the path is not told."""
    log = AccessLog(str(tmp_path / "access.log"))
    log.write(line_of([record()], "POST", "/v1/chat/completions?key=sk-1", bytes_in=900, bytes_out=1200))
    log.close()
    assert lines(tmp_path / "access.log") == [
        {
            "time_s": 1764000000.5, "method": "POST", "path": "/v1/chat/completions", "status": 200,
            "request_id": "r1", "prediction_id": "p1", "predictions": 1, "tenant": "default", "use_case": "chat",
            "tier": "important", "outcome": "answered", "reason": "", "deployment": "api", "model": "m",
            "cache": "miss", "total_s": 0.25, "ttft_s": 0.125, "input_tokens": 11, "output_tokens": 3,
            "cost_usd": 0.000046, "bytes_in": 900, "bytes_out": 1200,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(("costs", "usd"), [((1, 2), 3e-12), ((1, None), None), ((0,), 0)])
def test_several_predictions_are_one_line(costs, usd) -> None:
    """Their costs add up; with one of them unpriced the sum is unknown."""
    line = line_of([record(cost_pico_usd=one) for one in costs], "POST", "/x", bytes_in=1, bytes_out=1)
    assert (line.predictions, line.cost_usd) == (len(costs), usd)


@given(values=st.fixed_dictionaries(dict.fromkeys(TEXTS, ANY)), count=st.integers(1, 3))
def test_no_text_can_make_a_line(values, count, tmp_path_factory) -> None:
    """Whatever a client sends, n requests are n lines, each JSON that holds the text; no Unicode becomes `?`."""
    path = tmp_path_factory.mktemp("log") / "access.log"
    log = AccessLog(str(path))
    for _ in range(count):
        log.write(Line(**{"time_s": 0.0, "status": 200, **values}))
    log.close()
    for found in (all_ := lines(path)):
        assert {name: found[name] for name in TEXTS} == {
            name: value.encode(errors="replace").decode() for name, value in values.items()
        }
    assert len(all_) == count
    assert log.dropped == 0


def test_numbers_that_json_has_not_are_null(tmp_path) -> None:
    """No NaN reaches a reader that would refuse the line."""
    log = AccessLog(str(tmp_path / "a"))
    log.write(line_of([record(total_s=math.nan, ttft_s=math.inf)], "POST", "/", bytes_in=0, bytes_out=0))
    log.close()
    [found] = lines(tmp_path / "a")
    assert (found["total_s"], found["ttft_s"]) == (None, None)


def test_nothing_secret_is_told() -> None:
    """Of a record full of secrets, none is in the line: no prompt, subject, label, session, features, action."""
    secret = "c4n4ry"  # noqa: S105 - it is what must not be found
    full = record(
        prompt=secret, subject=secret, labels={secret: secret}, session=secret, features_hash=secret, region=secret,
        device_class=secret, channel=secret, action=secret, actions=(secret,), arm=secret, drill=secret,
        attempts=(Attempt(deployment=secret, kind="primary", outcome="ok", reason=secret),),
    )  # fmt: skip
    line = line_of([full], "POST", f"/v1?{secret}", bytes_in=0, bytes_out=0)
    assert secret.encode() not in msgspec.json.encode(line)


def test_what_a_client_names_is_cut() -> None:
    """A model's name or a path of a megabyte makes no line of a megabyte."""
    long = "x" * 10**6
    assert len(msgspec.json.encode(line_of([record(model=long)], "GET", long, bytes_in=0, bytes_out=0))) < 1500
    assert len(msgspec.json.encode(refused("GET", long, 404, "not_found", time_s=0.0))) < 1500


def test_lines_wait_for_the_tick_or_for_company(tmp_path) -> None:
    """One write per flush: on the tick, and as soon as as many lines wait as a flush takes."""
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    for _ in range(FLUSH_LINES - 1):
        log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    assert path.read_bytes() == b""
    log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    assert len(lines(path)) == FLUSH_LINES
    log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    log.tick()
    assert len(lines(path)) == FLUSH_LINES + 1


@pytest.mark.parametrize("how", ["renamed", "removed", "told"])
def test_a_rotated_file_is_followed(tmp_path, how) -> None:
    """After a rename, a removal or a signal the next lines are in a file of the old name, and no line is lost."""
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    log.write(refused("GET", "/before", 404, "not_found", time_s=0.0))
    if how == "removed":
        log.tick()
        path.unlink()
    else:
        path.rename(tmp_path / "access.log.1")
    log.reopen() if how == "told" else log.tick()
    log.write(refused("GET", "/after", 404, "not_found", time_s=0.0))
    log.close()
    assert [one["path"] for one in lines(path)] == ["/after"]
    if how != "removed":
        assert [one["path"] for one in lines(tmp_path / "access.log.1")] == ["/before"]
    assert log.dropped == 0


def test_a_target_that_cannot_be_opened_costs_lines_and_is_found_when_it_is_there(tmp_path, caplog) -> None:
    """Lines are dropped and counted, one warning is given, and logging begins once the folder exists."""
    log = AccessLog(str(tmp_path / "absent" / "access.log"))
    for _ in range(3):
        log.write(refused("GET", "/lost", 404, "not_found", time_s=0.0))
        log.tick()
    assert (log.dropped, len(caplog.records)) == (3, 1)
    (tmp_path / "absent").mkdir()
    log.tick()
    log.write(refused("GET", "/kept", 404, "not_found", time_s=0.0))
    log.close()
    assert [one["path"] for one in lines(tmp_path / "absent" / "access.log")] == ["/kept"]
    assert log.dropped == 3


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that is full beyond `size` bytes of a file, as the kernel enforces it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_drops_lines_and_heals(tmp_path) -> None:
    """Kept and dropped are all there were; after the torn line the next is whole again."""
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    with files_of_at_most(1000):
        for number in range(20):
            log.write(refused("GET", f"/{number}", 404, "not_found", time_s=0.0))
            log.flush()
    log.write(refused("GET", "/healed", 404, "not_found", time_s=0.0))
    log.close()
    whole = []
    for line in path.read_bytes().split(b"\n"):
        try:
            whole.append(json.loads(line)["path"])
        except ValueError:
            continue
    assert whole == [*(f"/{n}" for n in range(len(whole) - 1)), "/healed"]
    assert len(whole) + log.dropped == 21
    assert log.dropped > 0


def test_a_pipe_that_nobody_reads_holds_nobody_up(tmp_path) -> None:
    """Opening and writing never wait: without a reader lines are dropped, and so is what a full pipe does not take."""
    os.mkfifo(tmp_path / "pipe")
    log = AccessLog(str(tmp_path / "pipe"))
    log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    log.tick()
    assert log.dropped == 1
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    log.tick()
    for _ in range(1000):
        log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    log.close()
    os.close(reader)
    assert 1 < log.dropped < 1001


def test_off_is_off(tmp_path, monkeypatch) -> None:
    """Without a target nothing is kept or written."""
    monkeypatch.chdir(tmp_path)
    log = AccessLog("off")
    for _ in range(2 * FLUSH_LINES):
        log.write(refused("GET", "/", 404, "not_found", time_s=0.0))
    log.tick()
    log.reopen()
    log.close()
    assert list(tmp_path.iterdir()) == []
    assert log.dropped == 0


WRITER = """
import sys
from breakeven.gateway.accesslog import AccessLog, refused
log = AccessLog(sys.argv[1])
for number in range(300):
    log.write(refused("GET", f"/{sys.argv[2]}/{number}", 404, "not_found", time_s=0.0))
log.close()
"""


def test_workers_share_a_file_and_stderr(tmp_path) -> None:
    """Lines of processes that write at once stay whole; each process's are in order."""
    path = tmp_path / "access.log"
    both = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "ab"]
    assert [process.wait() for process in both] == [0, 0]
    found = [one["path"] for one in lines(path)]
    for name in "ab":
        assert [one for one in found if one[1] == name] == [f"/{name}/{number}" for number in range(300)]
    ran = subprocess.run([sys.executable, "-c", WRITER, "stderr", "c"], capture_output=True, text=True, check=True)
    assert len([json.loads(line) for line in ran.stderr.splitlines()]) == 300


def test_every_request_has_a_line_refused_ones_too(kit, tmp_path) -> None:
    """A prediction's line names its record; what is no prediction says why; neither holds the prompt or the key."""
    path = tmp_path / "access.jsonl"

    async def main():
        async with kit.start_upstream(kit.honest) as up:
            kit.install(tmp_path, kit.make_policy(url=up.url, access_log=str(path)))
            async with kit.start_gateway(tmp_path) as gateway:
                good = await kit.post(gateway, kit.CHAT, headers=[("authorization", "Bearer sk-canary")])
                await kit.post(gateway, kit.CHAT, path="/sk-canary")
                return good

    good = asyncio.run(main())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["status"], one["path"]) for one in lines] == [(200, "/v1/chat/completions"), (404, "")]
    assert lines[0]["prediction_id"] == good.headers["x-breakeven-prediction-id"]
    assert lines[1]["reason"] == "not_found"
    assert "sk-canary" not in path.read_text()
    assert '"hi"' not in path.read_text()
