"""What is owned: purchases and what they fetch, leases, power and housing, against hand formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import StudyError
from breakeven.study.figures import FIGURES

PRICE = st.integers(1, 1_000_000)
SHARES = st.floats(0, 1)
ONE = {"servers": "1 server"}


def flow(costed, name):
    return next(one for one in costed.flows if one.name == name)


def cash(costed, name):
    return flow(costed, name).cash(costed.horizon)[0]


@given(PRICE, SHARES, st.integers(1, 20), st.integers(1, 60), st.integers(0, 40))
def test_a_purchase_is_paid_at_the_start_and_sold_at_the_horizon(option, price, share, count, months, more):
    """Cash: price x servers in month 0; at the horizon the straight line from price to residual over the life."""
    life = months + more
    owned = option(
        {
            "fleet": {"servers": f"{count} server"},
            "purchase": {"price": f"{price} USD/server", "life": f"{life} month", "residual": share},
        },
        months=months,
    )
    left = price * count * (1 - (1 - share) * months / life)
    assert owned.capital[0] == price * count
    assert owned.residual[0] == pytest.approx(left, abs=1e-6)
    assert owned.total[0] == pytest.approx(price * count - left, abs=1e-6)


@given(PRICE, SHARES, st.integers(1, 36))
def test_depreciation_writes_off_what_is_not_fetched(option, price, share, life):
    """Over a life that ends with the horizon, what is written off and what is fetched are the price."""
    owned = option(
        {"fleet": ONE, "purchase": {"price": f"{price} USD/server", "life": f"{life} month", "residual": share}},
        months=life,
    )
    assert owned.depreciation.sum() + owned.residual[0] == pytest.approx(price, abs=1e-6)


@pytest.mark.parametrize("how", ["straight_line", "declining"])
def test_both_ways_to_depreciate_write_off_the_same(option, how):
    """The way a price is written off moves it between months and changes no sum, no cash and no present cost."""
    parts = {"price": "120000 USD/server", "life": "3 year", "residual": "10 %", "depreciation": how}
    owned = option({"fleet": ONE, "purchase": parts}, rate="10 %")
    plain = option({"fleet": ONE, "purchase": {**parts, "depreciation": "straight_line"}}, rate="10 %")
    assert owned.depreciation.sum() == pytest.approx(108_000)
    assert (owned.total, owned.present) == (plain.total, plain.present)
    if how == "declining":
        assert owned.depreciation[0] == pytest.approx(2 / 36 * 120_000)


def test_shares_by_year_are_spread_over_their_months(option):
    """A table of shares (MACRS) is divided by twelve in each year, and sums to the price."""
    shares = ["50 %", "30 %", "20 %"]
    owned = option(
        {"fleet": ONE, "purchase": {"price": "36000 USD/server", "depreciation": "by_year", "by_year": shares}}
    )
    assert owned.depreciation[[0, 12, 24]] == pytest.approx([1500.0, 900.0, 600.0])
    assert owned.depreciation.sum() == pytest.approx(36_000)


@given(PRICE, SHARES)
def test_a_residual_amount_is_its_share_of_the_price(option, price, share):
    """A share, the amount per server, and the plain amount of all servers say the same."""
    ways = [share, f"{price * share} USD/server", f"{2 * price * share} USD"]
    fetched = [
        option({"fleet": {"servers": "2 server"}, "purchase": {"price": f"{price} USD/server", "residual": way}})
        for way in ways
    ]
    assert [one.residual[0] for one in fetched] == pytest.approx([2 * price * share] * 3, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("months", "share"), [(6, 0.825), (12, 0.65), (24, 0.46), (36, 0.27), (48, 0.135), (60, 0.0)])
def test_a_resale_curve_is_linear_between_its_points_and_flat_behind_them(option, months, share):
    """Between two ages the share lies on their line; new things are worth their price."""
    curve = [[12, "65 %"], [36, "27 %"], [60, "0 %"]]
    owned = option({"fleet": ONE, "purchase": {"price": "1000 USD/server", "residual_curve": curve}}, months=months)
    assert owned.residual[0] == pytest.approx(1000 * share)


def test_a_refresh_buys_again_at_the_price_of_its_month(option):
    """Each generation is paid in the month it begins; the last one is sold for what is left of it."""
    purchase = {
        "price": {"value": "1000 USD/server", "trend": "-20 %/year"},
        "life": "2 year",
        "residual": "10 %",
        "refresh": True,
    }
    owned = option({"fleet": ONE, "purchase": purchase}, months=60)
    prices = [1000, 1000 * 0.8 ** (23 / 12), 1000 * 0.8 ** (47 / 12)]
    assert cash(owned, "purchase")[[0, 24, 48]] == pytest.approx(prices)
    assert cash(owned, "purchase").sum() == pytest.approx(sum(prices))
    resold = -cash(owned, "resale")
    assert resold[[24, 48, 60]] == pytest.approx([prices[0] * 0.1, prices[1] * 0.1, prices[2] * (1 - 0.9 / 2)])


def test_a_growing_fleet_buys_what_is_missing_when_it_is_missing(option):
    """Servers sized from growing demand are bought at the end of the month before they serve, and never twice."""
    demand = {"requests": "3600000 request/h", "growth": "10 %/month"}
    fleet = {"capacity": "500 request/s/server"}
    owned = option({"fleet": fleet, "purchase": {"price": "1000 USD/server"}}, months=12, demand=demand)
    needed = np.ceil(np.round(2 * 1.1 ** np.arange(12), 9))
    bought = cash(owned, "purchase") / 1000
    assert bought[:12] == pytest.approx(np.diff(needed, prepend=0))
    assert bought[12] == 0
    assert bought.sum() == needed[-1]


def test_a_growing_fleet_pays_the_price_of_each_month(option):
    """Growth and a price trend together: increments x the price of their month."""
    demand = {"requests": "3600000 request/h", "growth": "10 %/month"}
    price = {"value": "1000 USD/server", "steps": [[6, "500 USD/server"]]}
    owned = option(
        {"fleet": {"capacity": "500 request/s/server"}, "purchase": {"price": price}}, months=12, demand=demand
    )
    needed = np.ceil(np.round(2 * 1.1 ** np.arange(12), 9))
    expected = np.diff(needed, prepend=0) * np.where(np.arange(12) >= 6, 500, 1000)
    assert cash(owned, "purchase")[:12] == pytest.approx(expected)


def test_maintenance_is_a_share_of_what_stands(option):
    """12 % a year of purchase follows a growing fleet, and does not count what a refresh replaces twice."""
    demand = {"requests": "3600000 request/h", "growth": "10 %/month"}
    grown = option(
        {
            "fleet": {"capacity": "500 request/s/server"},
            "purchase": {"price": "1000 USD/server"},
            "lines": {"care": "12 %/year of purchase"},
        },
        months=12,
        demand=demand,
    )
    needed = np.ceil(np.round(2 * 1.1 ** np.arange(12), 9))
    assert cash(grown, "care")[1:] == pytest.approx(needed * 10)
    purchase = {"price": "1000 USD/server", "life": "1 year", "refresh": True}
    renewed = option({"fleet": ONE, "purchase": purchase, "lines": {"care": "12 %/year of purchase"}})
    assert cash(renewed, "care")[1:] == pytest.approx(np.full(36, 10.0))


def test_spare_servers_are_bought_and_housed_and_draw_nothing(option):
    """N+1: one server more in purchase, licence and rack space, none more in energy."""
    parts = {
        "purchase": {"price": "1000 USD/server"},
        "power": {"per_server": "1 kW/server", "tariff": "0.1 USD/kWh"},
        "housing": {"price": "200 USD/kW/month"},
        "lines": {"licence": "10 USD/accelerator/month"},
    }
    fleet = {"servers": "2 server", "accelerators_per_server": "8 accelerator/server"}
    lone = option({**parts, "fleet": fleet})
    spared = option({**parts, "fleet": {**fleet, "spare_servers": "1 server"}})
    for name, ratio in {"purchase": 1.5, "colocation": 1.5, "licence": 1.5, "power": 1.0}.items():
        assert cash(spared, name).sum() == pytest.approx(ratio * cash(lone, name).sum()), name


def test_spare_servers_carry_nothing(option):
    """What stands by for a failure is no capacity: demand that needs it has no price, and a third of three is idle."""
    parts = {"rent": {"price": "1 USD/server/h"}}
    demand = {"requests": "3 request/s", "peak_to_mean": 1}
    for servers, used in ((2, 1.5), (3, 1.0)):
        fleet = {"servers": f"{servers} server", "spare_servers": "1 server", "capacity": "1 request/s/server"}
        found = option({**parts, "fleet": fleet}, demand=demand)
        assert FIGURES["used_of_capacity"].compute(found).amount.scalar == pytest.approx(used)
        assert np.isnan(FIGURES["cost_per_request"].compute(found).amount.scalar) == (used > 1)


@given(
    kw=st.floats(0.1, 100),
    pue=st.floats(1, 2),
    tariff=st.floats(0.01, 1),
    busy=SHARES,
    idle=SHARES,
    servers=st.integers(1, 9),
)
def test_electricity_is_power_x_hours_x_pue_x_tariff(option, kw, pue, tariff, busy, idle, servers):
    """Power of kW x (busy + (1 - busy) x idle) x 730 h x PUE x tariff, per server."""
    power = {
        "per_server": f"{kw} kW/server",
        "pue": pue,
        "tariff": f"{tariff} USD/kWh",
        "utilisation": busy,
        "idle_share": idle,
        "carbon": "400 gCO2/kWh",
    }
    owned = option({"fleet": {"servers": f"{servers} server"}, "power": power})
    kwh = kw * servers * (busy + (1 - busy) * idle) * 730 * pue
    assert owned.first_month[0] == pytest.approx(kwh * tariff)
    figures, unit = owned.context.figures, owned.context.scope.unit
    assert figures["energy"].amount.to(unit("kWh/month"))[0, 0] == pytest.approx(kwh)
    assert figures["carbon"].amount.to(unit("kgCO2/month"))[0, 0] == pytest.approx(kwh * 0.4)


def test_power_per_accelerator_is_that_of_its_server_over_their_ratio(option):
    """700 W x 8 x 1.5 is 8.4 kW per server."""
    fleet = {"servers": "2 server", "accelerators_per_server": "8 accelerator/server"}
    one = option({"fleet": fleet, "power": {"per_server": "8.4 kW/server", "tariff": "0.1 USD/kWh"}})
    cards = {"per_accelerator": "700 W/accelerator", "server_ratio": 1.5, "tariff": "0.1 USD/kWh"}
    other = option({"fleet": fleet, "power": cards})
    assert one.first_month[0] == pytest.approx(other.first_month[0])


@pytest.mark.parametrize("when", ["always_on", "used_hours"])
def test_power_of_used_hours_is_their_share_of_the_month(option, when):
    """176 of 730 hours draw 176/730 of the energy, where the study counts used hours."""
    fleet = {**ONE, "used_hours": "176 h/month"}
    power = {"per_server": "1 kW/server", "tariff": "0.1 USD/kWh", "when": when}
    assert option({"fleet": fleet, "power": power}).first_month[0] == pytest.approx(
        0.1 * (176 if when == "used_hours" else 730)
    )


@given(st.floats(1, 1.9), st.floats(0.01, 0.5), st.floats(0, 0.5))
def test_a_higher_pue_or_tariff_is_never_cheaper(option, pue, more, dearer):
    """Monotone in PUE and in the price of electricity."""
    parts = {"fleet": ONE, "power": {"per_server": "1 kW/server", "pue": pue, "tariff": "0.1 USD/kWh"}}
    base = option(parts).present[0]
    assert option({**parts, "power": {**parts["power"], "pue": pue + more}}).present[0] >= base
    tariff = f"{0.1 + dearer} USD/kWh"
    assert option({**parts, "power": {**parts["power"], "tariff": tariff}}).present[0] >= base


@pytest.mark.parametrize(
    ("housing", "month"),
    [
        ({"price": "1500 USD/rack/month", "racks": "2 rack"}, 3000),
        ({"price": "200 USD/kW/month"}, 3 * 10.2 * 200),
        ({"price": "200 USD/kW/month", "contracted": "40 kW"}, 8000),
        ({"price": "200 USD/kW/month", "contracted": "12 kW/server"}, 36 * 200),
        ({"price": "700 USD/month"}, 700),
        ({"price": "100 USD/server/month"}, 300),
    ],
)
def test_housing_is_per_rack_per_kw_or_in_all(option, housing, month):
    """Contracted power counts where it is stated, else what all servers draw, spare ones included."""
    fleet = {"servers": "2 server", "spare_servers": "1 server"}
    placed = option({"fleet": fleet, "power": {"per_server": "10.2 kW/server"}, "housing": housing})
    assert placed.first_month[0] == pytest.approx(month)


def test_racks_may_be_counted_per_server(option):
    """A count that is itself per something is followed to the end."""
    fleet = {"servers": "4 server", "counts": {"rack": "0.5 rack/server"}}
    assert option({"fleet": fleet, "housing": {"price": "1000 USD/rack/month"}}).first_month[0] == 2000


def test_a_lease_is_paid_over_its_term_and_bought_out_at_its_end(option):
    """Upfront, term x payment, buyout in the month the term ends; nothing after it."""
    lease = {
        "payment": "100 USD/server/month",
        "term": "2 year",
        "upfront": "500 USD/server",
        "buyout": "300 USD/server",
    }
    leased = option({"fleet": {"servers": "3 server"}, "lease": lease})
    paid = leased.cash[0]
    assert paid[0] == 1500
    assert paid[1:24] == pytest.approx(np.full(23, 300.0))
    assert paid[24] == 300 + 900
    assert not paid[25:].any()
    assert leased.total[0] == 1500 + 24 * 300 + 900


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.sampled_from(["purchase", "rent", "lease"]))
def test_a_higher_price_is_never_cheaper(option, price, more, part):
    """Monotone in the price of whatever is paid for."""

    def cost(size):
        section = {
            "purchase": {"price": f"{size} USD/server", "residual": "20 %"},
            "rent": {"price": f"{size} USD/server/month"},
            "lease": {"payment": f"{size} USD/server/month", "term": "36 month"},
        }[part]
        return option({"fleet": ONE, part: section}, rate="8 %").present[0]

    assert cost(price + more) >= cost(price)


@given(st.floats(0, 2), st.integers(1, 120))
def test_present_cost_is_the_sum_of_discounted_cash(option, rate, months):
    """Present cost = sum of cash x 1/(1+i)^k, and the annuity pays exactly that back."""
    parts = {"fleet": ONE, "purchase": {"price": "1000 USD/server", "residual": "10 %"}, "lines": {"x": "7 USD/month"}}
    owned = option(parts, months=months, rate=f"{rate * 100} %")
    factors = [(1 + rate / 12) ** -month for month in range(months + 1)]
    assert owned.present[0] == pytest.approx(math.fsum(owned.cash[0] * factors))
    assert owned.annuity[0] * math.fsum(factors[1:]) == pytest.approx(owned.present[0])


BAD = [
    ({"purchase": {"price": "1 USD/server", "residual": "2 USD/server"}}, "above the purchase price 1 USD/server"),
    ({"purchase": {"price": "1 USD/server", "residual": "120 %"}}, "the residual 120 %"),
    ({"purchase": {"price": "1 USD/server", "residual": "-5 %"}}, "below nothing"),
    ({"purchase": {"price": "1 USD/server", "life": "2 year"}}, "(24 months) ends before the horizon of 36 months"),
    ({"purchase": {"price": "1 USD/server", "residual_curve": [[12, "50 %"], [6, "9 %"]]}}, "from age 12 to age 6"),
    ({"purchase": {"price": "1 USD/server", "residual_curve": [[0, "50 %"]]}}, "from age 0 to age 0"),
    ({"purchase": {"price": "1 USD/server", "residual": 0.1, "residual_curve": [[9, 0.2]]}}, "a `residual` and a"),
    ({"purchase": {"price": "1 USD/server", "depreciation": "by_year"}}, "has 0 shares"),
    ({"purchase": {"price": "1 USD/server", "by_year": ["100 %"]}}, "straight_line"),
    (
        {"purchase": {"price": "1 USD/server", "depreciation": "by_year", "by_year": ["60 %", "50 %"]}},
        "sum to 1.1",
    ),
    ({"purchase": {"price": "-1 USD/server"}}, "a price is not negative"),
    ({"purchase": {"price": "1 USD/h"}}, "USD/s"),
    ({"purchase": {"price": "1 USD/rack"}}, "how many racks"),
    ({"lease": {"payment": "1 USD/server/month", "term": "48 month"}}, "longer than the horizon of 36 months"),
    ({"lease": {"payment": "1 USD/server/month", "term": "24 month"}}, "ends after 24 months"),
    ({"lease": {"payment": "1 USD/server/month", "term": "0 month"}}, "less than a month"),
    ({"lease": {"payment": "1 USD/server/month", "term": "5 server"}}, "server"),
    ({"power": {"per_server": "10200 kW/server"}}, "did you mean 10200 W"),
    ({"power": {"per_accelerator": "700 kW/accelerator"}}, "more than any accelerator draws (5 kW)"),
    ({"power": {"per_server": "10.2 kWh/server"}}, "J/server"),
    ({"power": {"per_server": "10.2 kW"}}, "J/s, and J/s/server"),
    ({"power": {"per_server": "-1 kW/server"}}, "must be 0 or more"),
    ({"power": {"tariff": "1 USD/kWh"}, "lines": {"x": "1 USD"}}, ""),
    ({"power": {"per_server": "1 kW/server", "pue": 0.9}}, "is 0.9, and must be between 1 and 5"),
    ({"power": {"per_server": "1 kW/server", "utilisation": 80}}, "is 80, and must be between 0 and 100 %"),
    ({"power": {"per_server": "1 kW/server", "idle_share": "20 %"}}, "never says when"),
    ({"power": {"per_server": "1 kW/server", "server_ratio": 1.3}}, "stated per accelerator beside it"),
    ({"power": {"per_server": "1 kW/server", "tariff": "0.1 USD/kW"}}, "the tariff"),
    ({"housing": {"price": "200 USD/kW/month"}}, "housing is per kW"),
    ({"housing": {"price": "200 USD/rack/month"}}, "how many racks"),
]


@pytest.mark.parametrize(("parts", "told"), [case for case in BAD if case[1]], ids=[case[1] for case in BAD if case[1]])
def test_what_cannot_be_owned_so_is_refused(option, parts, told):
    """One sentence names the quantity and what it meets, another the way out; the path is where it stands."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": ONE, **parts})
    assert told in f"{failed.value.message} {failed.value.way_out}"
    assert failed.value.way_out
    assert failed.value.path[:2] == ("options", "it")


def test_servers_that_nobody_counts_are_asked_for(option):
    """A price per server needs servers; power needs them as well."""
    with pytest.raises(StudyError, match="does not say how many servers"):
        option({"purchase": {"price": "1 USD/server"}})
    with pytest.raises(StudyError, match="does not say how many accelerators"):
        option({"power": {"per_accelerator": "700 W/accelerator"}})


@pytest.mark.parametrize(
    "parts",
    [
        {"purchase": {}},
        {"purchase": {"price": None}},
        {"purchase": {"price": {"value": None}}, "lines": {"care": "12 %/year of purchase"}},
        {"purchase": {"price": "= capex"}},
        {"lease": {"payment": None, "term": "36 month"}},
        {"power": {"tariff": "0.1 USD/kWh"}},
        {"power": {"per_server": "1 kW/server"}},
        {"power": {"per_server": "1 kW/server", "tariff": {"value": None}}},
        {"housing": {"price": {"value": None}}},
        {"purchase": {"price": "5 USD/server"}, "lines": {"x": {"rate": {"value": None}}}},
    ],
    ids=str,
)
def test_what_has_no_price_is_unpriced_and_never_nothing(evaluated, parts):
    """A part without a price leaves the option's totals open; it is in no ranking."""
    if parts.get("lease", {"payment": 1})["payment"] is None:
        parts = {"lease": {"payment": {"value": None}, "term": "36 month"}}
    study = evaluated({"inputs": {"capex": {"value": None}}, "options": {"it": {"fleet": ONE, **parts}}})
    assert study.option("it").context.unpriced
    assert study.priced() == ()
    with pytest.raises(StudyError, match="unpriced"):
        study.named("it.total")
