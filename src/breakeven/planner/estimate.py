"""The first answer from three numbers: what a month costs at an API, on rented and on owned accelerators.

Nothing is simulated; the ranges are those of `planner.rough`. What an estimate leaves out is said in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.catalog.find import Catalog
from breakeven.catalog.stale import age_warning
from breakeven.cost.assumptions import Scenario, assumptions
from breakeven.cost.crossing import break_even_months, break_even_volume
from breakeven.perf.prior import PRIOR
from breakeven.planner.asked import check
from breakeven.planner.rough import PEAK_TO_MEAN, SCENARIOS, USABLE, Machine, Part, Rough
from breakeven.schema.estimate import Ask, Choice
from breakeven.schema.estimate import Estimate as Estimate
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure

HORIZON_MONTHS = 60
UNPRICED = "not both are priced"

CAVEATS = (
    "Latency is not predicted here; a plan does that, from a trace.",
    "Quality is not compared: another model may need more tokens, or fail.",
    "Spot capacity, listings of private hosts, discounts on list prices and cached input are left out.",
)


def estimate(
    catalog: Catalog,
    *,
    model: str,
    requests_per_month: float,
    input_tokens: float,
    output_tokens: float,
    as_of: str,
    against: str | None = None,
) -> Estimate:
    """API, rent and own for a model and a volume; the API is that of `against`, by default of the model itself.

    Raises:
        UsageError: a number is not finite or not positive.
        FactError: the catalog knows neither the model nor the API asked for.
    """
    asked = Ask(
        model=model,
        requests_per_month=requests_per_month,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        against=against or model,
        as_of=as_of,
    )
    return answer(catalog, check(asked))


def answer(catalog: Catalog, ask: Ask) -> Estimate:
    """The same, for an ask that was checked."""
    assumed = {scenario: assumptions(catalog.assumptions(), scenario) for scenario in SCENARIOS}
    rough = Rough(catalog=catalog, ask=ask, assumed=assumed)
    api, rent, own = rough.api(), rough.capacity("rent"), rough.capacity("own")
    choices = (api.choice, rent.choice, own.choice)
    if all(choice.monthly_usd.value is None for choice in choices):
        catalog.model(ask.model)
    facts = catalog.facts(sorted({key for choice in choices for key in choice.monthly_usd.facts}))
    return Estimate(
        ask=ask,
        choices=choices,
        cheapest=cheapest(choices),
        rent_volume=volume(rent, api),
        own_volume=volume(own, api),
        own_against_rent_months=months(own, rent),
        own_against_api_months=months(own, api),
        facts=facts,
        assumptions=_assumed(),
        caveats=(*CAVEATS, *_aged(catalog, facts, ask.as_of)),
    )


def _aged(catalog: Catalog, facts: Sequence[Fact], on: str) -> tuple[str, ...]:
    """A sentence for each price and figure in use that is older than its kind keeps."""
    offers = {fact.key.partition("/")[2].partition("@")[0] for fact in facts if fact.kind == "offer"}
    prices = ((name, age_warning(catalog.offer(name, on), on)) for name in sorted(offers))
    figures = ((fact.key, age_warning(fact, on)) for fact in facts if fact.kind != "offer")
    return tuple(f"{name}: {warning}." for name, warning in (*prices, *figures) if warning)


def cheapest(choices: Sequence[Choice]) -> str:
    """The kind with the lowest month at base cost; "" when nothing is priced."""
    priced = [choice for choice in choices if choice.monthly_usd.value is not None]
    return min(priced, key=lambda choice: (choice.monthly_usd.value or 0.0, choice.kind)).kind if priced else ""


def volume(part: Part, api: Part) -> Figure:
    """Requests a month from which a machine is cheaper than the API: the first that costs less and carries them."""
    crossing = {scenario: _crossing(part, api, scenario) for scenario in SCENARIOS}
    note = (
        "" if crossing["base"] is not None else "never: a request costs less at the API than a machine's share of one"
    )
    if not part.machines or not api.month:
        note = UNPRICED
    how = "one machine's month / the API's price of a request, where the machine carries that many"
    return Figure(
        value=crossing["base"],
        unit="requests",
        basis="derived",
        low=crossing["low"],
        high=crossing["high"],
        how=how,
        note=note,
    )


def _crossing(part: Part, api: Part, scenario: Scenario) -> float | None:
    charged = api.choice.per_1000_usd.value
    if not api.month or charged is None:
        return None
    found = (_volume_of(machine, charged / 1000, scenario) for machine in part.machines)
    return min((volume for volume in found if volume is not None), default=None)


def _volume_of(machine: Machine, charged: float, scenario: Scenario) -> float | None:
    """Where the machine's month is the API's price of that many requests, if it carries them."""
    fixed = machine.month[scenario].total_usd
    found = None if fixed is None else break_even_volume(fixed, 0.0, charged)
    return found if found is not None and found <= machine.carries[scenario] else None


def months(own: Part, other: Part) -> Figure:
    """Months until a purchase has paid for itself against the other; low and high cost of owning bound it."""
    found = {scenario: _months(own, other, scenario) for scenario in SCENARIOS}
    note = "" if found["base"] is not None else f"never within {HORIZON_MONTHS} months"
    if not own.month or other.choice.monthly_usd.value is None:
        note = UNPRICED
    how = "purchase / (the other's month - cash cost of owning a month)"
    low, high = found["low"], found["high"]
    return Figure(value=found["base"], unit="months", basis="derived", low=low, high=high, how=how, note=note)


def _months(own: Part, other: Part, scenario: Scenario) -> float | None:
    rival = other.choice.monthly_usd.value
    if not own.month or rival is None or own.month[scenario].total_usd is None:
        return None
    bill = own.month[scenario]
    return break_even_months(bill.capex_usd, bill.cash_opex_usd, rival, horizon=HORIZON_MONTHS)


def _assumed() -> tuple[str, ...]:
    peak = ", ".join(f"{PEAK_TO_MEAN[scenario]:g} ({scenario})" for scenario in SCENARIOS)
    usable = ", ".join(f"{USABLE[scenario]:.0%} ({scenario})" for scenario in SCENARIOS)
    return (
        f"Peak over mean demand: {peak} cost; assumed, high after 20 % of a day's requests in one hour.",
        f"Share of the saturated rate inside latency targets: {usable} cost; assumed.",
        f"Speed: step times fitted on {PRIOR.n} rows of {PRIOR.source}, {PRIOR.as_of}; range from held-out errors.",
    )
