"""The user's provisioned units and devices as candidates, and APIs with the latency that somebody measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.planner.binding import before_weighing
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, of_api
from breakeven.planner.placed.speed import Tokens, as_measured, tokens_of
from breakeven.planner.placed.units import Shape
from breakeven.planner.search import limits
from breakeven.planner.search.find import Progress, find
from breakeven.planner.weigh import Scales, at_load
from breakeven.schema.deployment import Deployment
from breakeven.schema.model import Model
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.placed import Device

KINDS: tuple[OfferKind, ...] = ("provisioned", "edge")
NONE = "none"
"""What a fact file says where nothing may overflow."""


class Placing:
    """What a plan's own candidates need of everything else: the question, its lengths and shape, and who else is there.

    `network_s` is what of the latency budget goes to the network, which devices do without.
    """

    def __init__(
        self, scope: Scope, scales: Scales, shape: Callable[[], Shape], network_s: float, progress: Progress
    ) -> None:
        self.scope, self.scales, self.shape, self.network_s = scope, scales, shape, network_s
        self.progress, self.objective = progress, scales.question.objective
        self._tokens: Tokens | None = None

    @property
    def catalog(self) -> Catalog:
        """The facts."""
        return self.scales.catalog

    def all(self, found: Sequence[Candidate], standing: Sequence[Candidate] = ()) -> tuple[Candidate, ...]:
        """The candidates of the catalog, those that are measured so, and the user's own, by name."""
        others = tuple(self.measured(one) for one in found)
        mine = [offer for kind in KINDS for offer in self.catalog.offers(on=self.scope.as_of, kind=kind)]
        if not mine:
            return others
        made = tuple(self._of(offer, others, standing) for offer in mine)
        return tuple(sorted((*others, *made), key=lambda one: one.name))

    def standing(self, one: Candidate) -> Candidate:
        """A deployment that stands already: units with what overflows their number, an API with what was measured."""
        offer = one.offer
        if offer is None or self.scope.batches:
            return one
        return self._units(one, offer) if offer.kind == "provisioned" else self.measured(one)

    def measured(self, one: Candidate) -> Candidate:
        """A candidate that sells answers, with the latency that its offer states or that was measured in use."""
        offer = one.offer
        latency = None if offer is None else offer.latency or self.scope.latencies.get(offer.id)
        if offer is None or latency is None or one.measured is not None:
            return one
        offer = msgspec.structs.replace(offer, latency=latency)
        if self._tokens is None:
            self._tokens = tokens_of(self.scales.speeds.trace)
        rate = self.scales.question.workload.rate_mean_rps
        speed = as_measured(offer, latency, self._tokens, self.objective, rate)
        measured = msgspec.structs.replace(speed, deployment=one.name)
        return msgspec.structs.replace(one, offer=offer, measured=measured)

    def _of(self, offer: Offer, others: Sequence[Candidate], standing: Sequence[Candidate]) -> Candidate:
        one = self._stated(_candidate(offer))
        if one.binding:
            return one
        if self.scope.batches:
            said = f"unmeasured: units and devices are stated in tokens, and {offer.model} is a classic model"
            return msgspec.structs.replace(one, binding=said)
        if offer.kind == "edge" and offer.device is not None:
            return self._device(one, offer.device, others, standing)
        return self._units(one, offer)

    def _stated(self, one: Candidate) -> Candidate:
        asked = self.scope.models
        binding = limits.stated(one, self._sheet(one), self.scope, self.objective)
        if one.deployment.model not in asked:
            binding = f"model not asked for: {one.deployment.model} is not one of {', '.join(asked)}"
        return msgspec.structs.replace(one, binding=binding)

    def _sheet(self, one: Candidate) -> Model | None:
        """The model's sheet, whose format says what a device's precision loses; units sell the model as it is."""
        known = one.deployment.placement == "edge" and one.deployment.model in self.catalog.model_heads
        return self.catalog.model(one.deployment.model) if known else None

    def _units(self, one: Candidate, offer: Offer) -> Candidate:
        """With the API that takes what overflows; where none can, enough of them carry the sized rate."""
        wanted = "" if offer.capacity is None else offer.capacity.overflow
        one = self.measured(one)
        if wanted in {"", NONE}:
            rest = None if wanted else self._cheapest(offer)
            why = (
                "" if rest is not None else f"{NONE} may overflow" if wanted else f"no API of {offer.model} can answer"
            )
            return msgspec.structs.replace(one, rest=rest, no_rest=why, shape=self.shape())
        named = self._api(wanted)
        if named is None:
            return msgspec.structs.replace(one, binding=f"overflow: {wanted} is no API of the catalog on that day")
        if named.binding:
            return msgspec.structs.replace(one, no_rest=f"{wanted} is excluded, {named.binding}", shape=self.shape())
        return msgspec.structs.replace(one, rest=named, shape=self.shape())

    def _cheapest(self, offer: Offer) -> Candidate | None:
        """The cheapest API of the same model that nothing excludes."""
        sold = self.catalog.offers(on=self.scope.as_of, kind="api", model=offer.model)
        fit = [one for one in (self._weighed_api(each) for each in sold) if not one.binding]
        return min(fit, key=lambda one: (self._usd(one), one.name), default=None)

    def _usd(self, one: Candidate) -> float:
        total = self.scales.bill(one, 1).total_usd
        return math.inf if total is None else total

    def _api(self, offer_id: str) -> Candidate | None:
        sold = self.catalog.offers(on=self.scope.as_of, kind="api")
        return next((self._weighed_api(offer) for offer in sold if offer.id == offer_id), None)

    def _weighed_api(self, offer: Offer) -> Candidate:
        """An API with everything that excludes it from answering the rest."""
        one = self.measured(of_api(offer))
        binding = limits.stated(one, None, self.scope, self.objective) or before_weighing(one, self.objective)
        unpriced = "" if self._usd(one) < math.inf else f"unpriced: tokens of {offer.id}"
        return msgspec.structs.replace(one, binding=binding or unpriced)

    def _device(
        self, one: Candidate, device: Device, others: Sequence[Candidate], standing: Sequence[Candidate]
    ) -> Candidate:
        one = msgspec.structs.replace(one, network_s=self.network_s)
        if device.share >= 1:
            return one
        if not device.fallback:
            said = f"devices answer {device.share:.1%} of the requests, and nothing is named for the other"
            return msgspec.structs.replace(one, binding=f"fallback: {said} {1 - device.share:.1%}")
        rest = self._fallback(device, (*standing, *others))
        if isinstance(rest, str):
            return msgspec.structs.replace(one, binding=rest)
        return msgspec.structs.replace(one, rest=rest)

    def _fallback(self, device: Device, others: Sequence[Candidate]) -> Candidate | str:
        """The best of the named offer at its part of the demand; in words why none of it can."""
        wanted = device.fallback
        fit = [each for each in others if wanted in {each.name, "" if each.offer is None else each.offer.id}]
        api = self._api(wanted) if not fit or fit[0].per_request else None
        if api is not None:
            return _excluded("fallback", api)
        if not fit:
            return f"fallback: {wanted} is no candidate of this plan; name an offer, a candidate or a deployment"
        scales = at_load(self.scales, 1.0 - device.share)
        found = find(fit, scales, self.progress)
        best = min(
            (option for option in found.options if option.feasible),
            key=lambda option: (option.cost_per_useful_prediction_usd or 0.0, option.name),
            default=None,
        )
        if best is not None:
            return next(each for each in fit if each.name == best.name)
        said = [f"{left.binding}: {left.by}" for left in found.rejected] + [left.binding for left in found.options]
        return f"fallback: none of {len(fit)} candidates of {wanted} can, {said[0] if said else 'none is known'}"


def _excluded(what: str, one: Candidate) -> Candidate | str:
    return f"{what}: {one.name} is excluded, {one.binding}" if one.binding else one


def _candidate(offer: Offer) -> Candidate:
    """Devices are as many as there are; of units at least the least that is sold."""
    edge = offer.kind == "edge"
    count = offer.device.devices if offer.device else offer.capacity.minimum_units if offer.capacity else 1
    deployment = Deployment(
        id=offer.id,
        model=offer.model,
        placement="edge" if edge else "provisioned",
        offer=offer.id,
        replicas=count,
        precision=offer.device.precision if offer.device else "fp16",
    )
    return Candidate(name=offer.id, deployment=deployment, offer=offer)
