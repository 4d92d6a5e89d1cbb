"""The strategy `learned`: the gateway decides what the router scores offline, and never more than a preference."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.errors import PolicyError
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import pick
from breakeven.gateway.decision.said import said_in
from breakeven.metric.routing_pack import packed, unpacked
from breakeven.metric.routing_score import MOST_CHARACTERS, score
from breakeven.schema.lever import RouterWeights
from breakeven.schema.policy import Backend, Policy, PolicyDeployment, Route, RouteTarget, UseCase, WorkCurve
from breakeven.schema.routing import Router

FINITE = st.floats(-5, 5, allow_nan=False)
TEXTS = st.text(max_size=60) | st.sampled_from(["plan a trip step by step", "what is the opening hour", "", "你好"])
IDF = st.sampled_from([1.0, 2.5, 7.0])


@st.composite
def weights(draw) -> RouterWeights:
    """Any router of up to 40 buckets, most of which may be unused."""
    size = draw(st.integers(1, 40))
    return RouterWeights(
        strong="large",
        weak="small",
        threshold=draw(FINITE),
        intercept=draw(FINITE),
        idf=tuple(draw(st.lists(IDF, min_size=size, max_size=size))),
        weights=tuple(draw(st.lists(st.just(0.0) | FINITE, min_size=size, max_size=size))),
    )


def policy_of(found: RouterWeights, **changes) -> Policy:
    """Two strong and one weak target behind the weights; keyword arguments replace fields of the route."""
    router = Router(strong=("big", "huge"), weak=("small",), threshold=found.threshold, packed=packed(found))
    targets = tuple(RouteTarget(deployment=name) for name in ("small", "big", "huge"))
    route = Route(**{"strategy": "learned", "targets": targets, "router": router, **changes})
    work = WorkCurve(prefill_s_per_token=0.001)
    return Policy(
        id="p",
        use_cases=(UseCase(name="u", route=route, ttft_s=1.0),),
        deployments=tuple(PolicyDeployment(name=name, backend="x", work=work) for name in ("small", "big", "huge")),
        backends=(Backend(name="x", kind="openai", base_url="http://x"),),
        default_use_case="u",
    )


def asked(policy: Policy, said: str | None, seed: int = 0) -> Request:
    return Request(
        request_id="r", prediction_ids=("r",), protocol="chat", use_case=policy.use_cases[0], tenant="default",
        contract=Contract(), time_s=1.0, received_s=1.0, seed=seed, said=said, input_estimate=10,
    )  # fmt: skip


def conditions_of(policy: Policy) -> Conditions:
    found = Conditions()
    found.adopt(policy)
    return found


def decide(policy: Policy, said: str | None, conditions: Conditions | None = None, seed: int = 0):
    return pick(conditions or conditions_of(policy), index(policy), asked(policy, said, seed), 2.0)


def chat(text: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "system", "content": "x"}, text]}).encode()


@given(weights(), TEXTS)
def test_the_gateway_decides_what_the_router_scores_offline(found, prompt) -> None:
    """From a request's body to the choice: the score is `metric.routing_score`'s, bit for bit, and so is the side."""
    policy = msgspec.json.decode(msgspec.json.encode(policy_of(found)), type=Policy)
    choice = decide(policy, said_in("chat", chat({"role": "user", "content": prompt})))
    wanted = "strong" if score(found, prompt) >= found.threshold else "weak"
    assert (choice.routed.score, choice.routed.wanted, choice.routed.why) == (score(found, prompt), wanted, "score")
    assert choice.chosen in (("big", "huge") if wanted == "strong" else ("small",))
    assert choice.propensities == ((0.0, 0.5, 0.5) if wanted == "strong" else (1.0, 0.0, 0.0))


@given(weights(), st.lists(TEXTS, max_size=6), FINITE, FINITE)
def test_a_higher_threshold_sends_no_more_to_the_strong(found, prompts, one, other) -> None:
    """What goes up at the higher threshold goes up at the lower one too."""
    low, high = (policy_of(msgspec.structs.replace(found, threshold=at)) for at in sorted((one, other)))
    for prompt in prompts:
        if decide(high, prompt).chosen != "small":
            assert decide(low, prompt).chosen != "small"


@given(weights(), TEXTS, st.sampled_from([0.1, 0.6]))
def test_propensities_are_those_of_the_draw(found, prompt, explore) -> None:
    """Over evenly spaced seeds each target is chosen as often as its propensity says; what was explored is told."""
    policy, seen = policy_of(found, explore=explore), {"small": 0, "big": 0, "huge": 0}
    ready, conditions, seeds = index(policy), conditions_of(policy), 300
    for at in range(seeds):
        choice = pick(conditions, ready, asked(policy, prompt, int((at + 0.5) / seeds * 2**63)), 2.0)
        seen[choice.chosen] += 1
        preferred = (choice.chosen == "small") == (choice.routed.wanted == "weak")
        assert choice.routed.why == ("score" if preferred else "explored")
    assert sum(choice.propensities) == pytest.approx(1)
    for name, share in zip(choice.eligible, choice.propensities, strict=True):
        assert seen[name] / seeds == pytest.approx(share, abs=2 / seeds)


def up(**changes) -> RouterWeights:
    """Weights that send everything to the strong side."""
    given_ = {"threshold": 0.0, "intercept": 1.0, "idf": (1.0,), "weights": (0.0,), **changes}
    return RouterWeights(strong="large", weak="small", **given_)


def test_the_weak_answers_while_the_strong_are_down() -> None:
    """Breakers close both strong targets: the weak is eligible alone, certain, and the record says what was wanted."""
    policy = policy_of(up())
    conditions = conditions_of(policy)
    for name in ("big", "huge"):
        conditions.of(name).circuit.trip(2.0)
    choice = decide(policy, "plan", conditions)
    assert (choice.chosen, choice.eligible, choice.propensities) == ("small", ("small",), (1.0,))
    assert (choice.routed.wanted, choice.routed.why, choice.routed.score) == ("strong", "unavailable", 1.0)
    conditions.of("small").circuit.trip(2.0)
    assert decide(policy, "plan", conditions) == "circuit_open"


def test_the_weak_answers_where_the_strong_would_be_too_slow() -> None:
    """A preference is no command: a queue that breaks the latency target sends the prompt to who can keep it."""
    policy = policy_of(up())
    conditions = conditions_of(policy)
    for name in ("big", "huge"):
        conditions.of(name).prefill.queued = 5_000
    choice = decide(policy, "plan", conditions)
    assert (choice.chosen, choice.routed.why) == ("small", "slow")
    conditions.of("small").prefill.queued = 5_000
    assert decide(policy, "plan", conditions).chosen in ("big", "huge")


@given(weights(), st.sampled_from(["embedding", "infer", "decide"]), st.binary(max_size=40))
def test_without_a_prompt_the_strong_answer(found, protocol, body) -> None:
    """Embeddings and tensors have no words, nor has what cannot be read: the safe side, and the record has no score."""
    assert said_in(protocol, body) is None
    assume(said_in("chat", body) is None)
    choice = decide(policy_of(found), said_in("chat", body))
    assert choice.chosen in ("big", "huge")
    assert (choice.routed.score, choice.routed.why) == (None, "no_prompt")


def test_an_arm_without_the_wanted_side_answers_with_what_it_has() -> None:
    """Weights choose the arm, so an experiment stays one; the side is a choice within it."""
    targets = (
        RouteTarget(deployment="small", arm="a"),
        RouteTarget(deployment="big", arm="b"),
        RouteTarget(deployment="huge", arm="b"),
    )
    policy = policy_of(up(), targets=targets)
    first, last = decide(policy, "plan", seed=0), decide(policy, "plan", seed=2**63 - 1)
    assert (first.chosen, first.arm, first.routed.why) == ("small", "a", "unavailable")
    assert (last.arm, last.routed.why) == ("b", "score")
    assert first.propensities == last.propensities == (pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3))


CHATS = [
    ([{"role": "user", "content": "one"}, {"role": "assistant", "content": "no"}], "one"),
    ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "two"),
    ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}},
                                   {"type": "text", "text": "b"}]}], "a\nb"),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], None),
    ([{"role": "user", "content": None}], None),
    ([{"role": "user"}], None),
    ([{"role": "user", "content": 7}], None),
    ([{"role": 7, "content": "x"}], None),
    ([{"content": "x"}], None),
    ([], None),
    ([7], None),
    ([{"role": "user", "content": "x" * 9_000}], "x" * MOST_CHARACTERS),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "said"), CHATS)
def test_of_a_chat_the_last_user_s_words_are_scored(messages, said) -> None:
    """Whatever stands around them; text that is no text is none, and never an error."""
    assert said_in("chat", json.dumps({"messages": messages}).encode()) == said


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("one", "one"),
        (["one", "two"], "one\ntwo"),
        ([1, 2], None),
        ([[1], [2]], None),
        ("y" * 9_000, "y" * MOST_CHARACTERS),
    ],
)
def test_of_a_completion_the_prompt_is_scored(prompt, said) -> None:
    """A text, or several a line each; tokens are no words."""
    assert said_in("completion", json.dumps({"prompt": prompt}).encode()) == said


@given(weights())
def test_packed_weights_are_the_weights(found) -> None:
    """Packing and unpacking gives every number back, bit for bit, through JSON as well."""
    through = msgspec.json.decode(msgspec.json.encode(packed(found)), type=type(packed(found)))
    assert unpacked(through, strong="large", weak="small", threshold=found.threshold) == found


@given(weights(), st.sampled_from(["places", "idf", "weights"]))
def test_a_lock_with_broken_weights_is_refused(found, field) -> None:
    """Bytes are missing: the worker keeps the policy it has, and says whose route it was."""
    policy = policy_of(msgspec.structs.replace(found, weights=(1.0, *found.weights[1:])))
    route = policy.use_cases[0].route
    cut = msgspec.structs.replace(route.router.packed, **{field: getattr(route.router.packed, field)[:-1]})
    route = msgspec.structs.replace(route, router=msgspec.structs.replace(route.router, packed=cut))
    broken = msgspec.structs.replace(policy, use_cases=(msgspec.structs.replace(policy.use_cases[0], route=route),))
    with pytest.raises(PolicyError, match="the route of use case 'u': packed weights have"):
        index(broken)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"router": msgspec.UNSET}, "'learned' and no router"),
        ({"strategy": "fixed"}, "'fixed' and a router"),
        ({"targets": (RouteTarget(deployment="small"), RouteTarget(deployment="big"))}, None),
    ],
)
def test_a_lock_that_contradicts_itself_is_refused(changes, told) -> None:
    """A learned route has a router and no other has one; a router may know of targets that are gone."""
    policy = policy_of(up(), **changes)
    if told is None:
        assert index(policy).judges["u"].strong == {"big", "huge"}
        return
    with pytest.raises(PolicyError, match=told):
        index(policy)


def test_a_target_of_no_side_is_refused() -> None:
    """It could never be the one that is wanted."""
    policy = policy_of(up(), targets=(RouteTarget(deployment="small"), RouteTarget(deployment="big")))
    route = policy.use_cases[0].route
    route = msgspec.structs.replace(route, router=msgspec.structs.replace(route.router, strong=()))
    with pytest.raises(PolicyError, match="target 'big'"):
        index(msgspec.structs.replace(policy, use_cases=(UseCase(name="u", route=route),)))
