"""The laws of `/metrics`: text that scrapers read, counts that equal the records, sums over workers that never fall."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from breakeven.gateway.decision.answer import _MESSAGES
from breakeven.gateway.decision.ending import HTTP_OF_REASON
from breakeven.gateway.meters import Meters, named
from breakeven.gateway.metric_names import REASONS, REJECTIONS
from breakeven.gateway.metrics import Counter, Gauge, Histogram, render
from breakeven.gateway.snapshots import FOLDER, MANY, Snapshots, clear
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Budget, Policy, PolicyDeployment, Route, UseCase
from breakeven.schema.record import Attempt, Prediction, Tokens

ROOT = Path(__file__).parents[2]
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(text: bytes) -> Samples:
    """Every sample by name and sorted labels; what a scraper would refuse, and what it would believe wrongly, fails."""
    samples: Samples = {}
    seen: set[str] = set()
    family = kind = helped = ""
    assert text.endswith(b"\n")
    for line in text.decode().removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert re.fullmatch(NAME, helped)
            assert helped not in seen, f"{helped} told twice"
            seen.add(helped)
        elif line.startswith("# TYPE "):
            family, kind = line.split(" ")[2:]
            assert family == helped
            assert kind in {"counter", "gauge", "histogram"}
            assert family.endswith("_total") is (kind == "counter"), family
        else:
            name, labels, value = _sample(line)
            assert name in _allowed(family, kind), f"{name} stands under {family}"
            key = name, tuple(sorted(labels.items()))
            assert key not in samples, f"{key} told twice"
            samples[key] = value
            assert kind != "counter" or value >= 0
    _check_histograms(samples, [name for name, _ in samples if name.endswith("_bucket")])
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample; absent is 0, as for a counter that never counted."""
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def total(samples: Samples, name: str) -> float:
    """The sum over all series of a name."""
    return math.fsum(number for (one, _), number in samples.items() if one == name)


def _sample(line: str) -> tuple[str, dict[str, str], float]:
    found = SAMPLE.fullmatch(line)
    assert found, line
    labels: dict[str, str] = {}
    at, text = 0, found[2] or ""
    while at < len(text):
        one = LABEL.match(text, at)
        assert one, line
        assert one[1] not in labels
        labels[one[1]] = re.sub(r"\\.", lambda escape: ESCAPES[escape[0]], one[2])
        at = one.end()
    assert re.fullmatch(r"[+-]Inf|NaN|-?\d+(\.\d+)?(e[+-]\d+)?", found[3]), line
    return found[1], labels, float(found[3])


def _allowed(family: str, kind: str) -> set[str]:
    return {f"{family}_bucket", f"{family}_sum", f"{family}_count"} if kind == "histogram" else {family}


def _check_histograms(samples: Samples, names: list[str]) -> None:
    for name in set(names):
        base = name.removesuffix("_bucket")
        groups: dict[tuple, list[tuple[float, float]]] = defaultdict(list)
        for (one, labels), number in samples.items():
            if one == name:
                rest = tuple(pair for pair in labels if pair[0] != "le")
                groups[rest].append((float(dict(labels)["le"]), number))
        for rest, buckets in groups.items():
            bounds, counts = zip(*buckets, strict=True)
            assert list(bounds) == sorted(set(bounds))
            assert bounds[-1] == math.inf
            assert list(counts) == sorted(counts), f"{base}{rest} is not cumulative"
            assert samples[f"{base}_count", rest] == counts[-1]
            assert (f"{base}_sum", rest) in samples


TEXT = st.text(max_size=6)
CASES, DEPLOYMENTS = ("chat", "search"), ("api", "gpu", "")
SECONDS_DRAWN = st.floats(0, 100)
ATTEMPT = st.builds(
    Attempt,
    deployment=st.sampled_from(DEPLOYMENTS),
    kind=st.sampled_from(["primary", "retry", "hedge", "fallback"]),
    outcome=st.sampled_from(["ok", "timeout", "error"]),
)
RECORD = st.builds(
    Prediction,
    prediction_id=st.just("p"),
    request_id=st.just("r"),
    node=st.just("n"),
    sequence=st.just(1),
    time_s=st.just(0.0),
    use_case=st.sampled_from(CASES),
    tier=st.sampled_from(["critical", "important", "opportunistic"]),
    status=st.sampled_from(["answered", "cached", "fallback", "refused", "failed", "cancelled"]),
    deployment=st.sampled_from(DEPLOYMENTS),
    reason=st.sampled_from(["", "deadline", "overload", "upstream_503"]),
    cache=st.sampled_from(["off", "hit", "miss", "stale"]),
    stages=st.dictionaries(st.sampled_from(["gateway", "inference", "post"]), SECONDS_DRAWN),
    attempts=st.lists(ATTEMPT, max_size=3).map(tuple),
    total_s=SECONDS_DRAWN,
    stream=st.booleans(),
    ttft_s=st.none() | SECONDS_DRAWN,
    tpot_s=st.none() | SECONDS_DRAWN,
    chunk_gap_max_s=st.none() | SECONDS_DRAWN,
    in_budget=st.booleans(),
    consumed=st.builds(Tokens, input=st.integers(0, 9999), output=st.integers(0, 9999)),
    cost_pico_usd=st.none() | st.integers(0, 10**15),
)


def policy(*use_cases: str) -> Policy:
    cases = tuple(UseCase(name=one, route=Route(strategy="fixed", targets=())) for one in use_cases)
    deployments = (PolicyDeployment(name="api", backend="up"), PolicyDeployment(name="gpu", backend="up"))
    return Policy(id="p1", use_cases=cases, deployments=deployments, backends=())


def worker(folder: Path, node: str, *gauges: Gauge) -> Meters:
    return Meters(gauges, Snapshots(folder, node))


def kill(meters: Meters) -> None:
    """What SIGKILL does to a worker's snapshot: the lock goes, nothing is written."""
    meters._snapshots.close()


@given(st.dictionaries(st.tuples(TEXT, TEXT), st.floats(allow_nan=False) | st.integers(0, 10**9), max_size=5), TEXT)
def test_whatever_labels_hold_the_text_is_read_back(series, help_text) -> None:
    """A scraper gets every label value and number as they were, quotes, line ends and infinities included."""
    gauge = Gauge("g", help_text, ("a", "b"), lambda: series)
    found = parse(render([(gauge, gauge.read())]))
    assert found == {("g", (("a", a), ("b", b))): float(number) for (a, b), number in series.items()}


def test_a_text_of_every_kind() -> None:
    """Help, type, escaped labels, cumulative buckets with +Inf, sum and count."""
    counter, histogram = Counter("c_total", "A\ncount.", ("x",)), Histogram("h_seconds", "Some time.")
    counter.add('a"b\n', amount=2)
    counter.add('a"b\n')
    for seconds in (0.0005, 0.001, 0.02, 99):
        histogram.observe(seconds)
    lines = render([(one, one.read()) for one in (counter, histogram)]).decode().splitlines()
    assert lines[:3] == ["# HELP c_total A\\ncount.", "# TYPE c_total counter", 'c_total{x="a\\"b\\n"} 3']
    for line in (
        "# TYPE h_seconds histogram",
        'h_seconds_bucket{le="0.00025"} 0',
        'h_seconds_bucket{le="0.001"} 2',
        'h_seconds_bucket{le="0.025"} 3',
        'h_seconds_bucket{le="+Inf"} 4',
        "h_seconds_sum 99.0215",
        "h_seconds_count 4",
    ):
        assert line in lines


@given(st.lists(RECORD, max_size=20))
def test_counts_are_what_the_records_say(records) -> None:
    """Each total equals the same sum over the records themselves."""
    meters = Meters()
    meters.know(policy(*CASES))
    for record in records:
        meters.count(record)
    found = parse(meters.render())
    asked = [one for one in records if one.cache != "off"]
    streams = [one for one in records if one.stream]
    assert total(found, "breakeven_predictions_total") == len(records)
    assert total(found, "breakeven_request_duration_seconds_count") == len(records)
    assert total(found, "breakeven_request_duration_seconds_sum") == pytest.approx(sum(one.total_s for one in records))
    assert total(found, "breakeven_reasons_total") == sum(bool(one.reason) for one in records)
    assert total(found, "breakeven_shed_total") == sum(one.reason == "overload" for one in records)
    assert total(found, "breakeven_in_budget_total") == sum(one.in_budget for one in records)
    assert total(found, "breakeven_cache_requests_total") == len(asked)
    assert total(found, "breakeven_attempts_total") == sum(len(one.attempts) for one in records)
    assert total(found, "breakeven_stage_seconds_count") == sum(len(one.stages) for one in records)
    assert total(found, "breakeven_time_to_first_token_seconds_count") == sum(s.ttft_s is not None for s in streams)
    assert total(found, "breakeven_chunk_gap_seconds_count") == sum(s.chunk_gap_max_s is not None for s in streams)
    cost = sum(one.cost_pico_usd or 0 for one in records)
    assert total(found, "breakeven_cost_usd_total") == pytest.approx(cost / PICO_PER_USD)
    for record in records:
        labels = {"use_case": record.use_case, "tier": record.tier, "status": record.status}
        alike = [one for one in records if all(getattr(one, name) == said for name, said in labels.items())]
        alike = sum(one.deployment == record.deployment for one in alike)
        assert value(found, "breakeven_predictions_total", **labels, deployment=record.deployment) == alike
        for direction in ("input", "output"):
            tokens = sum(getattr(one.consumed, direction) for one in records if one.use_case == record.use_case)
            said = {"use_case": record.use_case, "direction": direction}
            assert value(found, "breakeven_tokens_total", **said) == tokens


def test_a_request_of_several_predictions_tries_once() -> None:
    """Attempts and cache look-ups belong to the request, the rest to each prediction."""
    meters = Meters()
    record = Prediction(
        prediction_id="p", request_id="r", node="n", sequence=1, time_s=0, use_case="chat", cache="miss",
        attempts=(Attempt(deployment="gpu", kind="primary", outcome="ok"),),
    )  # fmt: skip
    for again in (False, True, True):
        meters.count(record, again=again)
    found = parse(meters.render())
    assert total(found, "breakeven_predictions_total") == 3
    assert total(found, "breakeven_attempts_total") == 1
    assert total(found, "breakeven_cache_requests_total") == 1


def test_stages_that_clients_measured_join_the_others() -> None:
    """A stage event counts in its use case's stages; one without a sensible duration counts as an event only."""
    meters = Meters()
    for duration_s in (0.25, None, math.nan, -1.0):
        event = Outcome(
            event_id="e", source="s", kind="stage", event_type="t", time_s=0, received_s=0, node="n", sequence=1,
            use_case="chat", stage="render", duration_s=duration_s,
        )  # fmt: skip
        meters.told(event)
    found = parse(meters.render())
    assert value(found, "breakeven_stage_seconds_count", use_case="chat", stage="render") == 1
    assert value(found, "breakeven_stage_seconds_sum", use_case="chat", stage="render") == 0.25
    assert value(found, "breakeven_events_total", kind="stage") == 4


@given(st.lists(st.tuples(TEXT, TEXT), max_size=200))
def test_series_are_bounded_and_nothing_is_lost(labels) -> None:
    """However many label values come, a metric keeps its limit of series, and their sum is what was counted."""
    counter = Counter("c_total", "", ("a", "b"), limit=5)
    for values in labels:
        counter.add(*values)
    assert len(counter.read()) <= 5
    assert sum(cell[0] for cell in counter.read().values()) == len(labels)


@given(st.lists(RECORD, min_size=1, max_size=9), TEXT, TEXT)
def test_only_names_of_the_policy_are_told(records, use_case, reason) -> None:
    """A name that the policy does not have, and a reason of no list, are "other"; a new policy's names are told."""
    meters = Meters()
    meters.know(policy("search"))
    for record in records:
        meters.count(replace(record, use_case=f"?{use_case}", deployment="?", reason=f"?{reason}"))
    meters.rejected.add(f"?{reason}")
    found = parse(meters.render())
    told = {said for _, labels in found for name, said in labels if name in {"use_case", "deployment", "reason"}}
    assert told <= {"other", "search", "api", "gpu", ""}
    meters.know(policy(f"?{use_case}"))
    meters.count(replace(records[0], use_case=f"?{use_case}"))
    found = parse(meters.render())
    assert value(found, "breakeven_request_duration_seconds_count", use_case=f"?{use_case}") == 1


SOURCES = [path for part in ("gateway", "wire") for path in (ROOT / "src/breakeven" / part).rglob("*.py")]
SAID_AT = {"RefusedError": 1, "too_slow": 1, "refusal": 1}


def said(*functions: str, keyword: str) -> set[str]:
    """The constants that calls of these functions are given, by keyword or in the place of `SAID_AT`."""
    found = set()
    for node in (node for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if name in functions:
            at = SAID_AT.get(name)
            values = [one.value for one in node.keywords if one.arg == keyword]
            values += node.args[at : at + 1] if at is not None else []
            found |= {one.value for one in values if isinstance(one, ast.Constant)}
    return found


def test_every_word_of_the_gateway_has_its_own_series() -> None:
    """What the source names as a rejection or a reason is told under its own name, not as "other"."""
    rejections = said("RequestError", *SAID_AT, keyword="kind")
    assert len(rejections) > 15
    assert rejections <= set(REJECTIONS)
    reasons = said("Piece", keyword="error") | said("End", "Broke", "_refuse", keyword="reason")
    assert len(reasons) > 5
    assert reasons | set(_MESSAGES) | set(HTTP_OF_REASON) <= set(REASONS)


def test_what_alerts_watch_begins_at_nothing() -> None:
    """Before anything happened each budget's shares and each use case's shedding are told as 0."""
    meters = Meters()
    meters.know(replace(policy("chat"), budgets=(Budget(name="team", limit_pico_usd=1, alert_at=(0.8, 1.0)),)))
    found = parse(meters.render())
    for share in ("0.8", "1"):
        assert found["breakeven_budget_alerts_total", (("budget", "team"), ("share", share))] == 0
    assert found["breakeven_shed_total", (("tier", "important"), ("use_case", "chat"))] == 0


STEP = st.tuples(st.sampled_from(["count", "save", "show", "kill"]), st.integers(0, 2))


@given(steps=st.lists(STEP, max_size=30))
def test_any_worker_shows_the_sum_and_sums_never_fall(steps, tmp_path_factory) -> None:
    """Whoever is asked shows its own counts and at least what was ever shown or saved, through deaths and restarts."""
    folder = tmp_path_factory.mktemp("data")
    born = iter(range(1000))
    workers = {place: worker(folder, f"n{next(born)}") for place in range(3)}
    counted = dict.fromkeys(workers, 0)
    safe = dict.fromkeys(workers, 0)
    gone = shown = 0
    for what, place in steps:
        meters = workers[place]
        if what == "count":
            meters.rejected.add("internal")
            counted[place] += 1
        elif what == "save":
            meters.save()
            safe[place] = counted[place]
        elif what == "kill":
            kill(meters)
            gone += safe[place]
            counted[place] = safe[place] = 0
            workers[place] = worker(folder, f"n{next(born)}")
        else:
            safe[place] = counted[place]
            before, shown = shown, value(parse(meters.render()), "breakeven_rejected_total", reason="internal")
            assert shown == gone + sum(safe.values())
            assert shown >= before
    for meters in workers.values():
        meters.close()


def test_gauges_of_the_living_join_and_the_dead_are_silent(tmp_path) -> None:
    """In-flight counts add up, the worst breaker and the least money count; a dead worker's counts stay."""

    def gauges(amount: float) -> list[Gauge]:
        names = ("breakeven_in_flight", "breakeven_breaker_state", "breakeven_budget_remaining_usd")
        found = [named(name, lambda: {("x",): amount}) for name in names]
        return [*found, named("breakeven_journal_errors_total", lambda: {(): amount})]

    first, second, third = (worker(tmp_path, f"n{n}", *gauges(n)) for n in (1, 2, 4))
    for meters in (second, third):
        meters.save()

    def shown() -> list[float]:
        found = parse(first.render())
        return [
            value(found, "breakeven_in_flight", deployment="x"),
            value(found, "breakeven_breaker_state", deployment="x"),
            value(found, "breakeven_budget_remaining_usd", budget="x"),
            value(found, "breakeven_journal_errors_total"),
        ]

    assert shown() == [7, 4, 1, 7]
    kill(third)
    assert shown() == [3, 2, 1, 7]
    second.close()
    assert shown() == [1, 1, 1, 7]


def test_many_dead_are_added_up_in_one_file(tmp_path) -> None:
    """However often workers die, few files stay and the sum is the same, also when adding up was cut short."""
    for number in range(3 * MANY):
        meters = worker(tmp_path, f"n{number}")
        meters.rejected.add("internal", amount=number)
        meters.total.observe(0.1, "chat")
        meters.close()
        if number == MANY + 1:  # what a crash between the sum and the removals leaves
            left = (tmp_path / FOLDER / f"n{number}.bin").read_bytes()
            worker(tmp_path, "x").close()
    assert len(list((tmp_path / FOLDER).iterdir())) <= MANY + 3
    past = next(iter((tmp_path / FOLDER).glob("past.bin")))
    held = msgspec.msgpack.decode(past.read_bytes())["holds"]
    (tmp_path / FOLDER / f"{held[0]}.bin").write_bytes(left)
    for node in ("a", "b"):
        found = parse(worker(tmp_path, node).render())
        assert total(found, "breakeven_rejected_total") == sum(range(3 * MANY))
        assert total(found, "breakeven_request_duration_seconds_count") == 3 * MANY


def test_readers_see_one_sum_while_the_dead_are_added_up(tmp_path) -> None:
    """Workers start, die and add up at once; whoever reads meanwhile sees every count once."""
    for number in range(MANY - 2):
        meters = worker(tmp_path, f"old{number}")
        meters.rejected.add("internal")
        meters.close()
    reader = worker(tmp_path, "reader")

    def live_and_die(number: int) -> None:
        Snapshots(tmp_path, f"new{number}").save({})

    def read(_: int) -> float:
        return total(parse(reader.render()), "breakeven_rejected_total")

    with ThreadPoolExecutor(4) as threads:
        starting = [threads.submit(live_and_die, number) for number in range(60)]
        assert set(threads.map(read, range(40))) == {MANY - 2}
        for one in starting:
            one.result()


def test_an_idle_worker_writes_nothing(tmp_path) -> None:
    """A snapshot is written when a count changed, and not again before the next does."""
    snapshots = Snapshots(tmp_path, "n")
    path = tmp_path / FOLDER / "n.bin"
    stamps = []
    for count in (1, 1, 2):
        snapshots.save({"c_total": {("a",): [count]}})
        stamps.append(path.stat().st_ino)
    assert stamps[0] == stamps[1] != stamps[2]


def test_a_disk_that_fails_costs_the_sum_and_not_the_answer(tmp_path, caplog) -> None:
    """Where nothing can be written a worker shows its own counts, and complains once."""
    (tmp_path / FOLDER).write_text("in the way")
    meters = worker(tmp_path, "n")
    meters.rejected.add("internal")
    for _ in range(3):
        assert total(parse(meters.render()), "breakeven_rejected_total") == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("spoilt", [b"", b"\x81", b"\x00" * 99])
def test_a_spoilt_snapshot_is_left_out(tmp_path, spoilt) -> None:
    """A file that is no snapshot takes nothing else along."""
    meters = worker(tmp_path, "n")
    meters.rejected.add("internal")
    meters.save()
    (tmp_path / FOLDER / "bad.bin").write_bytes(spoilt)
    assert total(parse(meters.render()), "breakeven_rejected_total") == 1


def test_series_of_another_shape_are_left_out(tmp_path) -> None:
    """A worker of another version, with other buckets or labels, cannot spoil the text."""
    other = Snapshots(tmp_path, "other")
    series = {("chat",): [1.0, 2.0], ("chat", "x"): [1.0]}
    other.save({"breakeven_request_duration_seconds": series, "breakeven_unheard_of": series})
    assert "unheard" not in worker(tmp_path, "n").render().decode()
    assert total(parse(worker(tmp_path, "n").render()), "breakeven_request_duration_seconds_count") == 0


def test_a_source_that_fails_is_left_out_and_told_once(caplog) -> None:
    """One gauge that cannot be read takes neither the scrape nor the other metrics along."""
    meters = Meters([named("breakeven_in_flight", lambda: {("x",): 1 / 0})])
    meters.rejected.add("internal")
    for _ in range(2):
        assert total(parse(meters.render()), "breakeven_rejected_total") == 1
    assert [one.message for one in caplog.records] == ["metrics: breakeven_in_flight cannot be read: division by zero"]


def test_a_new_supervisor_starts_from_nothing(tmp_path) -> None:
    """After `clear` only the living count; a folder that is not there is clear."""
    clear(tmp_path)
    meters = worker(tmp_path, "n")
    meters.rejected.add("internal")
    meters.close()
    clear(tmp_path)
    assert total(parse(worker(tmp_path, "m").render()), "breakeven_rejected_total") == 0


WORKER = """
import sys
from pathlib import Path
from breakeven.gateway.decision.answer import _MESSAGES
from breakeven.gateway.decision.ending import HTTP_OF_REASON
from breakeven.gateway.meters import Meters, named
from breakeven.gateway.metric_names import REASONS, REJECTIONS
from breakeven.gateway.snapshots import Snapshots
meters = Meters([named("breakeven_in_flight", lambda: {("x",): 1.0})], Snapshots(Path(sys.argv[1]), sys.argv[2]))
for line in sys.stdin:
    meters.rejected.add("internal", amount=int(line))
    meters.save()
    print(meters.render().count(b"process_cpu_seconds_total"), flush=True)
"""


def test_a_killed_process_is_dead_and_its_counts_stay(tmp_path) -> None:
    """SIGKILL ends a worker's gauges with its lock; what it had written is still in the sum."""
    meters = worker(tmp_path, "me", named("breakeven_in_flight", dict))
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path), "it"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write("5\n")
        process.stdin.flush()
        assert process.stdout.readline() == "3\n"
        alive = parse(meters.render())
        process.kill()
        process.wait()
    dead = parse(meters.render())
    assert [total(found, "breakeven_in_flight") for found in (alive, dead)] == [1, 0]
    assert [total(found, "breakeven_rejected_total") for found in (alive, dead)] == [5, 5]
    assert total(alive, "process_cpu_seconds_total") > 0
    assert total(alive, "process_resident_memory_bytes") > total(dead, "process_resident_memory_bytes") > 1e6
