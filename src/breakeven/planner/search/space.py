"""Every way to serve the models asked for: offers and terms, places, makes of a replica, and how its engine serves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.perf import apart
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, of_api
from breakeven.planner.question import Question
from breakeven.planner.search import limits
from breakeven.planner.search.apart import Group, Groups
from breakeven.planner.search.setup import MOST_SEQUENCES, Kind, Setup, Setups
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.deployment import Deployment
from breakeven.schema.model import Model
from breakeven.schema.noun import Placement
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.plan import Option
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace

PLACES: dict[OfferKind, tuple[Placement, ...]] = {
    "accelerator_hour": ("cloud",),
    "server_purchase": ("on_prem", "colocated"),
}
"""Where capacity of a kind can stand."""


Mode = tuple[str, Serving, float]
"""How an engine serves: what that adds to a name, and the share of prompts that its cache spares at most."""


class Space:
    """The candidates of a question, with what they share worked out once.

    Prefill and decode apart are among them where the `trace` is given that they would be simulated on.
    """

    def __init__(
        self, catalog: Catalog, question: Question, scope: Scope, modes: Sequence[Mode], trace: Trace | None = None
    ) -> None:
        self.catalog, self.scope, self.modes = catalog, scope, tuple(modes)
        self.objective = question.objective
        self.setups = Setups(catalog, question, scope)
        self.groups = Groups(question.objective, modes, trace)

    def candidates(self) -> tuple[Candidate, ...]:
        """All of them by name; those that a stated constraint excludes carry it as their binding.

        Raises:
            FactError: the catalog knows neither a sheet nor an offer of a model.
        """
        found = [one for model in self.scope.models for one in self._of_model(model)]
        return tuple(sorted(found, key=lambda one: one.name))

    def _of_model(self, model_id: str) -> Iterator[Candidate]:
        apis = self.catalog.offers(on=self.scope.as_of, kind="api", model=model_id)
        yield from (self._stated(of_api(offer)) for offer in apis)
        if model_id not in self.catalog.model_heads and (apis or self._placed(model_id)):
            return
        model = self.catalog.model(model_id)
        for kind in PLACES:
            offers = [one for one in self.catalog.offers(on=self.scope.as_of, kind=kind) if self._asked(one)]
            for offer in offers:
                yield from self._of_offer(model, offer, offers)
        for offer in self.catalog.offers(on=self.scope.as_of, kind="cpu_hour"):
            yield self._on_cpu(model, offer)

    def _placed(self, model_id: str) -> bool:
        """Whether units or devices of the user answer for a model that nothing else is known of."""
        kinds: tuple[OfferKind, ...] = ("provisioned", "edge")
        return any(self.catalog.offers(on=self.scope.as_of, kind=kind, model=model_id) for kind in kinds)

    def _asked(self, offer: Offer) -> bool:
        return bool(offer.accelerator) and (not self.scope.accelerators or offer.accelerator in self.scope.accelerators)

    def _of_offer(self, model: Model, offer: Offer, offers: Sequence[Offer]) -> Iterator[Candidate]:
        survival = survives(self.scope) if offer.term == "spot" else None
        fallback = fallback_of(offer, offers) if offer.term == "spot" else None
        for kind in self.setups.kinds(model, self.catalog.accelerator(offer.accelerator), offer.count):
            for placement in PLACES[offer.kind]:
                one = _candidate(offer, kind, placement, self._prefix(model))
                yield from self._served(msgspec.structs.replace(one, survival=survival, fallback=fallback), kind)

    def _served(self, one: Candidate, kind: Kind) -> Iterator[Candidate]:
        """The candidate in every way its engine can serve; only once where something excludes it in any."""
        one = self._stated(one, kind.model)
        made = Setup() if one.binding else self.setups.of(kind)
        if made.curve is None:
            yield msgspec.structs.replace(one, binding=one.binding or made.binding)
            return
        one = msgspec.structs.replace(one, curve=made.curve, errors=made.errors, facts=made.facts)
        for said, serving, hit_share in self.modes:
            name, chunk = f"{one.name}{said}", serving.max_batch_tokens
            deployment = msgspec.structs.replace(one.deployment, id=name, max_batch_tokens=chunk)
            yield msgspec.structs.replace(one, name=name, deployment=deployment, serving=serving, hit_share=hit_share)
        count = 0 if one.offer is None else one.offer.count
        yield from (_apart(one, group) for group in self.groups.of(kind, made, count))

    def _on_cpu(self, model: Model, offer: Offer) -> Candidate:
        name = f"{self._prefix(model)}{offer.id}"
        deployment = Deployment(id=name, model=model.id, placement="cpu", offer=offer.id)
        return self._stated(Candidate(name=name, deployment=deployment, offer=offer))

    def _prefix(self, model: Model) -> str:
        """The model's name where there are several."""
        return "" if len(self.scope.models) == 1 else f"{model.id}/"

    def _stated(self, one: Candidate, model: Model | None = None) -> Candidate:
        """The candidate with the first constraint that excludes it, whatever its speed."""
        binding = limits.stated(one, model, self.scope, self.objective)
        return msgspec.structs.replace(one, binding=binding) if binding != one.binding else one


def modes(scope: Scope, hit_share: float, *, hashed: bool) -> tuple[Mode, ...]:
    """Token budgets a step, with and without a prefix cache where prompts share anything, and with speculation.

    A cache finds the trace's own block hashes where it has any, else whole prompts with the measured chance.
    """
    found: list[Mode] = []
    for chunk in scope.chunks:
        said = "" if chunk == Serving().max_batch_tokens else f"-c{chunk}"
        found.append((said, Serving(max_batch_tokens=chunk), 0.0))
        if hit_share > 0 and hashed:
            kept = Serving(max_batch_tokens=chunk, prefix_cache="blocks", routing="prefix_affinity")
            found.append((f"{said}-cache", kept, hit_share))
        elif hit_share > 0:
            drawn = Serving(max_batch_tokens=chunk, prefix_cache="chance", hit_probability=hit_share)
            found.append((f"{said}-cache", drawn, hit_share))
        if scope.speculation is not None:
            found.append((f"{said}-draft", Serving(max_batch_tokens=chunk, speculation=scope.speculation), 0.0))
    return tuple(found)


def survives(scope: Scope) -> float:
    """Chance that a spot replica is there: exp(- interruptions per hour x hours until it is replaced)."""
    return math.exp(-scope.interruptions_per_hour * scope.replaced_after_s / SECONDS_PER_HOUR)


def spot_given(scope: Scope, options: Sequence[Option]) -> tuple[str, ...]:
    """What was assumed of spot, where an option rests on it."""
    if not any(one.capacity is not None and one.capacity.survival is not None for one in options):
        return ()
    often, after = scope.interruptions_per_hour, scope.replaced_after_s
    drawn = f"A spot replica is withdrawn {often:g} times an hour, independently of others,"
    return (f"{drawn} and replaced after {after:g} s, start-up included; on-demand steps in where spares fail.",)


def fallback_of(spot: Offer, offers: Sequence[Offer]) -> Offer | None:
    """The cheapest on-demand offer of the same accelerator, per accelerator, for when spot is withdrawn."""
    kept = [
        one
        for one in offers
        if one.accelerator == spot.accelerator and one.term == "on_demand" and one.usd_per_hour is not None
        if not limits.nobody_answers(one)
    ]
    return min(kept, key=lambda one: ((one.usd_per_hour or 0.0) / max(1, one.count), one.id), default=None)


def _candidate(offer: Offer, kind: Kind, placement: Placement, prefix: str) -> Candidate:
    name = f"{prefix}{_name(offer, kind, placement)}"
    deployment = Deployment(
        id=name,
        model=kind.model.id,
        placement=placement,
        offer=offer.id,
        accelerator=offer.accelerator,
        accelerators=kind.boards,
        engine=kind.engine,
        precision=kind.precision,
        max_batch=MOST_SEQUENCES,
    )
    return Candidate(name=name, deployment=deployment, offer=offer)


def _apart(one: Candidate, group: Group) -> Candidate:
    """The candidate as a group of instances; nothing measured pins such fleets."""
    name, pools = f"{one.name}{group.said}", group.pools
    deployment = msgspec.structs.replace(
        one.deployment,
        id=name,
        accelerators=one.deployment.accelerators * (pools.prefill + pools.decode),
        max_batch_tokens=group.serving.max_batch_tokens,
        pools=pools,
    )
    return msgspec.structs.replace(
        one,
        name=name,
        deployment=deployment,
        serving=group.serving,
        hit_share=group.hit_share,
        errors=None if one.errors is None else apart.widened(one.errors),
        binding=group.binding,
    )


def _name(offer: Offer, kind: Kind, placement: Placement) -> str:
    """The offer, and what distinguishes the candidate from the plainest one of it."""
    parts = (
        offer.id,
        "colo" if placement == "colocated" else "",
        f"tp{kind.boards}" if kind.boards > 1 else "",
        "" if kind.precision == "fp16" else kind.precision,
        kind.engine,
    )
    return "-".join(part for part in parts if part)
