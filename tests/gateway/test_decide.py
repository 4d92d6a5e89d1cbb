"""Decisions among candidates: one tensor out, one choice back, with the probability that it really had."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.chosen import Chosen, chosen_of, decision_body, fallback_action
from breakeven.gateway.decision.contract import contract_of
from breakeven.gateway.decision.decide import MAX_CANDIDATES, MAX_FP32, Ask, decide_of
from breakeven.gateway.decision.refusal import RequestError
from breakeven.schema.policy import Decision

SPEC = Decision(features=("hour", "member"), candidate_features=("price", "margin"), output="score")
BODY = {
    "subject": "ada",
    "features": {"member": True, "hour": 9},
    "candidates": [
        {"id": "a", "features": {"price": 1.5, "margin": 0}},
        {"id": "b", "features": {"margin": 2, "price": -1}},
    ],
}
IDS = st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=5), unique=True)
SCORES = st.floats(-1e6, 1e6)


def ask(spec: Decision = SPEC, **fields) -> Ask:
    return decide_of(json.dumps({**BODY, **fields}).encode(), spec)


def scored(*scores: float, shape: list[int] | None = None, name: str = "score") -> bytes:
    output = {"name": name, "datatype": "FP32", "shape": shape or [len(scores), 1], "data": scores}
    return json.dumps({"model_name": "m", "outputs": [output]}).encode()


def test_a_tensor_has_a_row_for_each_candidate() -> None:
    """The request's features by name, then the candidate's, booleans as 1 and 0, in the order of the candidates."""
    asked = ask(session="s", id="q1", labels={"shelf": "top"})
    [tensor] = json.loads(asked.tensor_body)["inputs"]
    assert tensor == {"name": "input", "datatype": "FP32", "shape": [2, 4], "data": [9, 1, 1.5, 0, 9, 1, -1, 2]}
    assert json.loads(asked.tensor_body)["outputs"] == [{"name": "score"}]
    assert (asked.ids, asked.subject, asked.session, asked.id) == (("a", "b"), "ada", "s", "q1")
    assert asked.labels == {"shelf": "top"}


@given(st.text(max_size=20).filter(str.isprintable))
def test_a_subject_is_the_same_in_the_body_and_in_a_header(text) -> None:
    """One canonical form, so that an outcome joins its prediction."""
    header = contract_of({"x-breakeven-subject": text.encode().decode("latin-1")})
    assert ask(subject=text).subject == header.subject


def test_candidates_may_be_ids_alone() -> None:
    """Where the model needs nothing of theirs; without a named output none is asked for."""
    asked = ask(
        Decision(features=("hour",), datatype="FP64", input="x"), features={"hour": 1e300}, candidates=["a", "b"]
    )
    assert json.loads(asked.tensor_body) == {
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [2, 1], "data": [1e300, 1e300]}]
    }


@given(IDS.filter(len), st.data())
def test_the_tensor_holds_every_feature_in_its_place(ids, data) -> None:
    """Row i, column j is candidate i's feature j, whatever the order of fields; its length is rows times columns."""
    rows = {one: {name: data.draw(SCORES) for name in data.draw(st.permutations(["price", "margin"]))} for one in ids}
    candidates = [{"id": one, "features": row} for one, row in rows.items()]
    [tensor] = json.loads(ask(candidates=candidates).tensor_body)["inputs"]
    assert tensor["shape"] == [len(ids), 4]
    wanted = [value for row in rows.values() for value in (9, 1, row["price"], row["margin"])]
    assert tensor["data"] == wanted


def candidate(**features) -> list[dict]:
    return [BODY["candidates"][0], {"id": "b", "features": features}]


WRONG = [
    ({"features": {"hour": 1}}, "features.member", "lack 'member'", "hour, member"),
    ({"features": {"hour": 1, "membr": 1}}, "features.membr", "'membr'", "'member'"),
    ({"features": {"hour": 1, "member": 1, "x": 1}}, "features.x", "'x'", "knows hour, member"),
    ({"features": {"hour": None, "member": 1}}, "features.hour", "null", "finite number"),
    ({"features": {"hour": "9", "member": 1}}, "features.hour", '"9"', "finite number"),
    ({"features": {"hour": 1e39, "member": 1}}, "features.hour", "1e+39", "at most"),
    ({"features": [1]}, "features", "[1]", "object"),
    ({"candidates": candidate(price=1)}, "candidates[1].features.margin", "lack 'margin'", "price, margin"),
    ({"candidates": candidate(price=1, margn=1)}, "candidates[1].features.margn", "'margn'", "'margin'"),
    ({"candidates": candidate(price=1, margin=None)}, "candidates[1].features.margin", "null", "finite number"),
    ({"candidates": candidate(price=1, margin=-1e39)}, "candidates[1].features.margin", "-1e+39", "at most"),
    ({"candidates": ["a", "b"]}, "candidates[0].features.price", "lack 'price'", "price, margin"),
    ({"candidates": []}, "candidates", "0 candidates", "1 to 1000"),
    ({"candidates": [str(n) for n in range(MAX_CANDIDATES + 1)]}, "candidates", "1001", "1 to 1000"),
    ({"candidates": ["a", "b", "a"]}, "candidates", "'a'", "once"),
    ({"candidates": ["a", ""]}, "candidates[1].id", "''", "1 to 256"),
    ({"candidates": ["x" * 257]}, "candidates[0].id", "257", "1 to 256"),
    ({"candidates": ["a\n"]}, "candidates[0].id", "'a\\n'", "printable"),
    ({"candidates": [7]}, "candidates[0]", "7", "send"),
    ({"candidates": "a"}, "candidates", '"a"', "send"),
    ({"subject": "x" * 257}, "subject", "257", "256"),
    ({"session": "a\0"}, "session", "'a\\x00'", "printable"),
    ({"id": "x" * 257}, "id", "257", "256"),
    ({"labels": {"a": "b,c"}}, "labels", "'b,c'", "without commas"),
    ({"labels": {str(n): "x" for n in range(9)}}, "labels", "9 labels", "at most 8"),
    ({"labels": {"a": 1}}, "labels[...]", "Expected `str`", "send str"),
]


@pytest.mark.parametrize(("fields", "field", "said", "way_out"), WRONG, ids=lambda one: str(one)[:40])
def test_what_is_wrong_is_named(fields, field, said, way_out) -> None:
    """The field, its value, and what to send instead."""
    with pytest.raises(RequestError) as caught:
        ask(**fields)
    error = caught.value
    assert (error.status, error.field) == (400, field)
    assert said in error.message
    assert way_out in error.way_out


@pytest.mark.parametrize("number", [b"1e999", b"NaN", b"-Infinity", b"9" * 400, b"1e5000"])
def test_a_feature_is_finite(number) -> None:
    """Nothing that a model would read as infinite, or as no number, gets through; FP64 takes what FP32 cannot."""
    for spec in (SPEC, Decision(features=SPEC.features, candidate_features=SPEC.candidate_features, datatype="FP64")):
        with pytest.raises(RequestError):
            decide_of(json.dumps(BODY).encode().replace(b"9", number), spec)
    edge = [{"id": "a", "features": {"price": MAX_FP32, "margin": -MAX_FP32}}]
    assert ask(candidates=edge).ids == ("a",)


NAMES = st.sampled_from(["candidates", "features", "id", "labels", "a"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda one: st.lists(one, max_size=2) | st.dictionaries(NAMES, one),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_it(body) -> None:
    """Whatever comes is a decision or a refusal with 400 that names a field."""
    try:
        asked = decide_of(body, Decision(features=("a",)))
    except RequestError as error:
        assert (error.status, bool(error.field)) == (400, True)  # noqa: PT017 - either outcome is right
    else:
        assert asked.ids


CANDIDATES = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True).map(tuple)
SHARES = st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1)


@st.composite
def decided(draw) -> tuple[tuple[str, ...], list[float], Decision]:
    ids = draw(CANDIDATES)
    scores = draw(st.lists(st.integers(0, 3).map(float) | SCORES, min_size=len(ids), max_size=len(ids)))
    return ids, scores, Decision(explore=draw(SHARES))


@given(decided(), st.floats(0, 1, exclude_max=True))
def test_propensities_are_probabilities(decision, draw) -> None:
    """They sum to 1; every candidate has e/n, the best 1 - e more; what was taken could be taken."""
    ids, scores, spec = decision
    chosen = chosen_of(scored(*scores), spec, ids, draw)
    assert math.isclose(sum(chosen.propensities), 1, rel_tol=1e-12)
    assert chosen.scores == tuple(scores)
    assert chosen.propensity > 0
    for one, propensity, score in zip(ids, chosen.propensities, scores, strict=True):
        assert propensity >= spec.explore / len(ids) * (1 - 1e-9)
        assert propensity <= spec.explore / len(ids) * (1 + 1e-9) or score == max(scores), one


@given(decided())
def test_the_choice_follows_its_propensities(decision) -> None:
    """Over all draws, evenly spaced, each candidate is taken as often as its propensity says, to the grid's width."""
    ids, scores, spec = decision
    count = 400
    taken = [chosen_of(scored(*scores), spec, ids, (at + 0.5) / count) for at in range(count)]
    for one, propensity in zip(ids, taken[0].propensities, strict=True):
        share = sum(chosen.action == one for chosen in taken) / count
        assert abs(share - propensity) <= 2.001 / count
    assert len({chosen.propensities for chosen in taken}) == 1


@given(decided(), st.data(), st.floats(0, 1, exclude_max=True))
def test_permuting_candidates_permutes_the_answer(decision, data, draw) -> None:
    """The same action is taken, with the same propensity and score for every candidate, in whatever order they come."""
    ids, scores, spec = decision
    order = data.draw(st.permutations(range(len(ids))))
    one = chosen_of(scored(*scores), spec, ids, draw)
    other = chosen_of(scored(*(scores[at] for at in order)), spec, tuple(ids[at] for at in order), draw)
    assert other.action == one.action
    assert other.propensities == tuple(one.propensities[at] for at in order)
    assert other.scores == tuple(one.scores[at] for at in order)


@given(decided(), st.floats(0, 1, exclude_max=True))
def test_a_tier_that_may_not_explore_takes_the_best(decision, draw) -> None:
    """Its propensity is 1, and no draw matters."""
    ids, scores, spec = decision
    chosen = chosen_of(scored(*scores), spec, ids, draw, explore=False)
    assert (chosen.propensity, sum(chosen.propensities)) == (1, 1)
    assert scores[ids.index(chosen.action)] == max(scores)


@given(decided(), st.floats(0, 1, exclude_max=True))
def test_a_decision_is_one_prediction(decision, draw) -> None:
    """One id and one action in the answer, however many candidates; all of them are told, and the answer is JSON."""
    ids, scores, spec = decision
    chosen = chosen_of(scored(*scores), spec, ids, draw)
    said = json.loads(decision_body(chosen, prediction_id="p", use_case="u", source="model", model="m", asked_id="q"))
    assert list(said) == ["id", "prediction_id", "use_case", "action", "propensity", "actions", "source", "model"]
    assert [one["id"] for one in said["actions"]] == list(ids)
    [taken] = [one for one in said["actions"] if one["id"] == said["action"]]
    assert taken["propensity"] == said["propensity"]


def test_the_column_and_output_are_those_of_the_policy() -> None:
    """Last column unless it says otherwise, first output unless it names one; nested rows are rows."""
    flat = scored(0.1, 0.9, 0.8, 0.2, shape=[2, 2])
    nested = json.dumps({"outputs": [{"shape": [2, 2], "data": [[0.1, 0.9], [0.8, 0.2]]}]}).encode()
    for answer in (flat, nested):
        assert chosen_of(answer, Decision(), ("a", "b"), 0.5).action == "a"
        assert chosen_of(answer, Decision(column=0), ("a", "b"), 0.5).action == "b"
    two = json.dumps({"outputs": [{"name": n, "shape": [2], "data": d} for n, d in (("x", [1, 2]), ("y", [2, 1]))]})
    assert chosen_of(two.encode(), Decision(output="y"), ("a", "b"), 0.5).action == "a"
    assert chosen_of(two.encode(), Decision(), ("a", "b"), 0.5).action == "b"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "malformed"),
        (b'{"error":"no"}', "malformed"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":[NaN,1]}]}', "malformed"),
        (b'{"outputs":[]}', "no_output"),
        (scored(1, 2, name="other"), "no_output"),
        (scored(1), "wrong_shape"),
        (scored(1, 2, 3), "wrong_shape"),
        (scored(1, 2, 3, 4), "wrong_shape"),
        (scored(1, 2, shape=[1, 2]), "wrong_shape"),
        (scored(1, 2, shape=[2, -1]), "wrong_shape"),
        (scored(1, 2, shape=[]) + b" ", "wrong_shape"),
        (b'{"outputs":[{"name":"score","shape":[2,0],"data":[]}]}', "wrong_shape"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":[null,1]}]}', "not_scores"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":[1e999,1]}]}', "not_scores"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":["1",1]}]}', "not_scores"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":[true,1]}]}', "not_scores"),
        (b'{"outputs":[{"name":"score","shape":[2,1],"data":[[[1]],[[1]]]}]}', "not_scores"),
    ],
)
def test_an_answer_without_scores_is_a_reason_for_the_failure_chain(answer, reason) -> None:
    """Too few, too many, of another shape, no numbers: never a choice among what is not there."""
    answer = answer.replace(b'"shape": [2, 1]', b'"shape": []') if answer.endswith(b" ") else answer
    assert chosen_of(answer, SPEC, ("a", "b"), 0.5) == reason


def test_a_column_that_is_not_there_is_a_reason_too() -> None:
    """On either side."""
    for column in (1, -2):
        assert chosen_of(scored(1, 2), Decision(column=column), ("a", "b"), 0.5) == "wrong_shape"


@given(st.binary(max_size=60), CANDIDATES)
def test_no_answer_breaks_it(answer, ids) -> None:
    """Whatever a model sends is a choice or one word."""
    assert isinstance(chosen_of(answer, Decision(), ids, 0.5), Chosen | str)


@given(CANDIDATES, st.sampled_from([*"abcdefgh", "first", " a\n", "", "zz"]))
def test_a_prepared_answer_counts_only_among_the_candidates(ids, text) -> None:
    """It is taken for certain; `first` means the first; anything else leaves the chain to go on."""
    chosen = fallback_action(text, ids)
    wanted = ids[0] if text == "first" else text.strip() if text.strip() in ids else None
    assert (chosen.action if chosen else None) == wanted
    if chosen:
        assert (chosen.propensity, sum(chosen.propensities), chosen.scores) == (1, 1, ())
        said = json.loads(decision_body(chosen, prediction_id="p", use_case="u", source="rules", model=""))
        assert {one["score"] for one in said["actions"]} == {None}
        assert "id" not in said


def test_a_candidate_called_first_is_meant_by_its_name() -> None:
    """An id wins over the word."""
    assert fallback_action("first", ("a", "first")).action == "first"
