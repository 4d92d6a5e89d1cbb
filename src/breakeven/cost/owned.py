"""The lines of owning servers: capital, power, place, upkeep and people."""

from __future__ import annotations

from breakeven.cost.assumptions import PREFIX
from breakeven.cost.case import Case, price_key
from breakeven.cost.depreciation import straight_line_month
from breakeven.cost.energy import it_kw, month_kwh
from breakeven.cost.finance import annuity
from breakeven.cost.fleet import servers_needed
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.bill import Bill, Line
from breakeven.schema.noun import Noun

ACCELERATORS_PER_NODE = 8
"""The node that the staff assumption counts."""


class Purchase(Noun, frozen=True, kw_only=True):
    """What is bought: serving and spare servers, their price together, and what they fetch at the end of their life."""

    serving: int
    spare: int
    capex_usd: float
    residual_usd: float
    life_months: int

    @property
    def servers(self) -> int:
        """All of them."""
        return self.serving + self.spare


def purchase(case: Case) -> Purchase | None:
    """What the case has to buy; None without a purchase price."""
    price, fleet, assumed = case.offer.purchase_usd, case.fleet, case.assumptions
    if price is None:
        return None
    serving = servers_needed(fleet.replicas, fleet.accelerators, case.offer.count)
    spare = servers_needed(fleet.spare_replicas, fleet.accelerators, case.offer.count)
    capex = price * (serving + spare)
    life = assumed.life_months
    residual = capex * assumed.residual_fraction(life)
    return Purchase(serving=serving, spare=spare, capex_usd=capex, residual_usd=residual, life_months=life)


def owned_bill(case: Case) -> Bill:
    """The bill of owned servers; unpriced without a purchase price or the power of the accelerator.

    Depreciation is straight line over the useful life to the residual; cost of capital is what the annuity at the
    assumed rate costs beyond that, so that both together are the annuity. Spare servers are bought, kept and housed
    but draw no power.
    """
    bought = purchase(case)
    if bought is None:
        return Bill(option=case.option, lines=(), unpriced=(f"purchase price of {case.offer.id}",))
    lines = (*_capital(case, bought), *_place(case, bought), *_upkeep(case, bought))
    unpriced = () if case.fleet.tdp_w is not None else (f"power: the TDP of {case.offer.accelerator!r} is unknown",)
    capex, residual = bought.capex_usd, bought.residual_usd
    return Bill(option=case.option, lines=lines, capex_usd=capex, residual_usd=residual, unpriced=unpriced)


def _capital(case: Case, bought: Purchase) -> tuple[Line, ...]:
    price = price_key(case.offer, "purchase_usd")
    capex, residual, life = bought.capex_usd, bought.residual_usd, bought.life_months
    flat = straight_line_month(capex, residual, life)
    rate = case.assumptions.cost_of_capital
    level = annuity(capex, rate / 12, life, residual)
    servers = f"({bought.serving} + {bought.spare} spare) x {case.offer.purchase_usd:,.2f} USD"
    share = case.assumptions.residual_fraction(life)
    return (
        Line(
            name="depreciation",
            amount_usd=flat,
            formula=f"{servers} x (1 - {share:.0%} residual) / {life} months",
            facts=(price, *_keys("useful_life"), *case.assumptions.residual_keys(life)),
        ),
        Line(
            name="cost_of_capital",
            amount_usd=level - flat,
            formula=f"annuity of {capex:,.0f} USD at {rate:.1%} a year over {life} months - depreciation",
            basis="assumed",
            facts=(price, *_keys("cost_of_capital", "useful_life")),
        ),
    )


def _place(case: Case, bought: Purchase) -> tuple[Line, ...]:
    if case.fleet.tdp_w is None:
        return ()
    assumed, site = case.assumptions, case.site
    per_server = it_kw(case.fleet.tdp_w, case.offer.count, assumed.server_power_ratio)
    tariff = assumed.electricity_us_commercial if site.usd_per_kwh is None else site.usd_per_kwh
    tariff_keys = (site.tariff_fact,) if site.usd_per_kwh is not None else _keys("electricity_us_commercial")
    tdp = (site.tdp_fact,) if site.tdp_fact else ()
    serving_kw, housed_kw = per_server * bought.serving, per_server * bought.servers
    return (
        Line(
            name="power",
            amount_usd=month_kwh(serving_kw, assumed.pue) * tariff,
            formula=f"{serving_kw:.2f} kW x PUE {assumed.pue:g} x {HOURS_PER_MONTH:g} h x {tariff:g} USD/kWh",
            facts=(*tdp, *(key for key in tariff_keys if key), *_keys("pue", "server_power_ratio")),
        ),
        Line(
            name="colocation" if case.placement == "colocated" else "facility",
            amount_usd=housed_kw * assumed.colocation_per_kw,
            formula=f"{housed_kw:.2f} kW x {assumed.colocation_per_kw:g} USD per kW and month",
            basis="assumed",
            facts=(*tdp, *_keys("colocation_per_kw", "server_power_ratio")),
        ),
    )


def _upkeep(case: Case, bought: Purchase) -> tuple[Line, ...]:
    assumed = case.assumptions
    nodes = bought.servers * case.offer.count / ACCELERATORS_PER_NODE
    people = nodes * assumed.staff_fte_per_8gpu_node
    return (
        Line(
            name="maintenance",
            amount_usd=bought.capex_usd * assumed.maintenance / 12,
            formula=f"{bought.capex_usd:,.0f} USD x {assumed.maintenance:.1%} a year / 12",
            basis="assumed",
            facts=(price_key(case.offer, "purchase_usd"), *_keys("maintenance")),
        ),
        Line(
            name="staff",
            amount_usd=people * assumed.staff_loaded / 12,
            formula=f"{people:.3g} FTE x {assumed.staff_loaded:,.0f} USD a year / 12",
            basis="assumed",
            facts=_keys("staff_fte_per_8gpu_node", "staff_loaded"),
        ),
    )


def _keys(*names: str) -> tuple[str, ...]:
    return tuple(f"{PREFIX}{name}" for name in names)
