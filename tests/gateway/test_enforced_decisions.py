"""Decisions among candidates, completions and embeddings over real sockets."""

import json

import msgspec
import pytest

from breakeven.schema.policy import Decision, Segments
from breakeven.schema.record import Tokens

SPEC = Decision(features=("hour",), candidate_features=("margin", "age"), input="rows", output="score")
CANDIDATES = [
    {"id": one, "features": {"margin": margin, "age": 1}} for one, margin in (("a", 0.1), ("b", 0.9), ("c", 0.5))
]
ASK = {"id": "r1", "subject": "ada", "features": {"hour": 9}, "candidates": CANDIDATES}
OFFER = "/v1/decisions/offer"


def scorer(kit, change=None):
    """A v2 server whose score is the margin; `change` alters its answer."""

    async def handler(head, body, writer):
        (tensor,) = body["inputs"]
        rows, width = tensor["shape"]
        scores = [tensor["data"][row * width + 1] for row in range(rows)]
        output = {"name": "score", "datatype": "FP32", "shape": [rows, 1], "data": scores}
        answer = {"model_name": "s", "outputs": [output]}
        writer.write(kit.whole(change(answer) if change else answer))
        await writer.drain()

    return handler


def decide(kit, tmp_path, test, transport="own", change=None, spec=SPEC, **case):
    """Run a test against a use case `offer` that decides; the records it left."""
    handlers = {"a": scorer(kit, change)}
    changes = {"backend_of": {"a": {"kind": "oip"}}, "deployment_of": {"a": {"tokens": None, "model": "s"}}}
    use_case = {"name": "offer", "decision": spec, **case}
    return kit.enforce(tmp_path, test, handlers, transport, use_case=use_case, default_use_case="offer", **changes)


def test_the_best_candidate_is_chosen_and_recorded(kit, tmp_path, transport) -> None:
    """One tensor row per candidate goes to the model; one prediction, with every action and its probability."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, ASK, OFFER)
        said = json.loads(answer.body)
        assert (answer.status, said["id"], said["action"], said["propensity"]) == (200, "r1", "b", 1.0)
        assert (said["use_case"], said["source"], said["model"]) == ("offer", "model", "s")
        assert said["actions"] == [
            {"id": "a", "propensity": 0.0, "score": 0.1},
            {"id": "b", "propensity": 1.0, "score": 0.9},
            {"id": "c", "propensity": 0.0, "score": 0.5},
        ]
        assert said["prediction_id"] == answer.headers["x-breakeven-prediction-id"]
        head, sent = ups.a.requests[0]
        assert head.split()[1] == b"/v1/v2/models/s/infer"
        assert sent["inputs"][0]["shape"] == [3, 3]
        assert sent["inputs"][0]["data"] == [9, 0.1, 1, 9, 0.9, 1, 9, 0.5, 1]

    (record,) = decide(kit, tmp_path, test, transport)
    assert (record.status, record.action, record.actions) == ("answered", "b", ("a", "b", "c"))
    assert (record.action_propensities, record.rows_scored) == ((0.0, 1.0, 0.0), 3)
    assert (record.subject_kind, record.eligible, record.chosen) == ("body", ("a",), "a")
    assert record.subject not in {"", "ada"}


def test_exploration_gives_everybody_a_chance_and_says_how_much(kit, tmp_path, transport) -> None:
    """With e = 1 the choice is uniform; the probabilities told are those that were used."""
    seen = set()

    async def test(gateway, ups):
        while len(seen) < 3:
            said = json.loads((await kit.post(gateway, ASK, OFFER)).body)
            seen.add(said["action"])
            assert [round(one["propensity"], 12) for one in said["actions"]] == [round(1 / 3, 12)] * 3

    found = decide(kit, tmp_path, test, transport, spec=msgspec.structs.replace(SPEC, explore=1.0))
    assert {one.action for one in found} == seen == {"a", "b", "c"}
    assert {round(sum(one.action_propensities), 12) for one in found} == {1.0}


def test_the_critical_tier_does_not_explore(kit, tmp_path) -> None:
    """Whatever the use case says, unless the tier allows it."""

    async def test(gateway, ups):
        for _ in range(8):
            said = json.loads((await kit.post(gateway, ASK, OFFER)).body)
            assert (said["action"], said["propensity"]) == ("b", 1.0)

    decide(kit, tmp_path, test, spec=msgspec.structs.replace(SPEC, explore=1.0), tier="critical")


CHAIN = {
    "failure": ("segment", "default", "error"),
    "segments": Segments(by="region", answers={"eu": "c", "us": "gone"}),
    "default_body": "first",
}


@pytest.mark.parametrize(
    ("region", "source", "action"), [("eu", "segment", "c"), ("us", "default", "a"), ("", "default", "a")]
)
def test_without_a_model_the_policy_decides_among_the_candidates(
    kit, tmp_path, transport, region, source, action
) -> None:
    """A prepared action that is no candidate is passed over; what is prepared is certain."""

    async def test(gateway, ups):
        said = json.loads((await kit.post(gateway, ASK, OFFER, headers=[("x-breakeven-region", region)])).body)
        assert (said["action"], said["source"], said["propensity"]) == (action, source, 1.0)
        assert {one["score"] for one in said["actions"]} == {None}

    (record,) = decide(kit, tmp_path, test, transport, change=lambda _: {"error": "boom"}, **CHAIN)
    assert (record.status, record.action) == ("fallback", action)
    assert record.action_propensities == tuple(float(one == action) for one in record.actions)


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: {"outputs": [{**answer["outputs"][0], "shape": [2, 1]}]},
        lambda answer: {"outputs": [{**answer["outputs"][0], "name": "other"}]},
        lambda answer: {"outputs": [{**answer["outputs"][0], "data": ["x", "y", "z"]}]},
        lambda answer: {"outputs": [{**answer["outputs"][0], "data": [0.1, None, 0.3]}]},
    ],
)
@pytest.mark.parametrize("chain", [True, False])
def test_scores_that_are_none_are_a_failure_of_the_model(kit, tmp_path, change, chain) -> None:
    """200 with the wrong shape, output or type decides nothing: the chain does, or the client is told."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, ASK, OFFER)
        said = json.loads(answer.body)
        assert answer.status == (200 if chain else 502)
        assert (said["action"] == "a") if chain else said["error"]["code"] == "malformed"

    (record,) = decide(kit, tmp_path, test, change=change, **(CHAIN if chain else {}))
    assert (record.status, record.reason) == ("fallback" if chain else "failed", "malformed")
    assert record.attempts[0].outcome == "error"


def test_a_cached_score_is_decided_anew(kit, tmp_path, transport) -> None:
    """Scores are kept, choices are not: another request has its own id, subject and draw."""

    async def test(gateway, ups):
        said = [json.loads((await kit.post(gateway, {**ASK, "subject": one}, OFFER)).body) for one in ("ada", "bob")]
        assert [one["source"] for one in said] == ["model", "cached"]
        assert said[0]["prediction_id"] != said[1]["prediction_id"]
        assert said[0]["actions"] == said[1]["actions"]
        assert len(ups.a.requests) == 1

    first, second = decide(kit, tmp_path, test, transport, cache_ttl_s=60.0)
    assert (second.status, second.action, second.action_propensities) == ("cached", "b", (0.0, 1.0, 0.0))
    assert first.subject != second.subject


@pytest.mark.parametrize(
    ("body", "path", "status", "said"),
    [
        ({**ASK, "candidates": []}, OFFER, 400, "candidates"),
        ({**ASK, "features": {}}, OFFER, 400, "'hour'"),
        ({**ASK, "features": {"hour": 1, "day": 2}}, OFFER, 400, "'day'"),
        (ASK, "/v1/decisions/nothing", 400, "'nothing'"),
        (ASK, "/v1/decisions/chat", 404, "decision"),
    ],
)
def test_what_is_no_decision_is_no_prediction(kit, tmp_path, body, path, status, said) -> None:
    """Refused by name before a model is asked."""
    route = kit.Route(strategy="fixed", targets=(kit.RouteTarget(deployment="a"),))

    async def test(gateway, ups):
        answer = await kit.post(gateway, body, path)
        assert (answer.status, said in answer.body.decode()) == (status, True)
        assert ups.a.requests == []

    use_case = {"name": "offer", "decision": SPEC}
    more = (kit.UseCase(name="chat", route=route),)
    kinds = {"a": {"kind": "oip"}}
    handlers = {"a": scorer(kit)}
    changes = {"use_case": use_case, "more_use_cases": more, "backend_of": kinds, "default_use_case": "offer"}
    assert kit.enforce(tmp_path, test, handlers, **changes) == []


# Completions and embeddings


@pytest.mark.parametrize("stream", [False, True])
def test_completions_speak_their_own_form(kit, tmp_path, transport, stream) -> None:
    """By their own path, with the same policy, measured alike."""

    async def speaks(head, body, writer):
        choice = {"index": 0, "text": "once", "finish_reason": None}
        if not stream:
            writer.write(kit.whole({"object": "text_completion", "choices": [choice], "usage": kit.USAGE}))
            return
        writer.write(kit.STREAM_HEAD + kit.sse({"choices": [choice]}) + kit.sse({"choices": [choice]}))
        writer.write(kit.sse({"choices": [], "usage": kit.USAGE}) + kit.STREAM_END)

    async def test(gateway, ups):
        answer = await kit.post(gateway, {"model": "m", "prompt": "tell", "stream": stream}, "/v1/completions")
        assert (answer.status, answer.body.count(b'"once"')) == (200, 1 + stream)
        assert ups.a.requests[0][0].split()[1] == b"/v1/completions"

    (record,) = kit.enforce(tmp_path, test, {"a": speaks}, transport)
    assert (record.status, record.served, record.tokens_basis) == ("answered", Tokens(input=11, output=3), "measured")
    assert (record.ttft_s is not None) is stream


def test_embeddings_have_no_output_to_pay_for(kit, tmp_path, transport) -> None:
    """Their input is priced, and whatever falls down the chain is the policy's own JSON."""

    async def speaks(head, body, writer):
        data = [{"index": place, "embedding": [0.5, 0.25]} for place in range(len(body["input"]))]
        writer.write(kit.whole({"object": "list", "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}}))

    async def test(gateway, ups):
        answer = await kit.post(gateway, {"model": "m", "input": ["a", "b"]}, "/v1/embeddings")
        assert (answer.status, len(json.loads(answer.body)["data"])) == (200, 2)
        failed = await kit.post(gateway, {"model": "m", "input": "a"}, "/v1/embeddings")
        assert (failed.status, json.loads(failed.body)) == (200, {"data": []})

    case = {"failure": ("default",), "default_body": '{"data": []}'}
    handlers = {"a": kit.in_turn(speaks, kit.fails(500))}
    record, prepared = kit.enforce(tmp_path, test, handlers, transport, use_case=case)
    assert (record.served, record.cost_pico_usd) == (Tokens(input=5), 5 * 2_000_000)
    assert (prepared.status, prepared.reason) == ("fallback", "upstream_500")
