"""Few requests are one sample of the demand: what keeps its targets on them only by luck gets more replicas."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.evaluate import evaluate
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.sample import MAY_MISS, Samples
from breakeven.planner.speed import Kept, Speeds
from breakeven.planner.sure import BINDING, surely
from breakeven.planner.weigh import Scales
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

SCOPE = Scope(
    models=("llama-3.1-8b",), as_of="2026-11-24", accelerators=("l40s",), engines=("vllm",), precisions=("fp16",),
    chunks=(2048,),
)  # fmt: skip
Asks = Callable[..., Question]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def bursts(n: int = 160, seed: int = 5, rate: float = 1.7735) -> Trace:
    """Prompts that come in bursts: the rate is what one replica just carries, in this very sample."""
    gaps = np.random.default_rng(seed).gamma(0.3, 1.0, n)
    at = (np.cumsum(gaps) - gaps[0]) * (n / rate / (gaps.sum() - gaps[0]))
    prompts = np.random.default_rng(seed).integers(500, 4000, n)
    return Trace(
        name="bursts", arrival_s=pack(at.tolist()), input_tokens=pack(map(float, prompts)),
        output_tokens=pack([100.0] * n),
    )  # fmt: skip


def asked(question: Asks, trace: Trace, **targets: float) -> Question:
    """No window is busier than the mean, so that replicas are sized by bursts alone."""
    load = fit(trace, "assistant")
    load = msgspec.structs.replace(load, rate_p95_rps=load.rate_mean_rps)
    return msgspec.structs.replace(question(**targets), workload=load)


def scales_of(catalog: Catalog, question: Question, trace: Trace) -> Scales:
    speeds, base = Speeds(trace, Kept()), assumptions(catalog.assumptions(), "base")
    return Scales(catalog=catalog, assumptions=base, question=question, speeds=speeds, samples=Samples(speeds))


def one(catalog: Catalog, question: Question) -> Candidate:
    every = candidates(catalog, question, SCOPE)
    return next(
        each
        for each in every
        if each.curve is not None and not each.binding and each.offer is not None and each.offer.count == 1
    )


def weighed(candidate: Candidate, scales: Scales) -> tuple[Option, Option]:
    """As the trace alone says, and as its samples do."""
    plain = evaluate(candidate, scales.question, predict=scales.points, price=scales.bill)
    return plain, surely(plain, candidate, scales)


def test_replicas_keep_the_attainment_in_nine_of_ten_samples(catalog: Catalog, question: Asks) -> None:
    """No fewer than the trace alone asks for, the fewest that do, and one fewer would not."""
    trace = bursts()
    scales = scales_of(catalog, asked(question, trace), trace)
    candidate = one(catalog, scales.question)
    plain, sure = weighed(candidate, scales)
    assert sure.feasible
    assert sure.capacity is not None
    assert plain.capacity is not None
    assert sure.capacity.serving > plain.capacity.serving
    samples = Samples(scales.speeds)
    for replicas, kept in ((sure.capacity.serving, True), (sure.capacity.serving - 1, False)):
        shares = samples.shares(candidate, scales.question, replicas)
        missed = sum(share < scales.question.objective.attainment for share in shares)
        assert (missed <= MAY_MISS) is kept


def test_of_many_requests_nothing_more_is_asked(catalog: Catalog, question: Asks) -> None:
    """Requests that come evenly and are alike: every sample is the trace."""
    trace = Trace(
        name="even", arrival_s=pack(0.25 * k for k in range(400)), input_tokens=pack([800.0] * 400),
        output_tokens=pack([100.0] * 400),
    )  # fmt: skip
    scales = scales_of(catalog, asked(question, trace), trace)
    plain, sure = weighed(one(catalog, scales.question), scales)
    assert sure == plain


def test_a_number_that_stands_is_excluded_not_changed(catalog: Catalog, question: Asks) -> None:
    """Its owner holds it; that other samples miss is the constraint."""
    trace = bursts()
    scales = scales_of(catalog, asked(question, trace), trace)
    plain, _ = weighed(one(catalog, scales.question), scales)
    assert plain.capacity is not None
    deployment = msgspec.structs.replace(plain.deployment, replicas=plain.capacity.serving)
    fixed = msgspec.structs.replace(one(catalog, scales.question), deployment=deployment, fixed=True)
    _, sure = weighed(fixed, scales)
    assert not sure.feasible
    assert sure.binding.startswith(f"{BINDING}: ")
    assert sure.deployment.replicas == plain.capacity.serving


def share_of(plan: Plan) -> tuple[float, float, float]:
    figure = next(one.predicted for one in plan.promises if one.metric == "goodput_share")
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.value, figure.high


def test_the_plan_says_what_few_requests_did(catalog: Catalog, question: Asks) -> None:
    """The number of requests and of replicas is named; the promise's interval holds what samples reach."""
    trace = bursts()
    plan = make_plan(catalog, asked(question, trace), trace, SCOPE)
    said = next(text for text in plan.assumptions if "requests are few" in text)
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    assert chosen.capacity is not None
    assert f"{trace.n:,} requests" in said
    assert f"{chosen.capacity.serving} replicas" in said
    low, value, high = share_of(plan)
    assert low <= value <= high


def test_where_no_number_of_replicas_helps_the_plan_asks_for_more_requests(catalog: Catalog, question: Asks) -> None:
    """A few prompts are too long for any replica: whether more than a twentieth are, so few requests do not tell."""
    random = np.random.default_rng(5)
    long = random.permutation(np.arange(120) < 5)
    trace = Trace(
        name="long", arrival_s=pack(float(k) for k in range(120)), output_tokens=pack([20.0] * 120),
        input_tokens=pack(np.where(long, 60_000.0, 300.0).tolist()),
    )  # fmt: skip
    plan = make_plan(catalog, asked(question, trace, ttft_s=1.0), trace, SCOPE)
    said = next(text for text in plan.assumptions if "too few to promise" in text)
    assert "requests more would tell" in said
    low, value, _ = share_of(plan)
    assert low < plan.objective.attainment <= value
