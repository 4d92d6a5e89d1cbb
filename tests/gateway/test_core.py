"""The request core under every sequence of faults: requests and money are conserved, one ending each."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.allowance import allowances
from breakeven.gateway.decision.choosing import choose
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.core import begin, step
from breakeven.gateway.decision.event import (
    Began,
    Broke,
    Completed,
    Cut,
    End,
    Grew,
    Hit,
    Late,
    Lease,
    Leased,
    Left,
    LookUp,
    Missed,
    Observed,
    Pause,
    Send,
    Slow,
    Woke,
)
from breakeven.gateway.decision.holding import settle
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.purse import Purse, heap_cells
from breakeven.gateway.decision.record import predictions
from breakeven.gateway.decision.request import Request, seed_of, use_case_of
from breakeven.gateway.decision.route import SEED_BITS, sticky_seed
from breakeven.gateway.decision.strategy.option import Option
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.metric.routing_pack import packed
from breakeven.schema.lever import RouterWeights
from breakeven.schema.policy import (
    Backend,
    Budget,
    CapacityPrice,
    Hedge,
    Policy,
    PolicyDeployment,
    Quota,
    Retry,
    Route,
    RouteTarget,
    Rule,
    Tenant,
    TokenPrice,
    UseCase,
    WorkCurve,
)
from breakeven.schema.record import Tokens
from breakeven.schema.routing import Router

PRICE = TokenPrice(price_id="t", input_pico_usd=3, output_pico_usd=7, request_pico_usd=1)
CAPACITY = CapacityPrice(price_id="c", replicas=2, pico_usd_per_replica_s=10**9)
WORK = WorkCurve(prefill_s_per_token=1e-4, tpot_s=((1.0, 0.01),), row_s=1e-5)
TARGETS = (RouteTarget(deployment="a", weight=1, arm="A"), RouteTarget(deployment="b", weight=3, arm="B"))
ONE_ARM = (RouteTarget(deployment="a", weight=1), RouteTarget(deployment="b", weight=3))
ANSWERED = frozenset({"answered", "cached", "fallback"})
STEPS = ["cached", "default", "error", "rules", "segment", "deployment:a", "deployment:c"]

steps = st.lists(st.sampled_from(STEPS), max_size=5).map(tuple)
seconds = st.floats(0, 2, allow_nan=False)
tokens = st.none() | st.builds(
    Tokens, input=st.integers(0, 999), cached_input=st.integers(0, 99), output=st.integers(0, 999)
)


ROUTER = Router(
    strong=("a",),
    weak=("b",),
    threshold=0.2,
    packed=packed(
        RouterWeights(strong="a", weak="b", threshold=0.2, intercept=0.0, idf=(1.0,) * 8, weights=(0.5, -0.5) * 4)
    ),
)
"""Words of even buckets go to a, of odd ones to b."""


@st.composite
def policies(draw) -> Policy:
    strategy = draw(st.sampled_from(sorted(STRATEGIES)))
    use_case = UseCase(
        name="u",
        route=Route(
            strategy=strategy,
            router=ROUTER if strategy == "learned" else msgspec.UNSET,
            targets=draw(st.sampled_from([TARGETS, ONE_ARM, ()])),
            explore=draw(st.sampled_from([0.0, 0.2])),
        ),
        tier=draw(st.sampled_from(["critical", "important", "opportunistic"])),
        budget_s=draw(st.none() | st.floats(0.01, 3)),
        ttft_s=draw(st.none() | seconds),
        tpot_s=draw(st.none() | seconds),
        failure=draw(steps),
        default_body=draw(st.sampled_from(["", "sorry"])),
        rules=draw(st.sampled_from([(), (Rule(answer="rule"),)])),
        retry=draw(st.sampled_from([None, Retry(ratio=1.0, attempts=3)])),
        hedge=draw(st.sampled_from([None, Hedge(ratio=1.0, after_s=0.01)])),
        cache_ttl_s=draw(st.sampled_from([0.0, 60.0])),
        max_output_tokens=draw(st.sampled_from([0, 50])),
    )
    deployments = (
        PolicyDeployment(name="a", backend="x", tokens=draw(st.sampled_from([None, PRICE]))),
        PolicyDeployment(name="b", backend="x", model="m", capacity=CAPACITY, work=draw(st.sampled_from([None, WORK]))),
        PolicyDeployment(name="c", backend="x", tokens=PRICE),
    )
    backend = Backend(name="x", kind="openai", base_url="http://x", api_key_env=draw(st.sampled_from(["", "K"])))
    budget = Budget(
        name="money",
        limit_pico_usd=draw(st.sampled_from([0, 2_000, 10**15])),
        hard=draw(st.booleans()),
        on_exhausted=draw(st.sampled_from(["refuse", "cap", "fallback"])),
    )
    quota = Quota(requests_per_day=draw(st.sampled_from([0, 1])))
    return Policy(
        id="p",
        use_cases=(use_case,),
        deployments=deployments,
        backends=(backend,),
        budgets=(budget,) if draw(st.booleans()) else (),
        tenants=(Tenant(name="default", quota=quota),),
        default_use_case="u",
    )


@st.composite
def requests(draw, use_case: UseCase) -> Request:
    count = draw(st.integers(1, 5))
    size = draw(st.integers(0, 5000))
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
        body_bytes=size,
        input_bound=size + 64,
        input_estimate=size // 4,
        output_limit=draw(st.none() | st.integers(0, 900)),
        cached=draw(st.booleans()),
        said=draw(st.sampled_from([None, "", "plan a trip", "look it up"])),
    )


@st.composite
def observations(draw, now: float, statuses=(0, 200, 400, 401, 404, 429, 500)) -> Observed:
    first = draw(st.none() | st.floats(100, now))
    return Observed(
        http_status=draw(st.sampled_from(statuses)),
        usage=draw(tokens),
        chunks=draw(st.integers(0, 99)),
        first_token_s=first,
        last_token_s=None if first is None else draw(st.floats(first, now)),
        in_flight=draw(st.floats(0, 40)),
        accepted=draw(st.booleans()),
    )


def leased(draw, action: Lease) -> Leased:
    """The store gives what is asked for, or less than all."""
    granted = draw(st.booleans())
    if granted:
        action.purse.grant(max(0, action.amount - action.purse.free))
    return Leased(granted=granted)


FAILURES = [
    ("error", "upstream_500"),
    ("timeout", "timeout"),
    ("unreachable", "unreachable"),
    ("error", "upstream_400"),
]


def next_event(draw, state, action, now: float):
    """Any event that may follow an action, faults included."""
    running = tuple((one.attempt, draw(observations(now))) for one in state.running)
    late, left = Late(running=running), Left(running=running)
    if isinstance(action, LookUp):
        return draw(st.sampled_from([Hit(tokens=Tokens(input=5, output=2)), Missed()]))
    if isinstance(action, Lease):
        return leased(draw, action) if draw(st.integers(0, 3)) else draw(st.sampled_from([late, left]))
    if isinstance(action, Pause):
        return draw(st.sampled_from([Woke(), Woke(), late, left]))
    attempt, observed = draw(st.sampled_from(running))
    if isinstance(action, Cut):
        return Broke(attempt=attempt, outcome="error", reason="budget_exhausted", observed=observed)
    outcome, reason = draw(st.sampled_from(FAILURES))
    broke = Broke(
        attempt=attempt, outcome=outcome, reason=reason, observed=observed,
        retry_after_s=draw(st.sampled_from([None, 1.0])),
    )  # fmt: skip
    others = tuple(one for one in running if one[0] != attempt)
    good = msgspec.structs.replace(observed, http_status=200, accepted=True)
    done = Completed(attempt=attempt, observed=good, others=others)
    events = [done, broke, late, left]
    if state.phase == "sending":
        events += [Slow()] + ([Began(attempt=attempt, others=others)] if state.request.stream else [])
    elif state.running[0].paid_output is not None:
        events.append(Grew(chunks=state.running[0].paid_output + 1))
    return draw(st.sampled_from(events))


@st.composite
def walks(draw):
    """A request driven to its end by generated faults."""
    policy = draw(policies())
    request = draw(requests(policy.use_cases[0]))
    conditions = Conditions()
    conditions.adopt(policy)
    purses = tuple(Purse(one, heap_cells()) for one in allowances(policy).of("default", "u"))
    now = 100.0
    state, action = begin(conditions, index(policy), request, now, purses)
    actions = [action]
    while not isinstance(action, End):
        now += draw(st.floats(0, 1))
        state, action = step(conditions, state, next_event(draw, state, action, now), now)
        actions.append(action)
    found = predictions(state, action, node="n", sequence=7, now=now)
    cost = [one.cost_pico_usd for one in found]
    used = found[0].consumed
    settle(state, cost_pico_usd=sum(one or 0 for one in cost), tokens=used.input + used.output)
    walks.conditions, walks.purses, walks.state = conditions, purses, state
    return policy, request, actions, action, found


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
def test_attempts_are_bounded_and_told(walk) -> None:
    """One primary, as many tries as the rule says, one hedge, and each other deployment of the chain once."""
    policy, _, actions, _, found = walk
    use_case = policy.use_cases[0]
    sends = [action for action in actions if isinstance(action, Send)]
    tries = use_case.retry.attempts if use_case.retry else 1
    chain = [step for step in use_case.failure if step.startswith("deployment:")]
    assert len(sends) <= tries + bool(use_case.hedge) + len(chain)
    told = [one for one in found[0].attempts if one.deployment and one.outcome != "skipped"]
    assert sorted(one.deployment for one in told) == sorted(one.deployment for one in sends)
    assert len([one for one in told if one.kind == "primary"]) <= 1
    assert len([one for one in told if one.kind == "hedge"]) <= 1
    assert sorted(one.attempt for one in sends) == list(range(len(sends)))


@given(walks())
def test_nothing_is_held_after_the_end(walk) -> None:
    """Every purse has back what it held, every load is at rest; what is spent is what the records cost.

    A hard budget takes an attempt that was given up, and whose server did not say what it used, for all that was held.
    """
    *_, found = walk
    costs = [one.cost_pico_usd for one in found]
    for purse in walks.purses:
        assert purse.reserved == 0
        if purse.allowance.kind == "money" and any(hold.purse is purse for hold in walks.state.holds):
            cost = sum(one or 0 for one in costs)
            given_up = [one for one in walks.state.tried if one.outcome != "ok" and one.observed.accepted]
            told = walks.state.request.stream or all(one.observed.usage is not None for one in given_up)
            assert purse.spent == cost if told or not purse.allowance.hard else purse.spent >= cost
    assert all(one.progress.waiting == 0 and one.prefill.queued == 0 for one in walks.conditions.standings.values())


@given(walks())
def test_a_hard_budget_sends_nothing_it_cannot_pay(walk) -> None:
    """Invariant 4: every attempt under a hard budget has money held for it, and its output is bounded."""
    policy, request, actions, _, _ = walk
    if not any(one.hard for one in policy.budgets):
        return
    held = {hold.attempt for hold in walks.state.holds if hold.kind == "money"}
    for send in (action for action in actions if isinstance(action, Send)):
        assert send.attempt in held
        assert request.output_limit is not None or "max_tokens" in (send.fields or {})


@given(walks())
def test_money_is_split_without_remainder(walk) -> None:
    """Invariant 2: the parts of cost and rows are integers that sum to the whole; unpriced stays unpriced."""
    policy, request, _, _, found = walk
    assert sum(one.rows_scored for one in found) == request.rows
    assert len({one.cost_pico_usd is None for one in found}) == 1
    deployments = {one.name: one for one in policy.deployments}
    accepted = [one for one in walks.state.tried if one.observed.accepted]
    if found[0].cost_pico_usd is None:
        asked = [deployments[one.deployment] for one in accepted]
        assert any(one.tokens is None and one.work is None for one in asked) or deployments["b"].work is None
        return
    if all(deployments[one.deployment].tokens for one in accepted):
        assert sum(one.cost_pico_usd for one in found) == len(accepted) * 1 + (
            found[0].consumed.input * 3 + found[0].consumed.output * 7
        )


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
    assert sum(one.stages.values()) == pytest.approx(one.total_s, abs=3e-6)
    assert all(seconds >= 0 for seconds in one.stages.values())
    assert all(tried.start_s >= 0 and tried.start_s + tried.duration_s <= one.total_s + 2e-6 for tried in one.attempts)


@given(walks())
def test_the_choice_can_be_evaluated_later(walk) -> None:
    """Eligible set, propensities, chosen and seed are recorded; propensities sum to 1, and the chosen has one."""
    *_, found = walk
    one = found[0]
    if not one.chosen:
        assert (one.eligible, one.arm) == ((), "")
        return
    assert set(one.eligible) <= {"a", "b"}
    assert sum(one.propensities) == pytest.approx(1)
    assert one.propensities[one.eligible.index(one.chosen)] > 0


@given(walks(), st.sampled_from([Missed(), Began(attempt=0), Late(), Left(), Woke(), Leased(granted=True)]))
def test_nothing_happens_after_the_end(walk, event) -> None:
    """An event after the end is a fault of the shell and is refused, so that no second record can be made."""
    del walk
    with pytest.raises(ValueError, match="after the end"):
        step(walks.conditions, walks.state, event, 10_000.0)


@given(policies(), st.data())
def test_the_same_request_gives_the_same_bytes(policy, data) -> None:
    """Invariant 7: same policy, conditions, request, events and clock, same records."""
    request = data.draw(requests(policy.use_cases[0]))

    def once() -> bytes:
        conditions = Conditions()
        state, action = begin(conditions, index(policy), request, 100.0)
        while not isinstance(action, End):
            seen = Observed(accepted=True, chunks=3)
            event = Missed() if isinstance(action, LookUp) else Completed(attempt=state.sent - 1, observed=seen)
            state, action = step(conditions, state, event, 100.5)
        return msgspec.msgpack.encode(predictions(state, action, node="n", sequence=1, now=101.0))

    assert once() == once()


def test_weights_are_met_by_hashing_subjects() -> None:
    """Over many subjects the sticky hash gives each arm its share: 3 of 4 within five standard errors."""
    options = [Option(deployment=one.deployment, arm=one.arm, weight=one.weight) for one in TARGETS]
    n = 4000
    seeds = [sticky_seed("u", f"subject-{number}") for number in range(n)]
    chosen = [options[choose("weighted", options, draw=seed / (1 << SEED_BITS))[0]].arm for seed in seeds]
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
        _, action = begin(Conditions(), index(policy), request, 100.0)
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


def burst(conditions, found, now: float, count: int, takes_s: float) -> list[End]:
    """So many requests at once, each answered after `takes_s` by 32 tokens; how they ended."""
    load = conditions.of("a").load
    ends, waiting = [], []
    for number in range(count):
        request = Request(
            request_id=f"r{number}", prediction_ids=("p",), protocol="chat", use_case=found.use_cases["u"],
            tenant="default", contract=Contract(), time_s=1.0, received_s=now,
        )  # fmt: skip
        state, action = begin(conditions, found, request, now)
        if isinstance(action, End):
            ends.append(action)
        else:
            waiting.append((state, load.enter(now)))
    for state, ticket in waiting:
        in_flight = load.leave(ticket, now + takes_s)
        seen = Observed(http_status=200, accepted=True, usage=Tokens(input=9, output=32), in_flight=in_flight)
        ends.append(step(conditions, state, Completed(attempt=0, observed=seen), now + takes_s)[1])
    return ends


@pytest.mark.parametrize(("lag_s", "slow_s", "sheds"), [(0.0, 0.015, False), (0.05, 0.15, False), (0.0, 0.15, True)])
def test_what_waits_for_the_gateway_itself_is_no_queue_at_the_server(lag_s, slow_s, sheds) -> None:
    """64 at once wait far longer than one alone: within 20 ms and three lags of the loop nobody is shed for it."""
    route = Route(strategy="fixed", targets=(RouteTarget(deployment="a"),))
    found = index(
        Policy(
            id="p",
            use_cases=(UseCase(name="u", route=route),),
            deployments=(PolicyDeployment(name="a", backend="x"),),
            backends=(Backend(name="x", kind="openai"),),
        )
    )
    conditions = Conditions()
    conditions.lag_s = lag_s
    now = 100.0
    for _ in range(500):
        burst(conditions, found, now, 1, 0.0003)
        now += 0.001
    ends = []
    for _ in range(100):
        ends += burst(conditions, found, now, 64, slow_s)
        now += slow_s
    assert any(end.reason == "overload" for end in ends) == sheds
