"""What to say when nothing does: the constraint in the way, the nearest miss, and the way out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from breakeven.errors import InfeasibleError
from breakeven.planner.search.shown import counted
from breakeven.schema.plan import Rejected

WAYS_OUT = {
    "memory": "allow accelerators with more memory, more of them per replica, a lower precision or a smaller model",
    "placement not allowed": "widen the objective's placements, or add an offer in an allowed place",
    "region not allowed": "widen the objective's regions, or add an offer in an allowed region",
    "region unknown": "state the region of an offer, or widen the objective's regions",
    "latency unmeasured": "send traffic through the gateway to that API, so that its latency is measured",
    "unmeasured": "measure the model's batch curve on that hardware and pass it",
    "unpriced": "add the missing price to the catalog with its source and date",
    "quality unmeasured": "measure the quality of the model in that precision, and state it in `planning: qualities`",
    "quality floor": "lower the quality floor, or add a better model",
    "link unknown": "state the accelerator's `link_bytes_s` in a fact file of your own, or serve both on one replica",
    "lead time": "state lead times under `planning: lead_days`, or give it more time",
    "power limit": "raise the power limit, or allow a place that has no such limit",
    "commitment": "look further ahead with `planning: horizon_months`, or allow what may be let go",
    "not simulated": "narrow the search with `planning: accelerators`, `engines` or `precisions`",
    "engine": "allow an engine that multiplies in that precision there, or state your own `engine/` fact",
    "availability": "state an availability that spare spot replicas can keep",
}


def infeasible(rejected: Sequence[Rejected], use_case: str) -> InfeasibleError:
    """The error of a plan without options: constraints by how many they exclude, and what to relax first.

    The one to relax is the commonest of those that a target or a limit of the objective sets, else the commonest.
    """
    counts = counted(rejected)
    asked = [kind for kind in counts if _of_speed(kind)]
    binding = next(iter(asked or counts), "")
    of_kind = [one for one in rejected if one.binding == binding]
    near = min(
        of_kind, key=lambda one: (math.inf if one.least_usd is None else one.least_usd, _excess(one)), default=None
    )
    listed = ", ".join(f"{kind} {number}" for kind, number in list(counts.items())[:6]) or "there are no candidates"
    nearest = "" if near is None else f"; nearest {near.option}, {binding}: {near.by}"
    message = f"none of {len(rejected)} candidates can serve {use_case} ({listed}{nearest})"
    return InfeasibleError(message, _way_out(binding, near), binding=binding)


def _of_speed(kind: str) -> bool:
    return kind.split(" ", maxsplit=1)[0] in {"ttft", "tpot", "e2e", "goodput", "capacity"}


def _excess(one: Rejected) -> tuple[float, str]:
    """Ties by how far the value is beyond its limit, as its text tells in seconds; then by name."""
    value = _seconds(one.by.partition(" > ")[0])
    return value, one.option


def _seconds(text: str) -> float:
    number, _, unit = text.partition(" ")
    scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0}.get(unit, math.nan)
    try:
        value = float(number.replace(",", "")) * scale
    except ValueError:
        return math.inf
    return value if value == value else math.inf  # noqa: PLR0124 - NaN


def _way_out(binding: str, near: Rejected | None) -> str:
    if binding in WAYS_OUT:
        return WAYS_OUT[binding]
    if near is not None and " > " in near.by:
        value = near.by.partition(" > ")[0]
        return f"loosen the target behind '{binding}' to at least {value}, or add faster candidates"
    if binding:
        return f"loosen the target behind '{binding}', or add faster candidates"
    return "name a model that the catalog has offers of, and with --as-of a day on which they hold"
