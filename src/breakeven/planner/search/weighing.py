"""Any candidate becomes an option: replicas by simulation, provisioned units and devices with what answers the rest."""

from __future__ import annotations

import msgspec

from breakeven.planner.binding import UNMEASURED_API, before_weighing, has_targets, missed
from breakeven.planner.candidate import Candidate
from breakeven.planner.evaluate import Weighed, as_option, evaluate, unpriced, useful_of
from breakeven.planner.placed import units
from breakeven.planner.placed.speed import on_device, tokens_of
from breakeven.planner.sure import surely
from breakeven.planner.weigh import Scales, at_load
from breakeven.quantity import format_usd
from breakeven.schema.bill import Bill, Line
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance
from breakeven.schema.placed import Device, Throughput
from breakeven.schema.plan import Capacity, Option, Placed

UNSIZED = "not sized"
CAPITAL = frozenset({"depreciation", "cost_of_capital"})
"""Lines that are no cash, whosever machines they are of."""


def weighed_with(candidate: Candidate, scales: Scales, least: int = 1) -> Option:
    """The candidate's best size under a question; one that misses its objective is kept with the constraint."""
    offer = candidate.offer
    if offer is not None and offer.kind == "provisioned" and offer.capacity is not None:
        return _provisioned(candidate, offer, offer.capacity, scales)
    if offer is not None and offer.kind == "edge" and offer.device is not None:
        return _edge(candidate, offer, offer.device, scales)
    found = evaluate(candidate, scales.question, predict=scales.points, price=scales.bill, least=least)
    return surely(found, candidate, scales)


def _provisioned(candidate: Candidate, offer: Offer, capacity: Throughput, scales: Scales) -> Option:
    """The cheapest number of units where what overflows has a price, else enough of them for the sized rate."""
    question, binding = scales.question, before_weighing(candidate, scales.question.objective)
    if binding and binding != UNMEASURED_API:
        return _excluded(candidate, binding, scales)
    load = question.workload
    each = 1.0 / capacity.unit_s(load.input_tokens_mean, load.output_tokens_mean)
    count = _count(candidate, offer, capacity, each, scales)
    over = 0.0 if candidate.rest is None else _overflow(candidate, count * each, scales)
    rest = None if candidate.rest is None or over <= 0 else weighed_with(candidate.rest, at_load(scales, over))
    whole = _Whole(candidate, 1.0 - over, rest, "overflow")
    bill = whole.bill(scales.bill(candidate, count))
    own = candidate.measured
    speed = None if own is None else whole.speed(_with_capacity(own, offer, each), question.workload.rate_mean_rps)
    binding = binding or _too_few(candidate, count, each, scales) or whole.binding(bill, speed, question.objective)
    option = whole.option(count, bill, speed, scales, binding)
    said = f"{count:,} units of {offer.id} answer {1 - over:.1%}" + _beyond(rest, candidate)
    held = Capacity(
        serving=count,
        spare=0,
        needed_rps=question.sized_rps,
        goodput_rps=each,
        headroom=count * each / question.sized_rps if question.sized_rps > 0 else None,
    )
    placed = Placed(count=count, share=1.0 - over, said=said, rest=rest)
    return msgspec.structs.replace(option, placed=placed, capacity=held)


def _count(candidate: Candidate, offer: Offer, capacity: Throughput, each: float, scales: Scales) -> int:
    if candidate.fixed:
        return candidate.deployment.replicas
    question, month = scales.question, scales.bill(candidate, 1).total_usd
    rest = None if candidate.rest is None else scales.bill(candidate.rest, 1).total_usd
    requests, rate = question.monthly_predictions, question.workload.rate_mean_rps
    if candidate.shape is None or rest is None or month is None or requests <= 0 or offer.usd_per_hour is None:
        return units.enough(question.sized_rps, each, capacity)
    return units.cheapest(
        candidate.shape, rate, each, capacity, unit_usd=month, request_usd=rest / requests, requests=requests
    )


def _too_few(candidate: Candidate, count: int, each: float, scales: Scales) -> str:
    """Units that stand, and carry less than they must while nobody takes what overflows."""
    needed = scales.question.sized_rps
    if candidate.rest is not None or count * each >= needed * (1 - units.ROUNDING):
        return ""
    return f"capacity: {count:,} units carry {count * each:.3g} requests/s < {needed:.3g} requests/s"


def _overflow(candidate: Candidate, carried_rps: float, scales: Scales) -> float:
    rate = scales.question.workload.rate_mean_rps
    return 0.0 if candidate.shape is None or rate <= 0 else candidate.shape.overflow(carried_rps / rate)


def _with_capacity(speed: Performance, offer: Offer, each: float) -> Performance:
    how = "rate of a unit / tokens of the mean request, as the vendor states it"
    prefix = f"offer/{offer.id}@{offer.valid_from}/capacity/"
    names = ("tokens_per_s", "input_tokens_per_s", "output_tokens_per_s")
    facts = tuple(prefix + name for name in names if getattr(offer.capacity, name) is not None)
    carried = Figure(value=each, unit="requests/s", basis="assumed", how=how, facts=facts)
    return msgspec.structs.replace(speed, max_goodput_rps=carried)


def _beyond(rest: Option | None, candidate: Candidate) -> str:
    if rest is not None:
        return f" of the requests; what overflows, {format_usd(rest.monthly_cost_usd)} a month, goes to {rest.name}"
    if candidate.rest is not None:
        return f" of the requests; nothing of the observed load overflows to {candidate.rest.name}"
    return f" of the requests, at the rate that is to be carried: {candidate.no_rest}"


def _edge(candidate: Candidate, offer: Offer, device: Device, scales: Scales) -> Option:
    """The devices that there are, and the rest at its part of the demand with what is named for it."""
    question, binding = scales.question, before_weighing(candidate, scales.question.objective)
    if binding:
        return _excluded(candidate, binding, scales)
    if device.share < 1 and candidate.rest is None:
        return _excluded(candidate, f"fallback: nothing is named for {1 - device.share:.1%} of the requests", scales)
    asked, mine = question.objective, at_load(scales, device.share)
    if asked.budget_s is not None:
        asked = msgspec.structs.replace(asked, budget_s=asked.budget_s + candidate.network_s)
    own = on_device(offer, device, tokens_of(scales.speeds.trace), asked, mine.question.sized_rps)
    other = candidate.rest if device.share < 1 else None
    rest = None if other is None else weighed_with(other, at_load(scales, 1.0 - device.share))
    whole = _Whole(candidate, device.share if rest is not None else 1.0, rest, "fallback")
    bill = whole.bill(mine.bill(candidate, device.devices))
    speed = whole.speed(own, question.workload.rate_mean_rps)
    option = whole.option(device.devices, bill, speed, scales, whole.binding(bill, speed, asked))
    said = f"{device.devices:,} devices answer {device.share:.1%} of the requests, which never reach the gateway"
    if rest is not None:
        said += f"; {rest.name} answers the rest, {format_usd(rest.monthly_cost_usd)} a month"
    return msgspec.structs.replace(
        option, placed=Placed(count=device.devices, share=device.share, said=said, rest=rest), capacity=None
    )


def _excluded(candidate: Candidate, binding: str, scales: Scales) -> Option:
    bill = Bill(option=candidate.name, lines=(), unpriced=(UNSIZED,))
    weighed = Weighed(
        replicas=candidate.deployment.replicas, bill=bill, performance=None, useful_share=None, binding=binding
    )
    return as_option(candidate, scales.question, weighed)


class _Whole:
    """Units or devices and what answers the rest, as one option."""

    def __init__(self, candidate: Candidate, share: float, rest: Option | None, prefix: str) -> None:
        self.candidate, self.share, self.rest, self.prefix = candidate, share, rest, prefix

    def bill(self, own: Bill) -> Bill:
        """Both bills, line by line; the rest's lines are named so."""
        if self.rest is None:
            return own
        other = self.rest.bill
        return msgspec.structs.replace(
            own,
            lines=(*own.lines, *(self._named(line) for line in other.lines)),
            unpriced=(*own.unpriced, *other.unpriced),
            capex_usd=own.capex_usd + other.capex_usd,
            residual_usd=own.residual_usd + other.residual_usd,
        )

    def _named(self, line: Line) -> Line:
        if line.name in CAPITAL:
            return line
        return msgspec.structs.replace(line, name=f"{self.prefix}_{line.name}")

    def speed(self, own: Performance, rate_rps: float) -> Performance:
        """Shares in budget by their part of the requests; of latencies the slower of the two."""
        other = None if self.rest is None else self.rest.performance
        if self.rest is None:
            return msgspec.structs.replace(own, deployment=self.candidate.name)
        if other is None:
            other = msgspec.structs.replace(own, goodput_share=_all_of(own.goodput_share))
        share = _mixed(own.goodput_share, other.goodput_share, self.share)
        slower = {name: _slower(getattr(own, name), getattr(other, name)) for name in SLOWER}
        return msgspec.structs.replace(
            own,
            deployment=self.candidate.name,
            **slower,
            goodput_share=share,
            goodput_rps=msgspec.structs.replace(share, unit="requests/s", **_scaled(share, rate_rps)),
            rho=max(own.rho, other.rho),
            stable=own.stable and other.stable,
        )

    def binding(self, bill: Bill, speed: Performance | None, objective: Objective) -> str:
        """What excludes it: the rest by its own constraint, a price, or a target."""
        if self.rest is not None and not self.rest.feasible:
            return f"{self.prefix}: {self.rest.name} is excluded, {self.rest.binding}"
        return unpriced(bill) or ("" if speed is None or not has_targets(objective) else missed(speed, objective))

    def option(self, count: int, bill: Bill, speed: Performance | None, scales: Scales, binding: str) -> Option:
        reached = 1.0 if speed is None else speed.goodput_share.value
        weighed = Weighed(
            replicas=count,
            bill=bill,
            performance=speed,
            useful_share=useful_of(reached, scales.question),
            binding=binding,
        )
        return as_option(self.candidate, scales.question, weighed)


SLOWER = ("ttft_p50_s", "ttft_p95_s", "tpot_p50_s", "tpot_p95_s", "e2e_p95_s")


def _all_of(share: Figure) -> Figure:
    return msgspec.structs.replace(share, value=1.0, low=1.0, high=1.0, facts=(), how="no latency target is stated")


def _mixed(own: Figure, other: Figure, share: float) -> Figure:
    """The share in budget of both together."""

    def both(name: str) -> float | None:
        mine, theirs = getattr(own, name), getattr(other, name)
        mine, theirs = (own.value if mine is None else mine), (other.value if theirs is None else theirs)
        return None if mine is None or theirs is None else share * mine + (1.0 - share) * theirs

    return msgspec.structs.replace(
        own,
        value=both("value"),
        low=both("low"),
        high=both("high"),
        how=f"{share:.2%} x ({own.how}) + {1 - share:.2%} x ({other.how})",
        facts=tuple(dict.fromkeys((*own.facts, *other.facts))),
    )


def _slower(own: Figure, other: Figure) -> Figure:
    """The figure with the larger value; one that is unknown stands for both."""
    if own.value is None or other.value is None:
        return own if own.value is None else other
    return own if own.value >= other.value else other


def _scaled(figure: Figure, factor: float) -> dict[str, float | None]:
    return {
        name: None if (value := getattr(figure, name)) is None else value * factor for name in ("value", "low", "high")
    }
