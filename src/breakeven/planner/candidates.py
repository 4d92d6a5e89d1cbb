"""What could serve the models asked for: bought servers, rented accelerators, APIs and CPUs of the catalog.

The number is bounded before anything is simulated: what does not fit in memory goes; of each accelerator, term and size
the cheapest offer stays; of those, by closed forms, first the ones that are fast enough when idle, then the cheapest by
their capacity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.errors import FactError, InfeasibleError, UsageError
from breakeven.perf.batch_curve import BatchCurve
from breakeven.perf.curve import step_curve
from breakeven.perf.memory import budget
from breakeven.perf.steady import replica_rps
from breakeven.perf.step import prompt_s, step_s
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.planner.standing import speed_facts
from breakeven.schema.deployment import Deployment
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun, Placement
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.performance import StepCurve
from breakeven.schema.placed import Latency
from breakeven.schema.serving import Speculation

ROOM = 8
"""Requests of 95th-percentile length that should fit at once before a replica of more accelerators is considered."""

SIZES = (1, 2, 4, 8)
"""Accelerators per replica that are tried."""

PLACES: dict[OfferKind, Placement] = {"server_purchase": "on_prem", "accelerator_hour": "cloud", "cpu_hour": "cpu"}

LIFE_HOURS = 36 * 730.0
"""Spreads a purchase price over hours for ranking only; the bill depreciates properly."""


class Scope(Noun, frozen=True, kw_only=True):
    """What to look for.

    `rented`, `bought`, `apis` and `precision` bound the short list of `candidates`; a plan searches everything else.
    Empty tuples are no restriction. `qualities` are measured ones, by `model` (in the format it was published in) or
    `model/precision`; `lead_days` how long it takes until it serves, by placement or accelerator.

    Spot replicas are withdrawn `interruptions_per_hour` times an hour each, and replaced after `replaced_after_s`,
    start-up included; both are assumptions unless stated. `speculation` is weighed where its acceptance is stated,
    prefill and decode on instances of their own unless `apart` is False.

    `latencies` are those that were measured of APIs in use, by offer; an offer that states its own keeps it.

    With `batches` the one model is a classic one: seconds by requests in a batch, measured, by accelerator, by CPU
    ("cpu", one vCPU) or by offer.
    """

    models: tuple[str, ...]
    as_of: str
    rented: int = 8
    bought: int = 4
    apis: int = 4
    precision: str = "fp16"
    accelerators: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    chunks: tuple[int, ...] = (512, 2048, 8192)
    qualities: dict[str, float] = {}
    lead_days: dict[str, float] = {}
    interruptions_per_hour: float = 0.1
    replaced_after_s: float = 600.0
    speculation: Speculation | None = None
    apart: bool = True
    batches: dict[str, BatchCurve] = {}
    latencies: dict[str, Latency] = {}


def candidates(catalog: Catalog, question: Question, scope: Scope) -> tuple[Candidate, ...]:
    """Candidates by name for every model of the scope.

    A model without a sheet in the catalog can be had from an API only.

    Raises:
        FactError: the catalog knows neither a sheet nor an offer of a model.
    """
    found = [candidate for model in scope.models for candidate in _of_model(catalog, question, scope, model)]
    return tuple(sorted(found, key=lambda candidate: candidate.name))


def _of_model(catalog: Catalog, question: Question, scope: Scope, model_id: str) -> Iterator[Candidate]:
    apis = catalog.offers(on=scope.as_of, kind="api", model=model_id)
    yield from (of_api(offer) for offer in sorted(apis, key=lambda o: (_token_cost(o, question), o.id))[: scope.apis])
    if model_id not in catalog.model_heads and apis:
        return
    model = catalog.model(model_id)
    kinds: tuple[tuple[OfferKind, int], ...] = (("accelerator_hour", scope.rented), ("server_purchase", scope.bought))
    for kind, most in kinds:
        yield from _capacity(catalog, question, scope, model, kind, most)
    yield from (_on_cpu(model, offer, scope) for offer in catalog.offers(on=scope.as_of, kind="cpu_hour")[:1])


def _token_cost(offer: Offer, question: Question) -> float:
    load = question.workload
    into, out = offer.input_usd_per_mtok, offer.output_usd_per_mtok
    return math.inf if into is None or out is None else into * load.input_tokens_mean + out * load.output_tokens_mean


def of_api(offer: Offer) -> Candidate:
    """An API offer as a candidate; its speed is unknown until it is measured."""
    deployment = Deployment(id=offer.id, model=offer.model, placement="api", offer=offer.id)
    return Candidate(name=offer.id, deployment=deployment, offer=offer)


def name_of(model: Model, offer: Offer, scope: Scope) -> str:
    """The offer's id, behind the model's where there are several."""
    return offer.id if len(scope.models) == 1 else f"{model.id}/{offer.id}"


def _on_cpu(model: Model, offer: Offer, scope: Scope) -> Candidate:
    name = name_of(model, offer, scope)
    deployment = Deployment(id=name, model=model.id, placement="cpu", offer=offer.id)
    return Candidate(name=name, deployment=deployment, offer=offer)


class _Sized(Noun, frozen=True, kw_only=True):
    """An offer with a replica size: what it costs roughly, and what excludes it."""

    offer: Offer
    accelerators: int
    rough_usd_per_hour: float
    slow: bool = False
    doubled: bool = False
    curve: StepCurve | None = None
    binding: str = ""


def _capacity(
    catalog: Catalog, question: Question, scope: Scope, model: Model, kind: OfferKind, most: int
) -> Iterator[Candidate]:
    offers = [offer for offer in catalog.offers(on=scope.as_of, kind=kind) if _considered(offer, scope)]
    sized = [one for offer in offers for one in _sizes(catalog, question, scope, model, offer)]
    cheapest: dict[tuple[str, str, int], _Sized] = {}
    for one in sorted(sized, key=lambda o: (o.slow, o.doubled, o.rough_usd_per_hour, o.offer.count, o.offer.id)):
        cheapest.setdefault((one.offer.accelerator, one.offer.term, one.accelerators), one)
    fitting = [one for one in cheapest.values() if not one.binding]
    excluded = [one for one in cheapest.values() if one.binding]
    for one in (*fitting[:most], *excluded[: 1 if fitting else most]):
        yield _candidate(catalog, model, one, scope)


def _considered(offer: Offer, scope: Scope) -> bool:
    """Machines one can run: an accelerator is named, it stays, somebody answers for it, it is no bare card."""
    if not offer.accelerator or offer.term == "spot" or offer.basis == "market" or offer.id.startswith("card-"):
        return False
    return not scope.accelerators or offer.accelerator in scope.accelerators


def _sizes(catalog: Catalog, question: Question, scope: Scope, model: Model, offer: Offer) -> Iterator[_Sized]:
    """The smallest replica that has room, and one twice as large, which is faster."""
    accelerator = catalog.accelerator(offer.accelerator)
    possible = [size for size in SIZES if size <= offer.count]
    try:
        first = _smallest(model, accelerator, possible, question, scope.precision)
        for size in possible:
            if size in (first, 2 * first):
                one = _size(model, accelerator, offer, size, question, scope.precision)
                yield msgspec.structs.replace(one, doubled=size != first)
    except InfeasibleError as error:
        yield _Sized(offer=offer, accelerators=possible[-1], rough_usd_per_hour=0.0, binding=f"memory: {error.message}")
    except FactError:
        return


def _smallest(model: Model, accelerator: Accelerator, sizes: Sequence[int], question: Question, precision: str) -> int:
    """The smallest size with room for several long requests, else the largest if the weights fit it at all."""
    longest = question.workload.input_tokens_p95 + question.workload.output_tokens_p95
    for size in sizes:
        if _room(model, accelerator, size, precision, longest) >= ROOM:
            return size
    budget(model, accelerator, sizes[-1], precision)
    return sizes[-1]


def _room(model: Model, accelerator: Accelerator, size: int, precision: str, longest: float) -> int:
    try:
        return budget(model, accelerator, size, precision, context=longest).sequences
    except (InfeasibleError, UsageError):
        return 0


def _size(
    model: Model, accelerator: Accelerator, offer: Offer, size: int, question: Question, precision: str
) -> _Sized:
    load = question.workload
    context = load.input_tokens_mean + load.output_tokens_mean / 2
    curve = step_curve(model, accelerator, size, precision, context_mean=context)
    carried = replica_rps(curve, prompt=load.input_tokens_mean, output=load.output_tokens_mean)
    replicas = math.ceil(max(1.0, load.rate_p95_rps / carried))
    machines = math.ceil(replicas * size / offer.count)
    rough = machines * (offer.usd_per_hour or (offer.purchase_usd or math.inf) / LIFE_HOURS)
    return _Sized(offer=offer, accelerators=size, rough_usd_per_hour=rough, curve=curve, slow=_slow(curve, question))


def _slow(curve: StepCurve, question: Question) -> bool:
    """Whether even a lone median request misses a target: its prompt alone, or a step with it alone."""
    load, asked = question.workload, question.objective
    context = load.input_tokens_p50 + load.output_tokens_p50 / 2
    prompt = load.input_tokens_p50
    if asked.ttft_s is not None and prompt_s(curve, prompt, chunk=prompt, decoding=0) > asked.ttft_s:
        return True
    window = min(prompt, curve.window_tokens)
    return (
        asked.tpot_s is not None and step_s(curve, decoding=1, context=context, prompt=0, window=window) > asked.tpot_s
    )


def _candidate(catalog: Catalog, model: Model, one: _Sized, scope: Scope) -> Candidate:
    suffix = f"-tp{one.accelerators}" if one.accelerators > 1 else ""
    name = name_of(model, one.offer, scope) + suffix
    deployment = Deployment(
        id=name,
        model=model.id,
        placement=PLACES[one.offer.kind],
        offer=one.offer.id,
        accelerator=one.offer.accelerator,
        accelerators=one.accelerators,
        precision=scope.precision,
    )
    facts = speed_facts(catalog, model, catalog.accelerator(one.offer.accelerator), scope.precision)
    return Candidate(
        name=name, deployment=deployment, offer=one.offer, curve=one.curve, binding=one.binding, facts=facts
    )
