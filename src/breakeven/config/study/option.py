"""An option of a study: any of the parts below together. What a part costs follows from its unit and the fleet."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from breakeven.config.field import Section
from breakeven.config.study.given import Identifier, Quantity
from breakeven.schema.noun import Placement

When = Literal["always_on", "used_hours"]


class Fleet(Section):
    """What there is of each thing that a price may be per. Counts left out are sized from demand, or follow."""

    servers: Annotated[Quantity | None, Field(description="servers; left out, sized from demand and capacity")] = None
    spare_servers: Annotated[
        Quantity | None, Field(description="servers that stand by for a failure (N+1): bought and housed, idle")
    ] = None
    accelerators: Annotated[
        Quantity | None, Field(description="accelerators; left out, servers x accelerators each")
    ] = None
    accelerators_per_server: Annotated[Quantity | None, Field(description="such as `8 accelerator/server`")] = None
    accelerators_per_instance: Annotated[
        Quantity | None, Field(description="accelerators that one instance of the model takes")
    ] = None
    instances: Annotated[Quantity | None, Field(description="instances; left out, sized from demand and capacity")] = (
        None
    )
    capacity: Annotated[
        Quantity | None,
        Field(
            description="what one instance (server, accelerator) carries inside its targets: `2.5 request/s/instance`"
        ),
    ] = None
    utilisation: Annotated[Quantity | None, Field(description="share of capacity that is used, for cost per token")] = (
        None
    )
    used_hours: Annotated[Quantity | None, Field(description="hours a month in use: `176 h/month`")] = None
    counts: Annotated[
        dict[Identifier, Quantity],
        Field(
            description="anything else a price is per: `{rack: 1 rack, fte: 0.25 FTE}`; the unit says what it counts"
        ),
    ] = {}


class Purchase(Section):
    """Servers bought in month 0 and written off over their life."""

    price: Annotated[Quantity | None, Field(description="`USD/server`, `USD/accelerator` or plain `USD`")] = None
    offer: Annotated[
        str, Field(description="id of a catalog offer (server_purchase); a `price` beside it overrides its price")
    ] = ""
    life: Annotated[Quantity | None, Field(description="useful life: `5 year`; left out, the horizon")] = None
    depreciation: Annotated[
        Literal["straight_line", "declining", "by_year"], Field(description="how the price is written off")
    ] = "straight_line"
    declining_factor: Annotated[float, Field(gt=1, le=5, description="2 is double declining")] = 2.0
    by_year: Annotated[
        tuple[Quantity, ...], Field(description="shares of the price a year (MACRS), with `depreciation: by_year`")
    ] = ()
    residual: Annotated[Quantity | None, Field(description="resale at the end of life: a share, or an amount")] = None
    residual_curve: Annotated[
        tuple[tuple[float, Quantity], ...],
        Field(description="resale share by age in months: `[[12, 65 %], [36, 27 %]]`; linear between"),
    ] = ()
    refresh: Annotated[bool, Field(description="buy again at the end of life, at the price of that month")] = False


class Lease(Section):
    """Servers leased: a payment a month over a term."""

    payment: Annotated[Quantity, Field(description="`USD/server/month`")]
    term: Annotated[Quantity, Field(description="`36 month`")]
    upfront: Annotated[Quantity | None, Field(description="paid in month 0: `10000 USD/server`")] = None
    buyout: Annotated[Quantity | None, Field(description="paid at the end of the term; left out, they go back")] = None


class Power(Section):
    """Electricity of owned, leased or colocated servers, and its carbon."""

    per_server: Annotated[Quantity | None, Field(description="power of a server while serving: `10.2 kW/server`")] = (
        None
    )
    per_accelerator: Annotated[Quantity | None, Field(description="or of an accelerator: `700 W/accelerator`")] = None
    server_ratio: Annotated[
        Quantity | None, Field(description="server power / power of its accelerators, with `per_accelerator`")
    ] = None
    utilisation: Annotated[Quantity | None, Field(description="share of the hours at that power; left out, 100 %")] = (
        None
    )
    idle_share: Annotated[
        Quantity | None, Field(description="idle power / power while serving, for the other hours")
    ] = None
    pue: Annotated[Quantity | None, Field(description="facility energy / IT energy; left out, 1")] = None
    tariff: Annotated[
        Quantity | None, Field(description="`USD/kWh`; left out, unpriced, unless `housing:` pays for the place")
    ] = None
    carbon: Annotated[Quantity | None, Field(description="grid, location-based: `380 gCO2/kWh`")] = None
    embodied: Annotated[Quantity | None, Field(description="made with the hardware: `1500 kgCO2/server`")] = None
    when: Annotated[When | None, Field(description="all hours, or used hours; left out, the study's convention")] = None


class Housing(Section):
    """Colocation: by the rack, or by contracted power."""

    price: Annotated[Quantity, Field(description="`1500 USD/rack/month` or `200 USD/kW/month`")]
    contracted: Annotated[
        Quantity | None, Field(description="power contracted; left out, what the servers draw, spare ones included")
    ] = None
    racks: Annotated[Quantity | None, Field(description="racks, with a price per rack")] = None


class Rent(Section):
    """Machines by the hour: on demand, reserved or spot."""

    price: Annotated[Quantity | None, Field(description="`USD/h`, `USD/server/h` or `USD/accelerator/h`")] = None
    offer: Annotated[
        str,
        Field(
            description="id of a catalog offer (accelerator_hour, cpu_hour); a `price` beside it overrides its price"
        ),
    ] = ""
    basis: Annotated[
        Literal["on_demand", "reserved", "spot"], Field(description="what sort of price it is; shown, and checked")
    ] = "on_demand"
    when: Annotated[
        When | None, Field(description="paid in all hours, or in used hours; left out, the study's convention")
    ] = None
    term: Annotated[
        Quantity | None,
        Field(description="commitment: `36 month`; renewed at its end, paid for while it lasts, needed or not"),
    ] = None
    upfront: Annotated[
        Quantity | None, Field(description="paid at the start of every term, for what begins then, at its price then")
    ] = None
    minimum: Annotated[
        Quantity | None, Field(description="least to pay in every month, support aside: `USD/month`")
    ] = None
    overhead: Annotated[
        Quantity | None, Field(description="warm or unused capacity of autoscaling, share of the rent")
    ] = None
    goodput_loss: Annotated[Quantity | None, Field(description="work lost to failures, share of the rent")] = None
    interruption: Annotated[
        Quantity | None, Field(description="work redone after spot reclaims, share of the rent")
    ] = None
    support: Annotated[Quantity | None, Field(description="support plan, share of the rent, on top of a minimum")] = (
        None
    )


class ApiTier(Section):
    """Prices from a monthly volume on."""

    above: Annotated[
        Quantity,
        Field(description="volume of one kind of token (fresh, cached, output) from which it holds: `500 Mtok/month`"),
    ]
    input: Annotated[Quantity | None, Field(description="left out, as below the bound")] = None
    cached_input: Annotated[Quantity | None, Field(description="left out, as below the bound")] = None
    output: Annotated[Quantity | None, Field(description="left out, as below the bound")] = None


class Api(Section):
    """Tokens or requests at a provider's price."""

    offer: Annotated[str, Field(description="id of a catalog offer (api); prices below override it")] = ""
    input: Annotated[Quantity | None, Field(description="`USD/Mtok` of input")] = None
    cached_input: Annotated[Quantity | None, Field(description="of input read from the provider's cache")] = None
    output: Annotated[Quantity | None, Field(description="of output, reasoning included")] = None
    request: Annotated[Quantity | None, Field(description="`USD/request`")] = None
    batch_share: Annotated[Quantity | None, Field(description="share of the traffic sent as batch")] = None
    batch_discount: Annotated[Quantity | None, Field(description="what batch saves on every price, a share")] = None
    tiers: Annotated[
        tuple[ApiTier, ...], Field(description="volume tiers; each charges what lies above its bound")
    ] = ()
    minimum: Annotated[Quantity | None, Field(description="least to pay in every month: `USD/month`")] = None
    discount: Annotated[Quantity | None, Field(description="committed-spend discount, share of the price")] = None


class Provisioned(Section):
    """Reserved throughput units of an API, and pay-as-you-go for what does not fit."""

    price: Annotated[Quantity, Field(description="`USD/unit/h` or `USD/unit/month`")]
    capacity: Annotated[Quantity, Field(description="what a unit carries: `token/s/unit` or `request/s/unit`")]
    units: Annotated[Quantity | None, Field(description="units; left out, enough for the mean rate")] = None
    minimum_units: Annotated[Quantity | None, Field(description="fewest units that are sold")] = None
    step: Annotated[Quantity | None, Field(description="units are sold in steps of this many")] = None
    term: Annotated[Quantity | None, Field(description="commitment: `12 month`; not longer than the horizon")] = None
    overflow: Annotated[Api | None, Field(description="prices of what does not fit")] = None
    overflow_share: Annotated[
        Quantity | None, Field(description="share of the traffic above the units; left out, from mean rate and units")
    ] = None


class Load(Section):
    """Demand hour by hour, in machines, instances or units."""

    hours: Annotated[int, Field(ge=1, le=87_600, description="how many hours the load spans")] = 8760
    formula: Annotated[str, Field(description="load in hour `h` (0, 1, ...), a plain number")] = ""
    values: Annotated[tuple[float, ...], Field(description="or the loads themselves")] = ()
    duration: Annotated[
        tuple[tuple[float, float], ...], Field(description="or a load-duration curve: `[[hours, load], ...]`")
    ] = ()


class Rung(Section):
    """One way to commit to capacity in a mix."""

    name: Annotated[Identifier, Field(description="such as `three_years`")]
    price: Annotated[Quantity, Field(description="per unit and hour of the whole term, used or not")]
    size: Annotated[float, Field(gt=0, description="units of load that one machine carries")] = 1.0
    most: Annotated[int | None, Field(ge=0, description="at most so many machines")] = None
    term_periods: Annotated[
        int | None, Field(ge=1, description="periods it is committed for; left out, the whole span")
    ] = None


class Mix(Section):
    """Hybrid: an owned base for the load curve, and rent for what lies above; the base is found, not given."""

    load: Annotated[Load, Field(description="the load curve; multiples of the demand multiply it")]
    own: Annotated[Quantity | None, Field(description="cost of an owned unit, every hour: `1.38 USD/unit/h`")] = None
    burst: Annotated[Quantity | None, Field(description="rent of a unit, used hours only: `3.90 USD/unit/h`")] = None
    headroom: Annotated[
        Quantity | None, Field(description="capacity above the load that the targets need, a share")
    ] = None
    spare: Annotated[Quantity | None, Field(description="owned units that stand by (N+1)")] = None
    periods: Annotated[
        int, Field(ge=1, le=24, description="equal periods of the load in which a commitment may start (years)")
    ] = 1
    ladder: Annotated[
        tuple[Rung, ...],
        Field(description="several types or terms to commit to, instead of `own` (needs extra `plan`)"),
    ] = ()


class Line(Section):
    """One line of cost. `rate` x `count` x what the unit says it is per; negative rates are income."""

    rate: Annotated[
        Quantity, Field(description="`4500 USD/server/year`, `0.09 USD/GB`, `12 %/year`, `50000 USD` (once)")
    ]
    of: Annotated[str, Field(description="what a share is of: a part (`purchase`, `rent`, `api`, ...) or a line")] = ""
    count: Annotated[Quantity | None, Field(description="how much of it: `0.25 FTE/server`, `2 kB/request`")] = None
    month: Annotated[int, Field(ge=0, le=600, description="when a one-off falls due; 0 is the start")] = 0
    every: Annotated[
        Quantity | None, Field(description="a one-off that comes again: `6 month`; not any more at the horizon itself")
    ] = None
    until: Annotated[int | None, Field(ge=1, le=600, description="last month of a recurring line")] = None
    since: Annotated[int, Field(ge=1, le=600, description="first month of a recurring line")] = 1
    category: Annotated[str, Field(description="how it is grouped: inference, training, people, income ...")] = (
        "inference"
    )
    when: Annotated[When | None, Field(description="an hourly rate: in all hours, or in used hours")] = None


def _short(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """`12 %/year of purchase` is a rate and what it is of."""
    if isinstance(value, str) and not value.lstrip().startswith("="):
        rate, _, of = value.partition(" of ")
        return {"rate": rate, "of": of.strip()}
    return {"rate": value} if isinstance(value, str | int | float) and not isinstance(value, bool) else value


class Exit(Section):
    """What it costs to leave: lock-in."""

    notice: Annotated[Quantity | None, Field(description="months paid on after leaving: `3 month`")] = None
    penalty: Annotated[Quantity | None, Field(description="share of the remaining commitment that stays due")] = None
    migration: Annotated[Quantity | None, Field(description="work of moving: `USD`")] = None


class Option(Section):
    """One way to serve the demand: the parts it has, and lines of its own."""

    title: Annotated[str, Field(description="what people call it; left out, its name")] = ""
    placement: Annotated[Placement, Field(description="where it runs; shown, and kept for the planner")] = "unknown"
    share: Annotated[Quantity | None, Field(description="share of the demand it serves; left out, all")] = None
    fleet: Annotated[Fleet, Field(description="counts that prices are per")] = Fleet()
    purchase: Annotated[Purchase | None, Field(description="machines bought")] = None
    lease: Annotated[Lease | None, Field(description="machines leased")] = None
    power: Annotated[Power | None, Field(description="electricity and carbon of one's own machines")] = None
    housing: Annotated[Housing | None, Field(description="colocation")] = None
    rent: Annotated[Rent | None, Field(description="machines by the hour: on demand, reserved, spot, CPU")] = None
    api: Annotated[Api | None, Field(description="tokens or requests at a price")] = None
    provisioned: Annotated[Provisioned | None, Field(description="reserved throughput, with overflow")] = None
    mix: Annotated[Mix | None, Field(description="hybrid: the best owned base for a load curve")] = None
    lines: Annotated[
        dict[Identifier, Annotated[Line, BeforeValidator(_short)]],
        Field(description="lines by name; short form: `maintenance: 12 %/year of purchase`"),
    ] = {}
    exit: Annotated[Exit | None, Field(description="what leaving costs")] = None
