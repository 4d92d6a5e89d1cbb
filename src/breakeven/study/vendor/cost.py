"""What a proposal costs: a month at any load, split into always-on and burst, and what it leaves without a price."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from breakeven.config.study.given import Given
from breakeven.config.study.option import Line
from breakeven.config.study.proposal import WorkloadFile
from breakeven.errors import StudyError
from breakeven.schema.comparison import CostPart
from breakeven.schema.noun import Basis, Figure
from breakeven.study.costed import Costed
from breakeven.study.evaluate import Evaluated
from breakeven.study.figures import levelled
from breakeven.study.part.line import PER_WHAT
from breakeven.study.vendor.case import OFFER, Asked, Case, lines_per, offered, stated_peak, used
from breakeven.study.vendor.fact import keyed
from breakeven.study.vendor.overflow import Levels

DIGITS = 6
"""Parts are rounded to a millionth before they are added, so that a reader who adds them up gets the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """The workload's loads: mean multiple of the demand, the largest, and the busiest rate over the mean within one.

    `levels` are their multiples of that mean, with their shares of the hours.
    """

    mean: float
    top: float
    swing: float
    levels: Levels

    def peak(self, scale: float, *, autoscales: bool) -> float:
        """Busiest rate / mean rate that capacity is held for: the top level's, unless it follows the load."""
        return self.swing if autoscales else self.swing * max(1.0, self.top / scale)


def loads_of(asked: Asked) -> Loads:
    """The loads of a workload.

    Raises:
        StudyError: the demand cannot be read.
    """
    levels = asked.workload.levels.values()
    mean = math.fsum(level.multiple * level.hours for level in levels)
    top = max(level.multiple for level in levels)
    swing = stated_peak(asked.workload, asked.evaluated(Case()))
    return Loads(mean=mean, top=top, swing=swing, levels=tuple((one.multiple / mean, one.hours) for one in levels))


def autoscales(asked: Asked) -> bool:
    """Whether capacity follows the load: it says so, and how fast."""
    chain = asked.proposal.chain
    return chain.at_peak == "autoscale" and chain.autoscale_time is not None


def month(asked: Asked, loads: Loads, **factors: float) -> Case:
    """The month of the mean demand."""
    peak = loads.peak(loads.mean, autoscales=autoscales(asked))
    return Case(scale=loads.mean, peak=peak, levels=loads.levels, **factors)


def always_on(asked: Asked, loads: Loads) -> Case:
    """The part of the mean demand that is always there, without a peak."""
    lowest = min(level.multiple for level in asked.workload.levels.values()) / loads.mean
    share = asked.workload.always_on or lowest
    return Case(scale=loads.mean * share, peak=1.0)


HELD_UNITS = "units of the mean month, which every level is served with"


def held(asked: Asked, found: Evaluated) -> Asked:
    """The proposal with the reserved units of this month, which no hour's load changes."""
    stated = asked.option.provisioned
    units = found.option(OFFER).context.figures.get("units")
    if stated is None or units is None:
        return asked
    count = Given(
        value=f"{units.amount.scalar!r} unit", source=asked.workload.source, as_of=asked.workload.as_of, note=HELD_UNITS
    )
    fixed = stated.model_copy(update={"units": count})
    return replace(asked, option=asked.option.model_copy(update={"provisioned": fixed}))


# -- one month ---------------------------------------------------------------------------------------------------------


def parts(asked: Asked, found: Evaluated) -> tuple[CostPart, ...]:
    """The lines of a month, each as the level amount worth its present cost."""
    costed = found.option(OFFER)
    return tuple(
        CostPart(
            name=flow.name,
            category=flow.category,
            amount=round(float(costed.present_of(flow)[0] / costed.factors[0, 1:].sum()), DIGITS) + 0.0,
            formula=flow.formula,
            facts=tuple(keyed(key, asked.proposal.id) for key in flow.facts),
        )
        for flow in costed.flows
    )


def cost(asked: Asked, found: Evaluated) -> Figure:
    """A month: the sum of its parts, whatever is missing."""
    lines, costed = parts(asked, found), found.option(OFFER)
    facts = tuple(dict.fromkeys(key for line in lines for key in line.facts))
    total = math.fsum(line.amount for line in lines)
    currency = asked.workload.currency
    return Figure(
        value=total, unit=f"{currency}/month", basis=_basis(costed), how=" + ".join(x.name for x in lines), facts=facts
    )


def _basis(costed: Costed) -> Basis:
    return "assumed" if any(flow.basis == "assumed" for flow in costed.flows) else "derived"


def requests(found: Evaluated) -> float:
    """Predictions of a level month, discounted as their cost is."""
    served = found.demand.flow("requests")
    if served is None:
        message = "costs are per prediction, and the workload states no requests"
        raise StudyError(message, "add `requests:` under `demand:`", path=("workload", "demand"))
    month = levelled(found.option(OFFER), served)
    return float(month.amount.to(found.scope.unit("request/month"), "`demand.requests`").flat[0])


def per_1000(asked: Asked, found: Evaluated) -> Figure:
    """Cost of 1,000 predictions."""
    whole, count = cost(asked, found), requests(found)
    value = None if whole.value is None or not count else whole.value / count * 1000
    return Figure(
        value=value,
        unit=f"{asked.workload.currency}/1000 prediction",
        basis=whole.basis,
        how="month / predictions x 1,000",
        facts=whole.facts,
    )


# -- what is not priced ------------------------------------------------------------------------------------------------


def missing(asked: Asked, found: Evaluated) -> tuple[str, ...]:
    """What the workload needs and the proposal has no price for; empty where the cost is whole."""
    costed = found.option(OFFER)
    told = [f"no price for {name}" for name in dict.fromkeys(costed.context.unpriced)]
    if not costed.flows and not told:
        told.append("no price at all")
    told += [f"no price for {what}" for what in unpriced_things(asked, found)]
    if per_token(found) and asked.proposal.counting is None:
        told.append("no rule by which its tokens are counted")
    return tuple(told)


NEEDS = {"egress": "B", "feature_store": "feature_gb", "feature_reads": "feature_read"}


def unpriced_things(asked: Asked, found: Evaluated) -> list[str]:
    """Egress, feature store and feature reads that are needed, and neither included nor a line."""
    needed, included = needs(asked.workload), asked.proposal.included
    return [
        name.replace("_", " ")
        for name, unit in NEEDS.items()
        if name in needed and name not in included and not lines_per(found, frozenset({unit}))
    ]


def needs(workload: WorkloadFile) -> frozenset[str]:
    """What the workload takes beside answers."""
    store = workload.feature_store
    stated = {
        "egress": workload.demand.egress,
        "feature_store": store.size if store else None,
        "feature_reads": store.reads if store else None,
    }
    return frozenset(name for name, given in stated.items() if given is not None)


def per_token(found: Evaluated) -> bool:
    """Whether anything is priced or sized by the token."""
    option = found.study.options[OFFER]
    api = option.provisioned.overflow if option.provisioned else None
    tokens = any(one is not None and (one.input or one.output or one.cached_input) for one in (option.api, api))
    units = found.scope.read(option.provisioned.capacity, *_UNITS) if option.provisioned else None
    sized = units is not None and ("token", 1) in units.amount.dims
    lines = bool(lines_per(found, frozenset({"token"})))
    return bool(tokens or sized or lines or any(key.endswith("_per_mtok") for key in offered(found)))


_UNITS = ("options", OFFER, "provisioned", "capacity")


def per_use(found: Evaluated) -> bool:
    """Whether anything is priced per request or token, so that a larger model has a price of its own."""
    return bool(used(found) or offered(found))


# -- options that differ in one thing ----------------------------------------------------------------------------------


def without_unclear_licences(asked: Asked) -> tuple[Asked, tuple[str, ...]]:
    """The proposal with licences that do not say per what left unpriced, and their names with their prices."""
    unclear = {name: line for name, line in asked.option.lines.items() if _unclear(asked, name, line)}
    if not unclear:
        return asked, ()
    lines = {
        name: line.model_copy(update={"rate": Given()}) if name in unclear else line
        for name, line in asked.option.lines.items()
    }
    told = tuple(f"of {line.rate.value} (`lines.{name}`)" for name, line in unclear.items())
    return replace(asked, option=asked.option.model_copy(update={"lines": lines})), told


def _unclear(asked: Asked, name: str, line: Line) -> bool:
    if "licen" not in name or line.of or (line.rate.value is None and not line.rate.fact):
        return False
    found = asked.demanded(1.0)
    rate = found.scope.read(line.rate, "options", OFFER, "lines", name, "rate")
    return rate is not None and not any(dim in PER_WHAT for dim, _ in rate.amount.dims)


def without_minimum(asked: Asked) -> Asked | None:
    """The proposal without its minimums; None where it has none."""
    option, changed = asked.option, {}
    for name in ("api", "rent"):
        part = getattr(option, name)
        if part is not None and part.minimum is not None:
            changed[name] = part.model_copy(update={"minimum": None})
    return replace(asked, option=option.model_copy(update=changed)) if changed else None
