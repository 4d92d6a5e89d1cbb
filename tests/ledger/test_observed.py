"""Windows of a ledger as rows: in flight is exact, what ended is counted once, what spoils a window is refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.app import observed as app
from breakeven.assembly import project
from breakeven.errors import EvidenceError, UsageError
from breakeven.ledger import store
from breakeven.ledger.engine.port import NANO, Query
from breakeven.ledger.engine.slices import BUSY, fate
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.observed import LEFT_OUT, Seen, observe
from breakeven.ledger.seal import seal_once
from breakeven.schema.journal import Record
from breakeven.schema.observed import Served, rows_of
from breakeven.schema.record import Attempt, Prediction, Tokens

TTFT_S, TPOT_S, OSL = 0.5, 0.1, 16
ANSWER_S = TTFT_S + TPOT_S * (OSL - 1)
WINDOW_S = 120.0
FIELDS = {"ttft_s": TTFT_S, "tpot_s": TPOT_S, "served": Tokens(input=100, output=OSL), "total_s": ANSWER_S}


def closed(make, clients: int, seconds: float = 3 * WINDOW_S, **more: object) -> list[Prediction]:
    """So many clients, spread over one answer, each of which asks again as soon as it was answered."""
    turns = range(int(seconds / ANSWER_S))
    begun = [(turn + client / clients) * ANSWER_S for turn in turns for client in range(clients)]
    return [make.prediction(n, **FIELDS | {"time_s": make.t0 + at_s} | more) for n, at_s in enumerate(sorted(begun), 1)]


def seen(records: Sequence[Record], **more: object) -> Seen:
    return observe(store.of_records(records), Query(), WINDOW_S, **more)


def middle(records: Sequence[Record], **more: object):
    """The window in the middle of three, in which nothing begins or ends."""
    return seen(records, **more).windows[1]


def test_a_closed_loop_gives_its_own_rows(make) -> None:
    """Eight clients are eight in flight, with the latencies that each had."""
    window = middle(closed(make, 8))
    assert window.refused == ()
    assert window.in_flight == pytest.approx(8, rel=1e-6)
    assert (window.ttft_s, window.tpot_s) == pytest.approx((TTFT_S, TPOT_S))
    assert (window.input_tokens, window.output_tokens) == (100, OSL)
    assert window.output_tok_s == pytest.approx(8 * OSL / ANSWER_S, rel=0.01)


def test_replicas_share_traffic_and_rows_are_of_one(make) -> None:
    """Eight in flight on two replicas are four on each, with half the tokens."""
    window = middle(closed(make, 8))
    rows = {row.metric: row for row in rows_of(window, Served(replicas=2))}
    assert {row.load for row in rows.values()} == {4}
    assert rows["output_tok_s"].value == pytest.approx(window.output_tok_s / 2, rel=1e-5)
    assert rows["mean_tpot_ms"].value == pytest.approx(TPOT_S * 1e3)


@settings(max_examples=40)
@given(data=st.data())
def test_time_tokens_and_requests_are_conserved(data: st.DataObject, ledgers: st.SearchStrategy[list[Record]]) -> None:
    """Over all slices: busy time is that of the requests, and each request ends in one of them."""
    rows = [one for one in data.draw(ledgers) if isinstance(one, Prediction)]
    first: dict[object, Prediction] = {}
    for one in sorted(rows, key=lambda one: (one.sequence, one.prediction_id)):
        first.setdefault((one.deployment, one.node, one.request_id, one.time_s), one)
    requests, parts = (
        list(first.values()),
        store.of_records(rows).slices(Query(), data.draw(st.sampled_from([1.0, 60.0]))),
    )
    busy_s = math.fsum(one.total_s for one in requests if one.status in BUSY)
    assert sum(one.busy_ns for one in parts) / NANO == pytest.approx(busy_s, abs=1e-5)
    found = Counter({name: sum(getattr(one, name) for one in parts) for name in ("finished", *LEFT_OUT)})
    assert +found == Counter(map(fate, requests))
    tokens = sum(one.served.output for one in requests if fate(one) == "finished")
    assert sum(one.output_tokens for one in parts) == tokens


@settings(max_examples=12)
@given(data=st.data())
def test_engines_see_the_same_windows(data: st.DataObject, ledgers: st.SearchStrategy[list[Record]]) -> None:
    """To the last bit, refusals included."""
    records = data.draw(ledgers)
    one, *others = [observe(store.of_records(records, name), Query(), 60.0, emulated=True) for name in sorted(EMBEDDED)]
    assert all(other == one for other in others)


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_a_request_for_several_subjects_counts_once(make, engine: str) -> None:
    """Its predictions share one stay at the engine."""
    records = closed(make, 4)
    twins = [
        msgspec.structs.replace(one, prediction_id=f"{one.prediction_id}b", sequence=one.sequence + 10**6)
        for one in records
    ]
    assert observe(store.of_records([*records, *twins], engine), Query(), WINDOW_S) == seen(records)


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_no_request_is_in_flight_for_more_than_an_hour(make, engine: str) -> None:
    """A stay of years would be slices without end."""
    parts = store.of_records([make.prediction(1, total_s=1e9)], engine).slices(Query(), 60.0)
    assert sum(one.busy_ns for one in parts) / NANO == pytest.approx(3600)


def test_answers_across_a_border_are_in_flight_on_both_sides(make) -> None:
    """Ninety seconds in the first window, thirty in the second, where the answer is counted."""
    start = math.ceil(make.t0 / WINDOW_S) * WINDOW_S
    records = [make.prediction(1, **FIELDS | {"time_s": start + 30, "total_s": 120.0})]
    [window] = seen(records).windows
    assert (window.start_s, window.finished, window.in_flight) == (start + WINDOW_S, 1, pytest.approx(0.25))


# --- refusals ---------------------------------------------------------------------------------------------------------


def spoilt(make, **more: object) -> tuple[str, ...]:
    """What is said of a window in which one in ten requests is something else."""
    records = closed(make, 8)
    records[::10] = [msgspec.structs.replace(one, **more) for one in records[::10]]
    return middle(records).refused


TWICE = tuple(Attempt(deployment="gpu", kind=kind, outcome="ok") for kind in ("primary", "retry"))


@pytest.mark.parametrize(
    "more", [{"status": "failed"}, {"status": "cancelled"}, {"status": "fallback"}, {"attempts": TWICE}], ids=str
)
def test_a_window_in_which_much_failed_is_refused(make, more: dict[str, object]) -> None:
    """Its engine was busy with what no mean holds."""
    [why] = spoilt(make, **more)
    assert "48 of 480 requests failed, were cancelled, retried or fell back, more than 5%" in why


def test_emulated_answers_are_refused_unless_asked_for(make) -> None:
    """Calibrating on emulated times would fit the model to itself."""
    [why] = spoilt(make, emulated=True)
    assert why == "48 of 480 answers came from an emulator, whose times are a prediction's and no measurement"
    assert middle(closed(make, 8, emulated=True), emulated=True).refused == ()


def test_caches_and_two_models_are_refused(make) -> None:
    """Prompts that were not computed, and times that belong to two models."""
    cached = middle(closed(make, 8, served=Tokens(input=100, cached_input=40, output=OSL)))
    assert cached.refused == ("40% of prompt tokens came from a prefix cache, more than 10%",)
    assert spoilt(make, model="other") == ("it was asked for two models, 'm' and 'other'",)


def test_few_or_whole_answers_are_refused(make) -> None:
    """Too few to average; none of which says when its tokens came."""
    assert "requests finished in 120 s, fewer than 30" in middle(closed(make, 1, total_s=60.0)[::20]).refused[0]
    [why] = middle(closed(make, 8, tpot_s=None, ttft_s=None)).refused
    assert "was streamed with two tokens or more, so there is no time per token" in why


def test_a_load_that_moves_is_refused(make) -> None:
    """All of the traffic in half of the window: 100 % variation. The ends of the traffic are refused for it too."""
    bursts = [one for one in closed(make, 8) if (one.time_s - make.t0) % 60 < 30]
    [why] = middle(bursts).refused
    assert why.startswith("requests in flight varied by 9")
    assert why.endswith("% of their mean, more than 30%")
    ends = [window for window in seen(closed(make, 8, 2.5 * WINDOW_S)).windows if window.refused]
    assert ends


def test_what_was_left_out_is_counted(make) -> None:
    """By what became of it, over the whole ledger."""
    records = closed(make, 2)
    records[3:6] = [msgspec.structs.replace(one, status="cached") for one in records[3:6]]
    records[9] = msgspec.structs.replace(records[9], status="failed")
    assert seen(records).left_out == (("cached", 3), ("failed", 1))


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_slices_that_are_none_are_refused(make, engine: str) -> None:
    """Windows are cut into 20 slices of at least a second."""
    with pytest.raises(UsageError, match=r"slices of 0.5 s are not between 1 s"):
        observe(store.of_records([make.prediction(1)], engine), Query(), 10.0)


# --- a project --------------------------------------------------------------------------------------------------------

CONFIG = """\
version: 1
backends:
  - {name: vllm, kind: openai, base_url: "http://127.0.0.1:8000/v1"}
deployments:
  - {name: gpu, backend: vllm, model: m, catalog_model: llama-3.1-8b, placement: on_prem, accelerator: h100-sxm,
     accelerators: 2, replicas: 2, engine: vllm, precision: fp8}
  - {name: api, backend: vllm, model: gpt, placement: api}
"""
POLICY = """\
version: 1
use_cases:
  - {name: chat, route: {strategy: fixed, targets: [{deployment: gpu}]}}
"""


def served(folder: Path, make, records: Sequence[Record], config: str = CONFIG) -> project.Project:
    """A project whose ledger holds these records, the first half of them sealed."""
    (folder / "breakeven.yaml").write_text(config)
    (folder / "policy.yaml").write_text(POLICY)
    data, half = folder / ".breakeven", len(records) // 2
    make.journal(data, "gw-00000001", records[:half])
    seal_once(data, make.t0)
    make.journal(data, "gw-00000002", records[half:])
    return project.load(folder / "breakeven.yaml")


def test_a_project_s_ledger_gives_rows_with_its_configuration(make, tmp_path: Path) -> None:
    """Each steady window is three rows of one replica; what runs at a provider is left out and said."""
    elsewhere = [
        msgspec.structs.replace(one, deployment="api", prediction_id=f"a{n}", sequence=10**6 + n)
        for n, one in enumerate(closed(make, 2))
    ]
    found = app.of_ledger(served(tmp_path, make, [*closed(make, 8), *elsewhere]), minutes=2, version="0.12.0")
    assert len(found.rows) == 3 * sum(not one.refused for one in found.windows) >= 3
    columns = ("source", "version", "engine", "model", "gpu", "ngpu", "tp", "precision", "load_kind")
    [row] = {tuple(getattr(row, name) for name in columns) for row in found.rows}
    assert row == ("ledger", "0.12.0", "vllm", "llama-3.1-8b", "h100-sxm", 2, 2, "fp8", "closed_concurrency")
    assert [row.load for row in found.rows] == pytest.approx([4.0] * len(found.rows), rel=0.01)
    assert any(remark.endswith("windows of api, which is on no accelerator") for remark in found.remarks)
    app.gate(found)


def test_a_ledger_of_another_model_or_of_an_emulator_gives_no_rows(make, tmp_path: Path) -> None:
    """The configuration has changed since, or says that nothing there is measured."""
    other = app.of_ledger(served(tmp_path, make, closed(make, 8, model="old")), minutes=2)
    assert other.rows == ()
    with pytest.raises(EvidenceError, match="it served 'old' then, and 'm' is configured now"):
        app.gate(other)


def test_another_folder_than_the_configuration_s_can_be_named(make, tmp_path: Path) -> None:
    """As every command takes --data-dir; an empty one has no traffic."""
    known = served(tmp_path, make, closed(make, 8))
    (tmp_path / "empty").mkdir()
    empty = app.of_ledger(known, folder=tmp_path / "empty", minutes=2)
    with pytest.raises(EvidenceError, match="none of 0 windows gives a row: there was no traffic"):
        app.gate(empty)


def test_a_deployment_marked_as_emulated_gives_no_rows_unless_asked(make, tmp_path: Path) -> None:
    """Whatever its records say."""
    known = served(tmp_path, make, closed(make, 8), CONFIG.replace("precision: fp8", "precision: fp8, emulated: true"))
    assert "gpu is marked as emulated in the configuration" in app.of_ledger(known, minutes=2).windows[1].refused
    assert app.of_ledger(known, minutes=2, emulated=True).rows


def test_a_project_without_accelerators_is_refused(make, tmp_path: Path) -> None:
    """There is nothing there whose speed a row could state."""
    config = CONFIG.replace("accelerator: h100-sxm,", "")
    with pytest.raises(EvidenceError, match=r"none of the 2 deployments of .* names an accelerator"):
        app.of_ledger(served(tmp_path, make, [], config))
