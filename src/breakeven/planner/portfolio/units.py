"""Options of a plan as units of a portfolio: a machine at a time, fixed apart from variable cost, all by the hour."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from breakeven.cost.fleet import servers_needed
from breakeven.planner.portfolio.plant import full
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.plan import Option
from breakeven.schema.portfolio import Unit, UnitKind

Left = tuple[tuple[str, str], ...]
"""What is left out, with the reason."""

RESERVED = re.compile(r"reserved_([0-9]+)y")
USED = "power"
"""The line of a bill that falls when a machine idles."""


class Terms(Noun, frozen=True, kw_only=True):
    """What options do not say. `spot_share` is the share of the need that spot may serve; None leaves spot out.

    `idle_power_ratio` is the share of the power line that an idle machine draws as well. `lead_s` are seconds until a
    unit of a kind serves. Committed options in `stands` are paid for already and stay.
    """

    spot_share: float | None = None
    idle_power_ratio: float = 0.0
    lead_s: Mapping[UnitKind, float] = {}
    stands: frozenset[str] = frozenset()


def units_of(
    options: Iterable[Option], offers: Mapping[str, Offer], *, requests: float, terms: Terms
) -> tuple[tuple[Unit, ...], Left]:
    """A unit for each option that meets its objective; `offers` by id, `requests` the month's that bills are for.

    A unit is a machine of the option's offer with the replicas it holds. Its fixed cost is the bill's lines by machine
    and hour of a 730-hour month, without what falls when it idles. What has no goodput, no price or no term that a
    portfolio knows is left out.
    """
    found, left = [], []
    for option in options:
        unit = _unit(option, offers.get(option.deployment.offer), requests, terms)
        if isinstance(unit, str):
            left.append((option.name, unit))
        else:
            found.append(unit)
    return tuple(found), tuple(left)


def _unit(option: Option, offer: Offer | None, requests: float, terms: Terms) -> Unit | str:
    """The unit, or why there is none."""
    if not option.feasible:
        return option.binding or "it misses its objective"
    if option.placement == "api":
        return _api(option, requests)
    if option.placement in {"provisioned", "edge"}:
        return f"{option.placement}: stated as a whole, with what answers the rest"
    goodput = None if option.performance is None else option.performance.max_goodput_rps.value
    kind = _kind(option, offer)
    if kind is None:
        return f"no term of a portfolio: {offer.term if offer else 'without an offer'}"
    if kind == "spot" and terms.spot_share is None:
        return "spot: no share of the need is stated that it may serve"
    return _machine(option, offer, kind, terms, goodput) if goodput else "goodput: unknown"


def _api(option: Option, requests: float) -> Unit | str:
    total = option.bill.total_usd
    if total is None or requests <= 0:
        return "unpriced"
    return Unit(
        name=option.name,
        kind="api",
        usd_per_request=total / requests,
        attainment=_attained(option),
        useful_share=_useful(option),
        facts=_facts(option),
    )


def _machine(option: Option, offer: Offer | None, kind: UnitKind, terms: Terms, goodput_rps: float) -> Unit:
    spare = option.spare_replicas
    size = max(1, option.deployment.accelerators)
    machine = max(1, offer.count if offer is not None else 1)
    each = max(1, machine // size)
    serving = option.deployment.replicas - spare
    running = servers_needed(serving, size, machine)
    beside = servers_needed(option.deployment.replicas, size, machine) - running
    if offer is not None and offer.kind == "server_purchase":
        beside = servers_needed(spare, size, machine)
    span = servers_needed(1, size, machine)
    fixed, used = _split(option, terms.idle_power_ratio)
    count = running // span
    return Unit(
        name=option.name,
        kind=kind,
        goodput_rps=goodput_rps * each,
        replicas=each,
        fixed_usd_per_h=fixed / (running + beside) * span / HOURS_PER_MONTH,
        variable_usd_per_busy_h=used / running * span / HOURS_PER_MONTH,
        most_share=(terms.spot_share or 0.0) if kind == "spot" else 1.0,
        lead_s=terms.lead_s.get(kind, 0.0),
        term_months=_months(offer),
        least=count if option.name in terms.stands and kind not in {"on_demand", "spot"} else 0,
        spare=-(-beside // span),
        attainment=_attained(option),
        useful_share=_useful(option),
        facts=_facts(option),
    )


def _split(option: Option, idle_power_ratio: float) -> tuple[float, float]:
    """USD a month that is paid whatever is served, and what is paid for serving all the time on top."""
    power = sum(line.amount_usd for line in option.bill.lines if line.name == USED)
    used = power * (1 - idle_power_ratio)
    return (option.bill.total_usd or 0.0) - used, used


def _kind(option: Option, offer: Offer | None) -> UnitKind | None:
    """The kind by where it stands and by the offer's term; what an owner prices by the hour is owned."""
    if offer is not None and RESERVED.fullmatch(offer.term):
        return "reserved_1y" if _months(offer) == 12 else "reserved_3y"  # noqa: PLR2004 - months of a year
    if offer is not None and offer.term == "spot":
        return "spot"
    if option.placement == "colocated":
        return "colocated"
    if option.placement == "on_prem" or (offer is not None and offer.kind == "server_purchase"):
        return "owned"
    rented = offer is None or offer.term == "on_demand"
    return "on_demand" if rented and option.placement in {"cloud", "cpu"} else None


def _months(offer: Offer | None) -> int | None:
    found = None if offer is None else RESERVED.fullmatch(offer.term)
    return None if found is None else 12 * int(found[1])


def _attained(option: Option) -> float:
    reached = None if option.performance is None else option.performance.goodput_share.value
    return 1.0 if reached is None else reached


def _useful(option: Option) -> float:
    return 1.0 if option.useful_share is None else option.useful_share


def _facts(option: Option) -> tuple[str, ...]:
    keys = [key for line in option.bill.lines for key in line.facts]
    if option.performance is not None:
        keys.extend(option.performance.max_goodput_rps.facts)
    return tuple(dict.fromkeys(keys))


def shortlist(units: Sequence[Unit], *, most: int = 3, keep: Collection[str] = ()) -> tuple[tuple[Unit, ...], Left]:
    """At most so many units of each kind, the cheapest per useful answer of a busy unit, and the smallest of the rest.

    `keep` and what stands already (`least`) always stay. What is left out says which unit is cheaper.
    """
    kept: list[Unit] = []
    left: list[tuple[str, str]] = []
    for kind in dict.fromkeys(unit.kind for unit in units):
        ranked = sorted((unit for unit in units if unit.kind == kind), key=lambda unit: (_price(unit), unit.name))
        chosen = ranked[:most]
        finest = min(ranked, key=lambda unit: (unit.fixed_usd_per_h, _price(unit), unit.name))
        stay = [unit for unit in ranked if unit.name in keep or unit.least or unit is finest]
        chosen += [unit for unit in stay if unit not in chosen]
        kept.extend(chosen)
        told = f"{ranked[0].name} of its kind is cheaper per useful answer"
        left.extend((unit.name, told) for unit in ranked if unit not in chosen)
    return tuple(kept), tuple(left)


def _price(unit: Unit) -> float:
    return full(unit) / unit.useful_share if unit.useful_share else float("inf")
