"""From a journal to a real receiver: every record exactly one span, through rotation, sealing, outages and restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import ConfigError, LedgerError
from breakeven.schema.journal import frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity
from breakeven.telemetry.receiver import Receiver, headers_from
from breakeven.telemetry.run import run
from breakeven.telemetry.spool import FOLDER, READ_BYTES
from breakeven.telemetry.state import FILE

pytest.importorskip("opentelemetry.proto")

from breakeven.telemetry.exporter import BATCH, LONGEST_WAIT_S, Exporter

SECRET = "c4n4ry"  # noqa: S105 - it is what must not be found


Start = Callable[..., Exporter]


@pytest.fixture
def exporter(tmp_path: Path, receiver) -> Iterator[Start]:
    """Starts a process's exporter, as often as a test restarts it; their connections end with the test."""
    receivers: list[Receiver] = []

    def start(url: str = receiver.url, **options) -> Exporter:
        receivers.append(Receiver(url, {}))
        return Exporter(tmp_path, receivers[-1], **options)

    yield start
    for one in receivers:
        one.close()


def drain(out: Exporter, now: float = 0.0) -> float:
    """Steps until there is nothing to do at that moment; time stands still."""
    while out.step(now) == 0:
        pass
    return now


def told(kit, receiver) -> list[str]:
    return [kit.values(one.attributes)["breakeven.prediction_id"] for one in receiver.server_spans]


def ids(records) -> list[str]:
    return [one.prediction_id for one in records]


def test_every_record_is_one_server_span_with_its_tokens_and_cost(kit, receiver, tmp_path, exporter) -> None:
    """Sums over the spans are sums over the records; each attempt is a child; ids, times and names arrive as meant."""
    writer = kit.Writer(tmp_path)
    for number in range(30):
        writer.append(cost_pico_usd=None if number % 7 == 0 else 10**6 * number, prompt=SECRET, subject=SECRET)
        if number % 11 == 0:
            writer.rotate()
    drain(exporter())
    assert sorted(told(kit, receiver)) == sorted(ids(writer.records))
    found = [kit.values(one.attributes) for one in receiver.server_spans]
    for name, field in (
        ("input_tokens", "input"),
        ("output_tokens", "output"),
        ("cache_read.input_tokens", "cached_input"),
    ):
        wanted = sum(getattr(one.consumed, field) for one in writer.records)
        assert sum(one[f"gen_ai.usage.{name}"] for one in found) == wanted
    costs = [one["breakeven.cost_usd"] for one in found if "breakeven.cost_usd" in one]
    priced = [one.cost_pico_usd for one in writer.records if one.cost_pico_usd is not None]
    assert sorted(round(cost * 1e12) for cost in costs) == sorted(priced)
    above = {one.span_id for one in receiver.server_spans}
    below = Counter(one.parent_span_id for one in receiver.spans if one.span_id not in above)
    assert below == dict.fromkeys(above, 2)
    first = next(one for one in receiver.server_spans if kit.values(one.attributes)["breakeven.prediction_id"] == "n/1")
    assert (first.name, first.start_time_unix_nano, first.end_time_unix_nano) == (
        "chat llama", 1764000001 * 10**9, 1764000001 * 10**9 + 5 * 10**8,
    )  # fmt: skip
    assert receiver.resources[0]["service.name"] == "breakeven"
    assert not [raw for raw in receiver.raw if SECRET.encode() in raw]


def test_metrics_hold_every_completion_and_grow_over_a_restart(kit, receiver, tmp_path, exporter) -> None:
    """The last histograms sent count all there was since the beginning, in the convention's buckets and units."""
    writer = kit.Writer(tmp_path)
    for number in range(6):
        if number == 3:
            drain(exporter())
            since = {one.start_time_unix_nano for one in receiver.points.values()}
        writer.append()
    drain(exporter())
    common = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "llama"}

    def point(metric: str, **more: str):
        return receiver.points[metric, tuple(sorted((common | more).items()))]

    assert point("gen_ai.client.operation.duration").count == 6
    assert point("gen_ai.client.operation.duration").sum == pytest.approx(3.0)
    assert point("gen_ai.server.time_to_first_token").count == 6
    assert point("gen_ai.server.time_per_output_token").sum == pytest.approx(0.12)
    tokens = point("gen_ai.client.token.usage", **{"gen_ai.token.type": "input"})
    assert (tokens.count, tokens.sum) == (6, sum(one.consumed.input for one in writer.records))
    assert list(tokens.bucket_counts) == [0, 0, 0, 0, 6, *[0] * 10]
    assert {one.start_time_unix_nano for one in receiver.points.values()} == since


@pytest.mark.parametrize(("spans", "metrics"), [(True, False), (False, True), (False, False)])
def test_either_can_be_left_out(kit, receiver, tmp_path, exporter, spans, metrics) -> None:
    """Without spans the histograms are complete, and the other way round; what is left out is not kept for later."""
    kit.Writer(tmp_path).append()
    drain(exporter(spans=spans, metrics=metrics))
    drain(exporter(spans=spans, metrics=metrics))
    assert (len(receiver.server_spans), bool(receiver.metrics)) == (spans, metrics)
    assert not metrics or {one.count for one in receiver.points.values()} == {1}


def test_what_the_sealer_removes_is_still_sent(kit, receiver, tmp_path, exporter) -> None:
    """A file that was seen is read to its end, whatever becomes of its first name; then the second goes too."""
    writer = kit.Writer(tmp_path)
    writer.append()
    receiver.answers = [(503, {})] * 3
    out = exporter()
    out.step(0)
    writer.append()
    writer.rotate()
    writer.seal()
    writer.append()
    for now in (100, 200, 300):
        drain(out, now)
    assert told(kit, receiver) == ids(writer.records)
    writer.close()
    writer.seal()
    drain(out, 400)
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert out.state.missed == 0
    out.step(500)
    assert out._spool.files == {}


def test_a_live_file_is_followed(kit, receiver, tmp_path, exporter) -> None:
    """Each record goes out on the step after it was written; an idle step posts and writes nothing."""
    writer = kit.Writer(tmp_path)
    out = exporter()
    for now in range(3):
        writer.append()
        drain(out, now * 100)
        assert told(kit, receiver) == ids(writer.records)
    before = len(receiver.raw), (tmp_path / FILE).stat().st_ino
    out.step(1000)
    assert (len(receiver.raw), (tmp_path / FILE).stat().st_ino) == before


def test_a_clean_restart_sends_nothing_twice(kit, receiver, tmp_path, exporter) -> None:
    """The position outlives the process: in the middle of a live file, and past files that are still there."""
    writer = kit.Writer(tmp_path)
    writer.append()
    writer.rotate()
    writer.append()
    drain(exporter())
    drain(exporter())
    writer.append()
    drain(exporter())
    assert told(kit, receiver) == ids(writer.records)


def test_a_crash_before_the_position_was_written_repeats_the_same_spans(kit, receiver, tmp_path, exporter) -> None:
    """Nothing is lost; what is told twice has the same ids, so that a store keeps it once; histograms count it once."""
    writer = kit.Writer(tmp_path)
    writer.append()
    out = exporter()
    (tmp_path / f"{FILE}.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        drain(out)
    (tmp_path / f"{FILE}.new").rmdir()
    drain(exporter())
    assert told(kit, receiver) == ["n/1", "n/1"]
    assert len({one.span_id for one in receiver.server_spans}) == 1
    assert {one.count for one in receiver.points.values()} == {1}


def test_while_the_receiver_is_away_one_batch_waits_in_memory(kit, receiver, tmp_path, exporter) -> None:
    """Ten batches of records and a dead receiver: one batch is held, nothing further is read, then all arrive once."""
    writer = kit.Writer(tmp_path)
    for number in range(10 * BATCH):
        writer.append(attempts=())
        if number % 1000 == 999:
            writer.rotate()
    out = exporter("http://127.0.0.1:9")
    for now in range(0, 1000, 100):
        out.step(now)
        assert len(out._batch.read.records) < BATCH + READ_BYTES // 200
    assert out.state.files == {}
    drain(exporter())
    assert told(kit, receiver) == ids(writer.records)


def test_what_waits_is_bounded_and_what_was_given_up_is_counted(kit, receiver, tmp_path, exporter) -> None:
    """Beyond the limit the oldest files go; as many records as were given up are counted as missed."""
    writer = kit.Writer(tmp_path)
    for number in range(200):
        writer.append()
        if number % 20 == 19:
            os.utime(writer.file.path, (number, number))
            writer.rotate()
    receiver.answers = [(503, {})]
    size = sum(path.stat().st_size for path in (tmp_path / "journal").iterdir())
    out = exporter(limit=size // 2)
    out.step(0)
    for now in (100, 200):
        drain(out, now)
    kept = told(kit, receiver)
    assert 60 <= len(kept) <= 100
    assert kept == ids(writer.records)[-len(kept) :]
    writer.append()
    drain(out, 300)
    assert out.state.missed in {0, 200 - len(kept)}
    links = sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir())
    assert links <= size // 2


def test_waits_grow_and_are_kept_to(kit, receiver, tmp_path, exporter) -> None:
    """Between tries nothing is posted; the pause doubles to its bound, and one that the receiver asks for is kept."""
    kit.Writer(tmp_path).append()
    out = exporter()
    receiver.answers = [(503, {}), (0, {}), (429, {"retry-after": "120"}), *[(502, {})] * 9]
    now, pauses = 0.0, []
    while receiver.answers:
        out.step(now)
        posts = len(receiver.headers)
        out.step(out._not_before - 0.001)
        assert len(receiver.headers) == posts
        pauses.append(out._not_before - now)
        now = out._not_before
    assert pauses[:3] == [0.5, 1.0, 120.0]
    assert pauses[3:6] == [4.0, 8.0, 16.0]
    assert max(pauses[3:]) == LONGEST_WAIT_S
    drain(out, now)
    assert told(kit, receiver) == ["n/1"]


def test_a_batch_refused_for_good_does_not_stop_the_next(kit, receiver, tmp_path, exporter, caplog) -> None:
    """A 400 is not tried again, as OTLP demands: the batch is counted and told, later records arrive."""
    writer = kit.Writer(tmp_path)
    writer.append()
    receiver.answers = [(400, {})]
    out = exporter()
    drain(out)
    writer.append()
    receiver.rejects = 1
    drain(out, 100)
    assert told(kit, receiver) == ["n/2"]
    assert out.state.refused == 2
    assert "HTTP 400" in caplog.text


def test_records_that_went_unread_are_counted(kit, receiver, tmp_path, exporter) -> None:
    """What was sealed while telemetry was down is missed: the numbers of a known node show how much."""
    writer = kit.Writer(tmp_path)
    writer.append()
    drain(exporter())
    writer.rotate()
    for _ in range(3):
        writer.append()
    writer.rotate()
    writer.seal()
    writer.append()
    out = exporter()
    drain(out)
    assert told(kit, receiver) == ["n/1", "n/5"]
    assert out.state.missed == 3


def test_a_dead_writer_s_file_ends_at_its_torn_frame(kit, receiver, tmp_path, exporter, caplog) -> None:
    """A torn frame waits while its writer lives; when it died the rest is told as unreadable, and the file is done."""
    writer = kit.Writer(tmp_path)
    writer.append()
    whole = frame(kit.prediction(number=2))
    writer.file.append(whole[:30], 0)
    out = exporter()
    drain(out)
    assert told(kit, receiver) == ["n/1"]
    assert "torn" not in caplog.text
    writer.file.append(whole[30:], 0)
    writer.file.append(whole[:30], 0)
    drain(out, 100)
    assert told(kit, receiver) == ["n/1", "n/2"]
    os.close(writer.file._handle)
    drain(out, 200)
    assert "torn" in caplog.text
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_record_larger_than_a_piece_is_read(kit, receiver, tmp_path, exporter) -> None:
    """Size is no reason to stop."""
    writer = kit.Writer(tmp_path)
    for _ in range(2):
        writer.append(prompt="x" * (READ_BYTES + 1))
    drain(exporter())
    assert told(kit, receiver) == ["n/1", "n/2"]


def test_events_and_capacity_are_passed_over(kit, receiver, tmp_path, exporter) -> None:
    """Only predictions are spans; events keep the numbering whole."""
    writer = kit.Writer(tmp_path)
    event = Outcome(
        event_id="e", source="s", kind="click", event_type="t", time_s=0, received_s=0, node="n", sequence=2
    )
    standby = Capacity(id="c", deployment="gpu", start_s=0, end_s=1, replicas=1, pico_usd_per_replica_s=1)
    writer.append()
    writer.file.append(frame(event) + frame(standby), 2)
    writer.count += 1
    writer.append()
    out = exporter()
    drain(out)
    assert told(kit, receiver) == ["n/1", "n/3"]
    assert out.state.missed == 0


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"files": 3}'])
def test_a_spoilt_position_starts_anew(kit, receiver, tmp_path, exporter, spoilt, caplog) -> None:
    """What is there is sent, with a warning, rather than nothing."""
    kit.Writer(tmp_path).append()
    (tmp_path / FILE).write_bytes(spoilt)
    drain(exporter())
    assert told(kit, receiver) == ["n/1"]
    assert FILE in caplog.text


STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "rotate", "seal", "step", "step", "away", "restart"]), st.integers(0, 1)),
    max_size=40,
)


@given(steps=STEPS)
@settings(max_examples=40)
def test_whatever_happens_each_record_arrives_once(kit, steps, tmp_path_factory) -> None:
    """Two workers that write, rotate and are sealed, a receiver that comes and goes, restarts: once each, in order.

    The sealer comes after telemetry saw a file, as it does when both run.
    """
    folder = tmp_path_factory.mktemp("data")
    receiver = kit.Receiver()
    server = kit.serve(receiver)
    sending = Receiver(receiver.url, {})
    try:
        writers = [kit.Writer(folder, node) for node in ("a", "b")]
        out, now = Exporter(folder, sending), 0.0
        for what, place in steps:
            now += 100
            if what == "append":
                writers[place].append()
            elif what == "rotate":
                writers[place].rotate()
                out.step(now)
            elif what == "seal":
                writers[place].seal()
            elif what == "away":
                receiver.answers.append((503, {}))
            elif what == "restart":
                out = Exporter(folder, sending)
            else:
                out.step(now)
        receiver.answers.clear()
        drain(out, now + 1000)
    finally:
        sending.close()
        server.shutdown()
        server.server_close()
    for writer in writers:
        assert [one for one in told(kit, receiver) if one.startswith(writer.node)] == ids(writer.records)
    assert out.state.missed == 0


START = "import sys; from pathlib import Path; from breakeven.telemetry.run import run; "


def start(folder: Path, url: str, **environment: str) -> subprocess.Popen[bytes]:
    code = f"{START}run(Path(sys.argv[1]), sys.argv[2], {'HEADERS' if environment else ''!r})"
    return subprocess.Popen([sys.executable, "-c", code, str(folder), url], env={**os.environ, **environment})


def wait(fact) -> None:
    while not fact():
        time.sleep(0.01)


def test_the_process_sends_and_ends_with_everything_sent(kit, receiver, tmp_path) -> None:
    """Started beside a writer, with a key from the environment; after SIGTERM what was still open has arrived too."""
    writer = kit.Writer(tmp_path)
    writer.append()
    process = start(tmp_path, f"{receiver.url}/base", HEADERS=f"Authorization=Bearer%20{SECRET}, x-scope = a")
    try:
        wait(lambda: told(kit, receiver) or process.poll() is not None)
        with pytest.raises(LedgerError, match="another telemetry process"):
            run(tmp_path, receiver.url)
        writer.append()
        writer.close()
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert told(kit, receiver) == ["n/1", "n/2"]
    assert receiver.metrics
    assert receiver.headers[0]["authorization"] == f"Bearer {SECRET}"
    assert receiver.headers[0]["x-scope"] == "a"
    assert receiver.headers[0]["content-type"] == "application/x-protobuf"
    assert SECRET not in (tmp_path / FILE).read_text()
    assert json.loads((tmp_path / FILE).read_text())["missed"] == 0


def test_the_process_ends_with_its_parent(kit, receiver, tmp_path) -> None:
    """When the other end of the pipe closes it stops by itself, also while the receiver is away."""
    kit.Writer(tmp_path).append()
    reading, writing = os.pipe()
    code = f"{START}run(Path(sys.argv[1]), sys.argv[2], '', int(sys.argv[3]))"
    command = [sys.executable, "-c", code, str(tmp_path), "http://127.0.0.1:9", str(reading)]
    process = subprocess.Popen(command, pass_fds=[reading])
    os.close(reading)
    wait(lambda: any((tmp_path / FOLDER).glob("*")) or process.poll() is not None)
    os.close(writing)
    assert process.wait(20) == 0
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


@pytest.mark.parametrize("endpoint", ["", "localhost:4318", "ftp://h", "http://", "http://h:99999", "http://u:pw@h"])
def test_a_wrong_endpoint_is_named(tmp_path, endpoint) -> None:
    """The operator learns what was read and what to write; a password in it is not repeated."""
    with pytest.raises(ConfigError, match="otlp_endpoint") as found:
        run(tmp_path, endpoint)
    assert "pw" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "headers"),
    [("a=b", {"a": "b"}), (" A = b , c=d%2Ce=", {"a": "b", "c": "d,e="}), ("", {}), ("a", None), ("a=b%0d%0ax", None)],
)
def test_headers_are_read_as_opentelemetry_writes_them(monkeypatch, text, headers) -> None:
    """Pairs, percent-encoded; what is no header is refused without telling the value."""
    monkeypatch.setenv("KEYS", text)
    if headers is not None:
        assert headers_from("KEYS") == headers
        return
    with pytest.raises(ConfigError, match="KEYS"):
        headers_from("KEYS")


def test_headers_that_are_not_there_are_named(monkeypatch) -> None:
    """A variable that is not set is an error at the start, not a receiver's 401 later."""
    monkeypatch.delenv("KEYS", raising=False)
    with pytest.raises(ConfigError, match="KEYS, which is not set"):
        headers_from("KEYS")
    assert headers_from("") == {}
