"""Spans of every dialect of GenAI as one record: tokens counted one way, costs only where they are told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.wire import genai
from breakeven.wire.otlp_json import Span, spans

T = 1_795_773_600 * 10**9


def span(**attributes: object) -> Span:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return Span(trace_id="a" * 32, span_id="b" * 16, start_ns=T, end_ns=T + 10**9, attributes=named)


def tokens(**attributes: object) -> tuple[int, int, int, int]:
    found = genai.prediction_of(span(**attributes), str).consumed
    return found.input, found.cached_input, found.output, found.reasoning


GOLDEN = [
    ("OpenAI: cached tokens are in the input", {
        "gen_ai__provider__name": "openai", "gen_ai__usage__input_tokens": 1000,
        "gen_ai__usage__cache_read__input_tokens": 400, "gen_ai__usage__output_tokens": 10}, (1000, 400, 10, 0)),
    ("Anthropic's own count: cached tokens are beside it", {
        "gen_ai__system": "anthropic", "gen_ai__usage__input_tokens": 600,
        "gen_ai__usage__cache_read_input_tokens": 300, "gen_ai__usage__cache_creation_input_tokens": 100,
        "gen_ai__usage__output_tokens": 10}, (1000, 300, 10, 0)),
    ("Anthropic by the convention: they are in it", {
        "gen_ai__provider__name": "anthropic", "gen_ai__usage__input_tokens": 1000,
        "gen_ai__usage__cache_read__input_tokens": 300, "gen_ai__usage__output_tokens": 10}, (1000, 300, 10, 0)),
    ("more cached than given can only be beside it", {
        "gen_ai__provider__name": "any", "gen_ai__usage__input_tokens": 100,
        "gen_ai__usage__cache_read__input_tokens": 900}, (1000, 900, 0, 0)),
    ("the names before 2025", {
        "gen_ai__system": "openai", "gen_ai__usage__prompt_tokens": 7, "gen_ai__usage__completion_tokens": 3},
        (7, 0, 3, 0)),
    ("OpenInference", {
        "openinference__span__kind": "LLM", "llm__token_count__prompt": 7, "llm__token_count__completion": 3,
        "llm__token_count__completion_details__reasoning": 2}, (7, 0, 3, 2)),
    ("a cache hit asks no provider", {
        "breakeven__status": "cached", "gen_ai__usage__input_tokens": 7, "gen_ai__usage__output_tokens": 3},
        (0, 0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("why", "attributes", "wanted"), GOLDEN, ids=[one[0] for one in GOLDEN])
def test_tokens_are_counted_one_way(why: str, attributes: dict[str, object], wanted: tuple[int, ...]) -> None:
    """`input` holds what was cached, `output` what was reasoned, whatever the dialect."""
    assert tokens(**attributes) == wanted


@given(*(st.integers(0, 10**6) for _ in range(5)), st.sampled_from(["openai", "anthropic"]), st.booleans())
def test_parts_never_exceed_the_whole(given_n, cached, written, output, reasoning, provider, old) -> None:
    """Cached <= input and reasoning <= output, for any numbers under any names."""
    middle = "cache_read_input_tokens" if old else "cache_read.input_tokens"
    counts = tokens(**{
        "gen_ai.provider.name": provider, "gen_ai.usage.input_tokens": given_n, f"gen_ai.usage.{middle}": cached,
        "gen_ai.usage.cache_creation.input_tokens": written, "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.reasoning.output_tokens": reasoning,
    })  # fmt: skip
    assert counts[1] <= counts[0]
    assert counts[3] <= counts[2]
    assert counts[0] >= given_n


def test_a_cost_is_told_or_unknown() -> None:
    """Ours, the proposed name, others': dollars exactly; without one it is unpriced, never 0."""
    assert genai.prediction_of(span(gen_ai__system="openai"), str).cost_pico_usd is None
    for name in ("breakeven.cost_usd", "gen_ai.usage.cost", "gen_ai.usage.cost.amount"):
        assert genai.prediction_of(span(**{name: 0.000267}), str).cost_pico_usd == 267_000_000
    with pytest.raises(ValueError, match=r"cost\.currency is 'EUR', and it is USD"):
        genai.prediction_of(span(**{"gen_ai.usage.cost.amount": 1.0, "gen_ai.usage.cost.currency": "EUR"}), str)


@pytest.mark.parametrize(
    ("attributes", "is_one"),
    [
        ({"gen_ai.operation.name": "chat"}, True),
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.request.model": "m", "gen_ai.system": "openai"}, False),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, False),
        ({"gen_ai.system": "openai", "gen_ai.request.model": "m"}, True),
        ({"openinference.span.kind": "CHAIN", "llm.model_name": "m", "llm.system": "openai"}, False),
        ({"http.request.method": "GET"}, False),
    ],
)
def test_only_what_asked_a_model_is_a_prediction(attributes: dict[str, object], *, is_one: bool) -> None:
    """Agents and tools hold such spans: they would count twice."""
    assert genai.is_inference(span(**attributes)) is is_one


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"gen_ai.usage.input_tokens": -1}, "is finite and not negative"),
        ({"gen_ai.usage.input_tokens": 1.5}, "is a whole number of tokens"),
        ({"gen_ai.usage.output_tokens": "many"}, "'many', and it is a number"),
        ({"gen_ai.usage.cost": float("inf")}, "is finite"),
        ({"gen_ai.usage.cost": 1e9}, "is at most 9,000,000 USD"),
        ({"gen_ai.usage.input_tokens": 2**60}, "is a whole number of tokens"),
    ],
)
def test_an_impossible_number_is_named(attributes: dict[str, object], message: str) -> None:
    """With the attribute and its value."""
    with pytest.raises(ValueError, match=message):
        genai.prediction_of(span(**attributes), str)


def test_the_subject_is_hashed_and_the_tenant_is_the_key_s() -> None:
    """A span's word for who asks counts only in a file."""
    told = span(**{"user.id": "ann", "breakeven.tenant": "them"})
    assert genai.prediction_of(told, lambda subject: f"#{len(subject)}").subject == "#3"
    assert genai.prediction_of(told, str).tenant == "them"
    assert genai.prediction_of(told, str, tenant="us").tenant == "us"


def test_json_of_a_collector_is_read() -> None:
    """64-bit integers are text, ids hex in any case, lists are passed over, a failed status is an error."""
    text = json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"spans": [{
            "traceId": "A" * 32, "spanId": "B" * 16, "startTimeUnixNano": str(T), "endTimeUnixNano": str(T + 5 * 10**8),
            "attributes": [
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
                {"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": {"values": []}}},
            ],
            "status": {"code": 2, "message": "boom"},
        }]}],
    }]})  # fmt: skip
    [found] = spans(text)
    made = genai.prediction_of(found, str)
    assert (made.use_case, made.status, made.reason, made.total_s) == ("shop", "failed", "boom", 0.5)
    assert (made.prediction_id, made.consumed.input) == (f"{'a' * 32}-{'b' * 16}", 12)
