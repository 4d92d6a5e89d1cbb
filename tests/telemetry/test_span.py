"""A record as spans: nothing lost, nothing told that must not be, the same ids every time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from breakeven.schema.record import Attempt, Prediction, Tokens
from breakeven.telemetry.span import Span, genai_of, span_of
from breakeven.telemetry.tally import MAX_POINTS, Tally

SECRET = "c4n4ry"  # noqa: S105 - it is what must not be found
SECONDS = st.floats(0, 1000)
COUNTS = st.integers(0, 10**6)
ATTEMPT = st.builds(
    Attempt,
    deployment=st.sampled_from(["api", "gpu", ""]),
    kind=st.sampled_from(["primary", "retry", "hedge", "fallback"]),
    outcome=st.sampled_from(["ok", "timeout", "error", "unreachable", "cancelled", "skipped"]),
    reason=st.sampled_from(["", "deadline"]),
    start_s=SECONDS,
    duration_s=SECONDS,
)
RECORD = st.builds(
    Prediction,
    prediction_id=st.uuids().map(str),
    request_id=st.text(max_size=20),
    node=st.just("n"),
    sequence=st.just(1),
    time_s=st.floats(0, 4e9),
    use_case=st.sampled_from(["chat", "search"]),
    trace_id=st.sampled_from(["", "4bf92f3577b34da6a3ce929d0e0e4736", "no trace id"]),
    model=st.sampled_from(["", "llama", "qwen"]),
    status=st.sampled_from(["answered", "cached", "fallback", "refused", "failed", "cancelled"]),
    reason=st.sampled_from(["", "deadline", "upstream_503"]),
    http_status=st.sampled_from([200, 404, 429, 499, 502, 504]),
    stream=st.booleans(),
    total_s=SECONDS,
    ttft_s=st.none() | SECONDS,
    tpot_s=st.none() | SECONDS,
    attempts=st.lists(ATTEMPT, max_size=4).map(tuple),
    consumed=st.builds(Tokens, input=COUNTS, cached_input=COUNTS, output=COUNTS, reasoning=COUNTS),
    billable=st.builds(Tokens, input=COUNTS, output=COUNTS),
    rows_scored=st.integers(0, 3),
    actions=st.sampled_from([(), ("a", "b")]),
    cost_pico_usd=st.none() | st.integers(0, 10**15),
    prompt=st.just(SECRET),
    subject=st.just(SECRET),
    session=st.just(SECRET),
    labels=st.just({SECRET: SECRET}),
    features_hash=st.just(SECRET),
    action=st.just(SECRET),
)


@given(RECORD)
def test_a_span_says_what_the_record_says(record) -> None:
    """Tokens, cost, times and outcome are the record's; an unpriced one has no cost, never 0."""
    span = span_of(record)
    told = span.attributes
    assert told["breakeven.prediction_id"] == record.prediction_id
    assert told["breakeven.status"] == record.status
    cost = told.get("breakeven.cost_usd")
    assert (None if cost is None else round(cost * 1e12)) == record.cost_pico_usd
    assert span.start_ns == pytest.approx(record.time_s * 1e9)
    assert span.end_ns - span.start_ns == pytest.approx(record.total_s * 1e9, abs=2000)
    if genai_of(record):
        assert told["gen_ai.operation.name"] == "chat"
        assert told["gen_ai.usage.input_tokens"] == record.consumed.input
        assert told["gen_ai.usage.output_tokens"] == record.consumed.output
        assert told.get("gen_ai.usage.cache_read.input_tokens", 0) == record.consumed.cached_input
        assert told.get("gen_ai.usage.reasoning.output_tokens", 0) == record.consumed.reasoning
        assert told.get("gen_ai.response.time_to_first_chunk") == record.ttft_s
        assert span.name == f"chat {record.model}".strip()
    else:
        assert not any(name.startswith("gen_ai.") for name in told)


@given(RECORD)
def test_attempts_are_the_children_in_their_order(record) -> None:
    """One client span per attempt, below the request's, with its place in time; tokens are told once, above."""
    span = span_of(record)
    assert [child.attributes["breakeven.attempt.kind"] for child in span.children] == [
        one.kind for one in record.attempts
    ]
    for child, one in zip(span.children, record.attempts, strict=True):
        assert (child.parent_id, child.trace_id, child.kind) == (span.span_id, span.trace_id, "client")
        assert child.start_ns - span.start_ns == pytest.approx(one.start_s * 1e9, abs=2000)
        assert child.end_ns - child.start_ns == pytest.approx(one.duration_s * 1e9, abs=2000)
        assert bool(child.error) is (one.outcome in {"timeout", "error", "unreachable"})
        assert not any(name.startswith("gen_ai.usage") for name in child.attributes)


@given(RECORD, RECORD)
def test_ids_follow_from_the_record(record, other) -> None:
    """Told twice it is the same span; another prediction is another; the caller's trace is kept where it is one."""

    def ids(span: Span) -> list[str]:
        return [span.span_id, *(child.span_id for child in span.children)]

    span = span_of(record)
    assert span == span_of(record)
    assert len(set(ids(span))) == len(record.attempts) + 1
    if record.prediction_id != other.prediction_id:
        assert not set(ids(span)) & set(ids(span_of(other)))
    assert len(bytes.fromhex(span.trace_id)) == 16
    assert all(len(bytes.fromhex(one)) == 8 for one in ids(span))
    if len(record.trace_id) == 32:
        assert span.trace_id == record.trace_id


@given(RECORD)
def test_nothing_of_a_prompt_or_a_person_is_told(record) -> None:
    """Prompt, subject, session, labels, features and chosen action appear in no span."""
    assert SECRET not in repr(span_of(record))


@pytest.mark.parametrize(
    ("status", "http_status", "error"),
    [("answered", 200, ""), ("failed", 200, "x"), ("failed", 502, "x"), ("refused", 429, ""), ("refused", 503, "x"),
     ("cancelled", 499, ""), ("fallback", 200, ""), ("refused", 404, "")],
)  # fmt: skip
def test_an_error_is_what_the_server_owes(kit, status, http_status, error) -> None:
    """A stream that broke failed, under HTTP 200 too; what the caller must mend or broke off is no server error."""
    assert span_of(kit.prediction(status=status, http_status=http_status, reason="x")).error == error


@pytest.mark.parametrize("time_s", [math.nan, math.inf, -1e300, 1e300])
def test_an_impossible_time_is_told_as_a_possible_one(kit, time_s) -> None:
    """Whatever a clock said, a span can be encoded and does not end before it begins."""
    span = span_of(kit.prediction(time_s=time_s))
    assert 0 <= span.start_ns <= span.end_ns < 2**63


@given(st.lists(RECORD, max_size=20), st.integers(0, 20))
def test_histograms_count_each_completion_once_across_a_restart(records, at) -> None:
    """Counts and sums are those of the completions, also when the tally was written down and taken up in between."""
    tally = Tally()
    for place, record in enumerate(records):
        if place == at:
            tally = Tally(tally.points())
        tally.add(record)
    chats = [one for one in records if genai_of(one)]
    billed = [one.billable if one.billable.input or one.billable.output else one.consumed for one in chats]

    def of(metric: str, **labels: str) -> list:
        found = [one for one in tally.points() if one.metric == metric]
        return [one for one in found if labels.items() <= dict(one.attributes).items()]

    duration = of("gen_ai.client.operation.duration")
    assert sum(sum(one.counts) for one in duration) == len(chats)
    assert sum(one.sum for one in duration) == pytest.approx(sum(one.total_s for one in chats))
    for kind in ("input", "output"):
        usage = of("gen_ai.client.token.usage", **{"gen_ai.token.type": kind})
        assert sum(one.sum for one in usage) == sum(getattr(one, kind) for one in billed)
    answered = [one for one in chats if one.status == "answered"]
    for metric, name in (("time_to_first_token", "ttft_s"), ("time_per_output_token", "tpot_s")):
        found = of(f"gen_ai.server.{metric}")
        assert sum(sum(one.counts) for one in found) == sum(getattr(one, name) is not None for one in answered)


def test_histograms_are_bounded(kit) -> None:
    """However many models are named, the points are bounded, and what comes beyond is counted together."""
    tally = Tally()
    for number in range(MAX_POINTS):
        tally.add(replace(kit.prediction(), model=f"m{number}"))
    points = tally.points()
    assert len(points) <= MAX_POINTS + 4
    durations = [one for one in points if one.metric == "gen_ai.client.operation.duration"]
    assert sum(sum(one.counts) for one in durations) == MAX_POINTS
    assert [one for one in durations if one.attributes == (("otel.metric.overflow", True),)]
