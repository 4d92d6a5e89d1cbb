"""The request core under every sequence of faults: requests and money are conserved, one ending each."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.core import begin, step
from breakeven.gateway.decision.event import (
    Began,
    Broke,
    Completed,
    End,
    Hit,
    Late,
    Left,
    LookUp,
    Missed,
    Observed,
    Send,
)
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.record import predictions
from breakeven.gateway.decision.request import Request, seed_of, use_case_of
from breakeven.gateway.decision.route import choose, sticky_seed
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.schema.policy import (
    Backend,
    CapacityPrice,
    Policy,
    PolicyDeployment,
    Route,
    RouteTarget,
    TokenPrice,
    UseCase,
    WorkCurve,
)
from breakeven.schema.record import Prediction, Tokens

PRICE = TokenPrice(price_id="t", input_pico_usd=3, output_pico_usd=7, request_pico_usd=1)
CAPACITY = CapacityPrice(price_id="c", replicas=2, pico_usd_per_replica_s=10**9)
WORK = WorkCurve(prefill_s_per_token=1e-4, tpot_s=((1.0, 0.01),), row_s=1e-5)
TARGETS = (RouteTarget(deployment="a", weight=1, arm="A"), RouteTarget(deployment="b", weight=3, arm="B"))
ANSWERED = frozenset({"answered", "cached", "fallback"})

steps = st.lists(st.sampled_from(["cached", "default", "error"]), max_size=4).map(tuple)
seconds = st.floats(0, 2, allow_nan=False)
tokens = st.none() | st.builds(
    Tokens, input=st.integers(0, 999), cached_input=st.integers(0, 99), output=st.integers(0, 999)
)


@st.composite
def policies(draw) -> Policy:
    use_case = UseCase(
        name="u",
        route=Route(strategy=draw(st.sampled_from(sorted(STRATEGIES))), targets=TARGETS if draw(st.booleans()) else ()),
        budget_s=draw(st.none() | st.floats(0.01, 3)),
        ttft_s=draw(st.none() | seconds),
        tpot_s=draw(st.none() | seconds),
        failure=draw(steps),
        default_body=draw(st.sampled_from(["", "sorry"])),
        cache_ttl_s=draw(st.sampled_from([0.0, 60.0])),
    )
    deployments = (
        PolicyDeployment(name="a", backend="x", tokens=draw(st.sampled_from([None, PRICE]))),
        PolicyDeployment(name="b", backend="x", model="m", capacity=CAPACITY, work=draw(st.sampled_from([None, WORK]))),
    )
    backend = Backend(name="x", kind="openai", base_url="http://x", api_key_env=draw(st.sampled_from(["", "K"])))
    return Policy(id="p", use_cases=(use_case,), deployments=deployments, backends=(backend,), default_use_case="u")


@st.composite
def requests(draw, use_case: UseCase) -> Request:
    count = draw(st.integers(1, 5))
    return Request(
        request_id="r",
        prediction_ids=tuple(f"p{number}" for number in range(count)),
        protocol="chat",
        use_case=use_case,
        tenant="default",
        contract=Contract(deadline_s=draw(st.none() | st.floats(0, 3))),
        time_s=1.0,
        received_s=100.0,
        subjects=tuple(f"s{number}" for number in range(count)),
        seed=draw(st.integers(0, 2**63 - 1)),
        stream=draw(st.booleans()),
        rows=draw(st.integers(0, 50)),
        body_bytes=draw(st.integers(0, 5000)),
    )


@st.composite
def observations(draw, now: float) -> Observed:
    first = draw(st.none() | st.floats(100, now))
    return Observed(
        http_status=draw(st.sampled_from([0, 200, 400, 401, 404, 429, 500])),
        usage=draw(tokens),
        chunks=draw(st.integers(0, 99)),
        first_token_s=first,
        last_token_s=None if first is None else draw(st.floats(first, now)),
        in_flight=draw(st.floats(0, 40)),
        accepted=draw(st.booleans()),
    )


def next_event(draw, action, phase: str, now: float):
    """Any event that may follow an action, faults included."""
    observed = draw(observations(now))
    late, left = Late(observed=observed), Left(observed=observed)
    if isinstance(action, LookUp):
        return draw(st.sampled_from([Hit(tokens=Tokens(input=5, output=2)), Missed(), late, left]))
    outcome, reason = draw(
        st.sampled_from([("error", "upstream_500"), ("timeout", "timeout"), ("unreachable", "unreachable")])
    )
    broke = Broke(outcome=outcome, reason=reason, observed=observed)
    done = Completed(observed=msgspec.structs.replace(observed, http_status=200, accepted=True))
    return draw(
        st.sampled_from([Began(), done, broke, late, left] if phase == "sending" else [done, broke, late, left])
    )


@st.composite
def walks(draw) -> tuple[Policy, Request, list, End, tuple[Prediction, ...]]:
    """A request driven to its end by generated faults."""
    policy = draw(policies())
    request = draw(requests(policy.use_cases[0]))
    now = 100.0
    state, action = begin(index(policy), request, now)
    actions = [action]
    while not isinstance(action, End):
        now += draw(st.floats(0, 1))
        state, action = step(state, next_event(draw, action, state.phase, now), now)
        actions.append(action)
    return policy, request, actions, action, predictions(state, action, node="n", sequence=7, now=now)


@given(walks())
def test_every_request_ends_once_with_one_record_each(walk) -> None:
    """Invariant 1: arrived = answered + cached + fallback + refused + failed + cancelled, one record per prediction."""
    _, request, actions, end, found = walk
    assert sum(isinstance(action, End) for action in actions) == 1
    assert [one.prediction_id for one in found] == list(request.prediction_ids)
    assert {one.status for one in found} == {end.status}
    assert [one.sequence for one in found] == list(range(7, 7 + len(found)))
    assert [one.subject for one in found] == list(request.subjects)


@given(walks())
def test_at_most_one_send_and_bounded_steps(walk) -> None:
    """However faults fall, one request is sent upstream at most once, and the chain is walked once."""
    policy, _, actions, _, found = walk
    assert sum(isinstance(action, Send) for action in actions) <= 1
    assert len(actions) <= 4 + len(policy.use_cases[0].failure)
    assert len([one for one in found[0].attempts if one.kind == "primary"]) <= 1


@given(walks())
def test_money_is_split_without_remainder(walk) -> None:
    """Invariant 2: the parts of cost and rows are integers that sum to the whole; unpriced stays unpriced."""
    policy, request, _, _, found = walk
    assert sum(one.rows_scored for one in found) == request.rows
    costs = {one.cost_pico_usd is None for one in found}
    assert len(costs) == 1
    deployment = {one.name: one for one in policy.deployments}.get(found[0].deployment)
    if costs == {True}:
        assert deployment is not None
        assert deployment.tokens is None
        assert deployment.work is None
    else:
        total = sum(one.cost_pico_usd for one in found)
        assert total >= 0
        if deployment is not None and deployment.tokens and found[0].consumed != Tokens():
            used = found[0].consumed
            assert total == used.input * 3 + used.output * 7 + 1


@given(walks())
def test_nothing_is_charged_that_was_not_sent(walk) -> None:
    """Refused, cached and unsent requests cost nothing and consumed nothing."""
    _, _, actions, _, found = walk
    if not any(isinstance(action, Send) for action in actions):
        assert all(one.cost_pico_usd == 0 and one.consumed == Tokens() and one.work_s is None for one in found)
        assert {one.deployment for one in found} == {""}


@given(walks())
def test_in_budget_is_never_claimed_for_a_non_answer(walk) -> None:
    """Only delivered answers inside every stated target are in budget; a plain answer has no stream targets."""
    _, request, _, end, found = walk
    for one in found:
        assert not one.in_budget or (end.status in ANSWERED and (one.budget_s is None or one.total_s <= one.budget_s))
        if not request.stream:
            assert (one.ttft_s, one.ttft_target_s, one.tpot_target_s) == (None, None, None)


@given(walks())
def test_durations_are_causal(walk) -> None:
    """Stages sum to the total, none is negative, and attempts lie inside the request."""
    *_, found = walk
    one = found[0]
    assert sum(one.stages.values()) == pytest.approx(one.total_s)
    assert all(seconds >= 0 for seconds in one.stages.values())
    assert all(tried.start_s >= 0 and tried.start_s + tried.duration_s <= one.total_s + 1e-9 for tried in one.attempts)


@given(walks())
def test_the_choice_can_be_evaluated_later(walk) -> None:
    """Eligible set, propensities, chosen and seed are recorded, propensities sum to 1, and the seed repeats it."""
    policy, _, _, _, found = walk
    one, route = found[0], policy.use_cases[0].route
    if not route.targets:
        assert (one.eligible, one.chosen, one.arm) == ((), "", "")
        return
    assert one.eligible == ("a", "b")
    assert sum(one.propensities) == pytest.approx(1)
    again = choose(route, route.targets, seed=one.seed)
    assert (again.chosen, again.arm) == (one.chosen, one.arm)
    assert one.propensities[one.eligible.index(one.chosen)] > 0


@given(walks(), st.sampled_from([Missed(), Began(), Late(), Left()]))
def test_nothing_happens_after_the_end(walk, event) -> None:
    """An event after the end is a fault of the shell and is refused, so that no second record can be made."""
    policy, request, *_ = walk
    state, action = begin(index(policy), request, 100.0)
    while not isinstance(action, End):
        state, action = step(state, Left(), 100.5)
    with pytest.raises(ValueError, match="after the end"):
        step(state, event, 101.0)


@given(policies(), st.data())
def test_the_same_request_gives_the_same_bytes(policy, data) -> None:
    """Invariant 7: same policy, request, events and clock, same records."""
    request = data.draw(requests(policy.use_cases[0]))

    def once() -> bytes:
        state, action = begin(index(policy), request, 100.0)
        while not isinstance(action, End):
            event = Missed() if isinstance(action, LookUp) else Completed(observed=Observed(accepted=True, chunks=3))
            state, action = step(state, event, 100.5)
        return msgspec.msgpack.encode(predictions(state, action, node="n", sequence=1, now=101.0))

    assert once() == once()


def test_weights_are_met_by_hashing_subjects() -> None:
    """Over many subjects the sticky hash gives each arm its share: 3 of 4 within five standard errors."""
    route = Route(strategy="weighted", targets=TARGETS)
    n = 4000
    chosen = [choose(route, TARGETS, seed=sticky_seed("u", f"subject-{number}")).arm for number in range(n)]
    assert abs(chosen.count("B") / n - 0.75) < 5 * (0.75 * 0.25 / n) ** 0.5


def test_a_subject_keeps_its_arm_and_use_cases_differ() -> None:
    """Sticky: subject, else session, else request; not sticky: always the request. The use case salts the hash."""
    sticky = UseCase(name="u", route=Route(strategy="weighted", targets=TARGETS))
    loose = msgspec.structs.replace(sticky, route=msgspec.structs.replace(sticky.route, sticky=False))

    def seed(use_case, subject="", session="", request="r1"):
        return seed_of(use_case, subject=subject, session=session, request_id=request)

    assert seed(sticky, "s", "x", "r1") == seed(sticky, "s", "y", "r2")
    assert seed(sticky, "", "x", "r1") == seed(sticky, "", "x", "r2")
    assert seed(sticky, "", "", "r1") != seed(sticky, "", "", "r2")
    assert seed(loose, "s", "x", "r1") != seed(loose, "s", "x", "r2")
    assert sticky_seed("u", "s") != sticky_seed("v", "s")
    assert 0 <= sticky_seed("u", "s") < 2**63


def test_a_fallback_gets_time_to_arrive() -> None:
    """With a chain that delivers, the attempt is cut a tenth (at most 10 ms) before the budget; without, at it."""
    policy = Policy(
        id="p",
        use_cases=(UseCase(name="u", route=Route(strategy="fixed", targets=TARGETS), budget_s=0.05),),
        deployments=(PolicyDeployment(name="a", backend="x"), PolicyDeployment(name="b", backend="x")),
        backends=(Backend(name="x", kind="openai"),),
    )
    for failure, late_at in ((("error",), 100.05), (("default", "error"), 100.045), (("cached",), 100.045)):
        use_case = msgspec.structs.replace(policy.use_cases[0], failure=failure)
        request = Request(
            request_id="r", prediction_ids=("p",), protocol="chat", use_case=use_case, tenant="default",
            contract=Contract(), time_s=1.0, received_s=100.0,
        )  # fmt: skip
        _, action = begin(index(policy), request, 100.0)
        assert action.late_at == pytest.approx(late_at)


def test_the_use_case_is_found_by_header_then_model_then_default() -> None:
    """An explicit name wins over the model's, the model's over the default."""
    route = Route(strategy="fixed", targets=())
    cases = (
        UseCase(name="a", route=route, models=("m",)),
        UseCase(name="b", route=route),
        UseCase(name="c", route=route),
    )
    found = index(Policy(id="p", use_cases=cases, deployments=(), backends=(), default_use_case="c"))
    assert use_case_of(found, Contract(use_case="b"), "m").name == "b"
    assert use_case_of(found, Contract(), "m").name == "a"
    assert use_case_of(found, Contract(), "other").name == "c"
