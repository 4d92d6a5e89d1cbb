"""What violates a plan: each keyword means what draft 2020-12 says, and the first violation is told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.metric.json_schema import KEYWORDS, compiled, equal
from breakeven.metric.json_schema_faults import faults, impossible
from breakeven.metric.tracking_plan import bad_of, judge_of, outcome_of
from breakeven.schema.outcome import Outcome
from breakeven.schema.tracking import EventRule, TrackingPlan, Violation

CASES: list[tuple[Any, Any, list[str]]] = [
    ({"type": "integer"}, 1.0, []),
    ({"type": "integer"}, 1.5, [""]),
    ({"type": "integer"}, True, [""]),
    ({"type": ["number", "null"]}, None, []),
    ({"type": "boolean"}, 1, [""]),
    ({"enum": [1, "a"]}, 1.0, []),
    ({"enum": [1]}, True, [""]),
    ({"const": {"a": [1]}}, {"a": [1.0]}, []),
    ({"const": False}, 0, [""]),
    ({"required": ["a", "b"]}, {"a": 1}, ["b"]),
    ({"required": ["a"]}, "not an object", []),
    ({"properties": {"a": {"type": "string"}}}, {"a": 1, "b": 2}, ["a"]),
    ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1, "b": 2}, ["b"]),
    ({"additionalProperties": {"type": "number"}}, {"a": 1, "b": "2"}, ["b"]),
    ({"items": {"minimum": 2}}, [1, 2, 0], ["0", "2"]),
    ({"minItems": 1}, [], [""]),
    ({"maxItems": 1}, [1, 2], [""]),
    ({"uniqueItems": True}, [1, True], []),
    ({"uniqueItems": True}, [1, 1.0], [""]),
    ({"minLength": 2}, "\U0001f600", [""]),
    ({"maxLength": 1}, "\U0001f600", []),
    ({"pattern": "b"}, "abc", []),
    ({"pattern": "^[A-Z]{3}$"}, "EUR\n", [""]),
    ({"pattern": r"^\d$"}, "\u0663", [""]),
    ({"minimum": 1}, 1, []),
    ({"exclusiveMinimum": 1}, 1, [""]),
    ({"maximum": 1}, "2", []),
    ({"exclusiveMaximum": 1}, 0.5, []),
    ({"multipleOf": 0.01}, 19.99, []),
    ({"multipleOf": 0.01}, 19.999, [""]),
    ({"minProperties": 1}, {}, [""]),
    ({"maxProperties": 1}, {"a": 1}, []),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 3, [""]),
    ({"anyOf": [{"type": "string"}, {"minimum": 1}]}, 0, [""]),
    ({"oneOf": [{"minimum": 1}, {"maximum": 2}]}, 1.5, [""]),
    ({"not": {"type": "string"}}, "a", [""]),
    (False, 1, [""]),
    (True, 1, []),
    ({"title": "t", "description": "d", "default": 1}, 2, []),
]


@pytest.mark.parametrize(("schema", "value", "places"), CASES, ids=lambda one: json.dumps(one)[:40])
def test_a_keyword_means_what_the_draft_says(schema: Any, value: Any, places: list[str]) -> None:
    """Each violation with its place; what a keyword does not speak of passes it."""
    assert list(faults(schema)) == []
    found = list(compiled(schema)(value, ()))
    assert sorted("/".join(map(str, one.path)) for one in found) == places
    assert all(one.message for one in found)


def test_every_keyword_has_a_case() -> None:
    """None is checked that no test knows."""
    used = {key for schema, _, _ in CASES if isinstance(schema, dict) for key in schema}
    assert set(KEYWORDS) <= used


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
)


@given(anything, anything)
def test_const_is_json_equality(one: Any, other: Any) -> None:
    """A value equals itself and what it is written as; equality is symmetric, and true is never 1."""
    assert equal(one, json.loads(json.dumps(one)))
    assert equal(one, other) == equal(other, one)
    assert list(compiled({"const": one})(one, ())) == []


@given(anything)
def test_a_schema_is_refused_or_checks_anything_without_failing(schema: Any) -> None:
    """Whatever stands in the file: it is told what is wrong with it, or it works."""
    if not list(faults(schema)):
        for value in (None, 1, "a", [1], {"a": 1}):
            list(compiled(schema)(value, ()))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[a", "no regular expression"),
        ("(a+)+$", "repeats a repetition"),
        ("(a|a)*$", "repeats alternatives"),
        (r"(a)\1", "refers to a group"),
        ("(?=a)b", "looks around"),
        (5, "must be text"),
        ("a" * 501, "must be text"),
    ],
)
def test_an_impossible_pattern_says_why(pattern: object, words: str) -> None:
    """What is no pattern, and what a hostile text could keep busy for ever."""
    problem = impossible(pattern)
    assert problem is not None
    assert words in problem[0]
    assert problem[1]


@pytest.mark.parametrize("pattern", ["^[A-Z]{3}$", "^order-[0-9]+$", "^(a|b)$", "x?y*", "(ab)?c", r"^\d{4}-\d{2}$"])
def test_a_plain_pattern_is_taken(pattern: str) -> None:
    """The ones people write."""
    assert impossible(pattern) is None


SCHEMA = json.dumps({"properties": {"value": {"minimum": 0}}, "required": ["currency"]})
PLAN = TrackingPlan(
    id="trk-1",
    unknown="bad",
    events=(
        EventRule(type="breakeven.conversion.v1", schema=SCHEMA, requires=("identity", "value"), sources=("/shop*",)),
        EventRule(type="com.shop.ping.v1", requires=()),
        EventRule(type="com.shop.cart.v1"),
    ),
)


def event(**more: Any) -> Outcome:
    plain = {
        "event_id": "e", "source": "/shop/eu", "kind": "conversion", "event_type": "breakeven.conversion.v1",
        "time_s": 1.0, "received_s": 2.0, "node": "n", "sequence": 1, "prediction_id": "p", "value": 1.0,
        "data": '{"value": 1, "currency": "EUR"}',
    }  # fmt: skip
    return Outcome(**{**plain, **more})


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        ({}, "", ""),
        ({"source": "/other"}, "source", "/source"),
        ({"prediction_id": ""}, "missing_identity", "/predictionid"),
        ({"prediction_id": "", "subject": "s"}, "", ""),
        ({"value": None}, "missing_value", "/data/value"),
        ({"data": "{"}, "malformed_data", "/data"),
        ({"data": "[1]"}, "field_type", "/data"),
        ({"data": '{"value": "1", "currency": "EUR"}', "value": None}, "field_type", "/data/value"),
        ({"data": '{"value": 1}'}, "schema", "/data/currency"),
        ({"data": '{"value": -1, "currency": "EUR"}'}, "schema", "/data/value"),
        ({"duration_s": -1.0}, "field_type", "/data/duration_s"),
        ({"event_type": "com.shop.other.v1", "kind": "custom"}, "unknown_type", "/type"),
        ({"event_type": "breakeven.click.v1", "kind": "click", "data": ""}, "", ""),
        ({"event_type": "com.shop.ping.v1", "kind": "custom", "prediction_id": "", "data": ""}, "", ""),
        ({"event_type": "com.shop.cart.v1", "kind": "custom", "data": '{"anything": [1]}'}, "", ""),
        ({"event_type": "com.shop.cart.v1", "kind": "custom", "data": '{"stage": 3}'}, "field_type", "/data/stage"),
        ({"event_type": "com.shop.cart.v1", "kind": "custom", "data": "[" * 5000}, "malformed_data", "/data"),
    ],
)
def test_the_first_violation_is_told_with_its_place(change: dict[str, Any], rule: str, path: str) -> None:
    """Source, data that are JSON, fields with their types, what must be stated, the schema: in this order."""
    found = judge_of(PLAN)(event(**change))
    assert (found.rule, found.path) == (rule, path) if rule else found is None


@given(st.text(max_size=30) | anything.map(json.dumps))
def test_no_data_are_too_strange_to_be_judged(data: str) -> None:
    """Whatever was sent as data: a verdict, never an exception; and a bad row gives the event back as it came."""
    one = event(data=data)
    judge_of(PLAN)(one)
    assert outcome_of(bad_of(one, Violation(rule="r", path="/", message="m"), "trk")) == one
