"""Provisioned units and devices at many values of all inputs at once: how many, what overflows, what they cost."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from breakeven.cost.assumptions import Assumptions
from breakeven.cost.case import Case
from breakeven.cost.tco import monthly_bill
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.belief import Array
from breakeven.planner.placed.speed import answered, tokens_of
from breakeven.planner.placed.units import Shape
from breakeven.planner.question import Question
from breakeven.planner.weigh import demand
from breakeven.schema.bill import Bill
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace

LOGS = tuple(np.linspace(-1.0, 1.0, 21).tolist())
"""Ln of how many times as long a device takes, at which its share in budget is worked out."""
UNIT_LOW, UNIT_HIGH = 0.8, 1.1
"""What a unit carries against what the vendor states of the mean request (80 %). Assumed: nobody guarantees the mix."""


class Units(Noun, frozen=True, kw_only=True):
    """Units as planned, what all of them carry against the mean demand, and how they are sold and overflow."""

    planned: int
    carried: float
    least: int
    step: int
    shape: Shape | None
    fixed: bool = False

    def needed(self, level: Array) -> Array:
        """Units at a demand of so many times the observed one: as many to each request as are planned.

        To the nearest step where what is missing overflows, and up where it may not. A `fixed` number stands.
        """
        if self.fixed:
            return np.full_like(level, float(self.planned))
        steps = self.planned / self.step * level
        whole = np.floor(steps + 0.5) if self.shape is not None else np.ceil(steps - 1e-9)
        return np.asarray(np.maximum(whole * self.step, float(self.least)))

    def overflow(self, count: Array, level: Array) -> Array:
        """Share of the requests above so many units; of a rate without a shape what its mean leaves."""
        carried = np.asarray(self.carried * count / self.planned / level)
        return np.maximum(0.0, 1.0 - carried) if self.shape is None else self.shape.overflows(carried)


class Devices(Noun, frozen=True, kw_only=True):
    """Devices as stated: their share of the requests, in target by `LOGS`, and the parts of their bill."""

    share: float
    in_target: tuple[float, ...]
    upkeep_usd: float
    bought_usd: float
    standby_kwh: float
    busy_kwh: float
    life_months: int

    def reached(self, slower: Array) -> Array:
        """Share of what devices answer that is in target, where they take exp(slower) times as long."""
        return np.asarray(np.interp(slower, LOGS, self.in_target))


class Speed(NamedTuple):
    """What is believed of a speed: its key, its bounds against the stated one, and who says so."""

    key: str
    low: float
    high: float
    source: str


def units_of(option: Option, candidate: Candidate, question: Question) -> Units | None:
    """The units of an option; None where it has none."""
    offer, held = candidate.offer, option.capacity
    if offer is None or offer.capacity is None or held is None or not held.goodput_rps:
        return None
    return Units(
        planned=held.serving,
        carried=held.serving * held.goodput_rps / question.workload.rate_mean_rps,
        least=offer.capacity.minimum_units,
        step=offer.capacity.step,
        shape=None if candidate.rest is None else candidate.shape,
        fixed=candidate.fixed,
    )


def devices_of(
    option: Option, candidate: Candidate, question: Question, trace: Trace | None, usd_per_kwh: float
) -> Devices | None:
    """The devices of an option; None where it has none. Without a trace their speed changes nothing."""
    offer = candidate.offer
    device = None if offer is None else offer.device
    if device is None:
        return None
    lines = {line.name: line.amount_usd for line in option.bill.lines}
    asked = question.objective
    if asked.budget_s is not None:
        asked = msgspec.structs.replace(asked, budget_s=asked.budget_s + candidate.network_s)
    rate = question.sized_rps * device.share / device.devices
    found = [1.0] * len(LOGS)
    if trace is not None:
        tokens = tokens_of(trace)
        found = [answered(device, tokens, rate, float(np.exp(-log))).in_budget(asked) for log in LOGS]
    own = offer.purchase_usd if offer is not None and device.owned_by == "ours" else None
    return Devices(
        share=device.share,
        in_target=tuple(found),
        upkeep_usd=lines.get("devices", 0.0),
        bought_usd=(own or 0.0) * device.devices,
        standby_kwh=lines.get("standby_power", 0.0) / usd_per_kwh,
        busy_kwh=lines.get("power", 0.0) / usd_per_kwh,
        life_months=device.life_months,
    )


def believed_speed(candidate: Candidate) -> Speed | None:
    """The speed of units or devices: as their facts bound it."""
    offer = candidate.offer
    if offer is None or (offer.device is None and offer.capacity is None):
        return None
    key = f"speed/{candidate.name}"
    if offer.device is not None:
        return Speed(key, offer.device.speed_low, offer.device.speed_high, f"{offer.source}, {offer.valid_from}")
    return Speed(key, UNIT_LOW, UNIT_HIGH, f"{offer.source}, {offer.valid_from}; the range is assumed")


def whole_bill(rest: Candidate, question: Question, assumed: Assumptions) -> Bill:
    """An API's bill for all of the demand: what overflows is a part of it."""
    if rest.offer is None:
        return Bill(option=rest.name, lines=(), unpriced=("no offer",))
    month = demand(question)
    return monthly_bill(Case(option=rest.name, placement="api", offer=rest.offer, assumptions=assumed, demand=month))
