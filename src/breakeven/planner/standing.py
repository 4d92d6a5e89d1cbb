"""Deployments that stand already, as candidates: their names and replicas stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.errors import InfeasibleError
from breakeven.perf import apart
from breakeven.perf.curve import step_curve
from breakeven.perf.effects import errors, place, resolve
from breakeven.perf.precision import precision_of
from breakeven.perf.prior import PRIOR
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.schema.deployment import Deployment, Pools
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance
from breakeven.schema.serving import Serving, Split


def speed_facts(catalog: Catalog, model: Model, accelerator: Accelerator, precision: str) -> tuple[str, ...]:
    """The keys that a predicted speed rests on: the sheet of the model, the specification of the accelerator."""
    peaks = {"flops_fp16", "flops_fp8", "flops_int8"} - {"flops_fp16", precision_of(precision).dense.peak}
    entries: Iterable[Model | Accelerator] = (model, accelerator)
    keys = (fact.key for entry in entries for fact in catalog.facts_of(entry))
    return tuple(key for key in keys if key.rpartition("/")[2] not in peaks)


def standing(
    catalog: Catalog,
    deployment: Deployment,
    offer: Offer | None,
    question: Question,
    *,
    measured: Performance | None = None,
) -> Candidate:
    """A deployment of the user's settings as a candidate: its name and replicas stay.

    Its speed is what was measured, else what the performance model says of its accelerator, else unknown.
    """
    curve, binding, serving = None, "", Serving()
    facts: tuple[str, ...] = ()
    if measured is None and deployment.accelerator:
        model, accelerator = catalog.model(deployment.model), catalog.accelerator(deployment.accelerator)
        load, size = question.workload, max(1, deployment.tensor_parallel)
        serving, binding = _apart(deployment, model, accelerator)
        context = load.input_tokens_mean + load.output_tokens_mean / 2
        facts = speed_facts(catalog, model, accelerator, deployment.precision)
        try:
            curve = step_curve(
                model, accelerator, size, deployment.precision, context_mean=context, engine=deployment.engine.lower()
            )
        except InfeasibleError as error:
            binding = f"memory: {error.message}"
    if offer is None:
        binding = binding or "unpriced: neither an offer nor an own price is stated"
    return Candidate(
        name=deployment.id,
        deployment=deployment,
        offer=offer,
        curve=curve,
        measured=measured,
        fixed=True,
        binding=binding,
        facts=facts,
        serving=serving,
        errors=None if serving.split is None else apart.widened(errors(PRIOR)),
    )


def _apart(deployment: Deployment, model: Model, accelerator: Accelerator) -> tuple[Serving, str]:
    """How a deployment serves whose prompts and answers are apart, and what excludes it; else the usual way."""
    pools, engine = deployment.pools, deployment.engine.lower()
    if not isinstance(pools, Pools):
        return Serving(), ""
    boards = max(1, deployment.tensor_parallel)
    at = place(accelerator, engine=engine, precision=deployment.precision, model=model.id, boards=boards)
    kind = apart.Instance(model, accelerator, boards, deployment.precision, engine)
    sent = apart.transfer_s_per_token(kind, resolve(PRIOR, at).link)
    if sent is None:
        return Serving(), apart.link_unknown(accelerator)
    return Serving(
        split=Split(prefill_replicas=pools.prefill, decode_replicas=pools.decode, transfer_s_per_token=sent)
    ), ""


def beside(standing: Sequence[Candidate], found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """What was found, `-new` behind a name that stands already, as the choice of an applied plan does.

    The one that stands keeps its replicas, the new one may have any number, so that both are weighed.
    """
    taken = {one.name for one in standing}
    return tuple(_renamed(one) if one.name in taken else one for one in found)


def _renamed(one: Candidate) -> Candidate:
    name = f"{one.name}-new"
    return msgspec.structs.replace(one, name=name, deployment=msgspec.structs.replace(one.deployment, id=name))
