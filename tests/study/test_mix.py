"""Hybrid capacity: the owned base against every number of units there is, on loads of any shape and form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.cost.hybrid.base import best_base
from breakeven.errors import StudyError

OWN, BURST = 1.0, 3.0
loads = st.lists(st.one_of(st.integers(0, 12).map(float), st.floats(0, 12)), min_size=1, max_size=24)
price = st.one_of(st.integers(0, 6).map(float), st.floats(0.01, 6))
spares = st.integers(0, 3)


@pytest.fixture(scope="session")
def mixed(option):
    """An option that is a mix of these values, and nothing else."""

    def found(values, own=OWN, burst=BURST, **stated):
        prices = {"own": f"{own!r} USD/unit/h", "burst": f"{burst!r} USD/unit/h"}
        return option({"mix": {"load": {"values": tuple(values)}, **prices, **stated}})

    return found


def figure(costed, name):
    return costed.context.figures[name].amount.scalar


def months(costed):
    """Month 1 by line."""
    return {flow.name: costed.months_of(flow)[0] for flow in costed.flows}


def by_hand(values, units, own, burst, headroom=0.0, spare=0):
    """The definition, hour by hour."""
    over = sum(max(0.0, load * (1 + headroom) - units) for load in values)
    return own * (units + spare if units else 0) * len(values) + burst * over


@given(loads, price, price, st.floats(0, 1), spares)
def test_no_number_of_units_costs_less(mixed, values, own, burst, headroom, spare):
    """Brute force: the mix costs what the best of all numbers of owned units costs, and its lines are that cost."""
    found = mixed(values, own, burst, headroom=headroom, spare=f"{spare} unit")
    most = math.ceil(max(values) * (1 + headroom)) + 2
    best = min(by_hand(values, units, own, burst, headroom, spare) for units in range(most))
    chosen = by_hand(values, figure(found, "owned_units"), own, burst, headroom, spare)
    assert figure(found, "load_cost") == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert chosen == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert found.first_month[0] == pytest.approx(best * 730 / len(values), rel=1e-9, abs=1e-9)
    assert math.fsum(months(found).values()) == pytest.approx(found.first_month[0], rel=1e-12)


@given(loads, price, price, spares)
def test_the_base_is_that_of_the_cost_model(mixed, values, own, burst, spare):
    """The study finds what `cost.hybrid` finds, with every figure beside it."""
    found, model = mixed(values, own, burst, spare=f"{spare} unit"), best_base(np.array(values), own, burst, 0.0, spare)
    for name, expected in {
        "load_cost": model.cost_usd,
        "all_owned_cost": model.all_owned_usd,
        "all_burst_cost": model.all_burst_usd,
        "critical_fractile": model.critical_fractile,
        "quantile_units": model.quantile_units,
    }.items():
        assert figure(found, name) == pytest.approx(expected, rel=1e-9, abs=1e-9), name
    if figure(found, "owned_units") == model.units:
        assert figure(found, "burst_hours_share") == pytest.approx(model.burst_hours / model.hours)
        assert figure(found, "regret_of_one_more") == pytest.approx(model.regret_more_usd, rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(loads, st.lists(st.tuples(price, price), min_size=2, max_size=5), spares)
def test_many_draws_at_once_are_what_they_are_one_at_a_time(mixed, evaluated, values, draws, spare):
    """Each row has the base, the cost and the figures of its prices."""
    mix = {"load": {"values": tuple(values)}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h", "spare": f"{spare} unit"}
    drawn = {
        f"options.it.mix.{name}": np.array([draw[at] for draw in draws]) / 3600
        for at, name in enumerate(("own", "burst"))
    }
    together = evaluated({"options": {"it": {"mix": mix}}}, drawn).option("it")
    alone = [mixed(values, own, burst, spare=f"{spare} unit") for own, burst in draws]
    assert together.present == pytest.approx([one.present[0] for one in alone], rel=1e-9, abs=1e-9)
    for name in ("load_cost", "all_owned_cost", "all_burst_cost", "critical_fractile", "quantile_units"):
        rows = np.broadcast_to(together.context.figures[name].amount.values, (len(draws), 1))[:, 0]
        assert rows == pytest.approx([figure(one, name) for one in alone], rel=1e-9, abs=1e-6), name


@given(loads, st.lists(st.floats(0, 5), min_size=2, max_size=4))
def test_multiples_of_the_demand_multiply_the_load(evaluated, mixed, values, scales):
    """The base of each multiple is the base of that load, found anew."""
    mix = {"load": {"values": tuple(values)}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h", "spare": "1 unit"}
    together = evaluated({"options": {"it": {"mix": mix}}}, {"demand.scale": np.array(scales)}).option("it")
    alone = [mixed([load * scale for load in values], spare="1 unit") for scale in scales]
    assert together.present == pytest.approx([one.present[0] for one in alone], rel=1e-9, abs=1e-9)


def test_draws_are_compared_with_every_number_of_units(evaluated, mixed):
    """On a load of thousands of units the base of a draw is as exact as the base of one price."""
    values = tuple(float(one) for one in range(1, 5001, 7))
    mix = {"load": {"values": values}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h"}
    drawn = {"options.it.mix.burst": np.array([2.0, 3.0, 7.3]) / 3600}
    together = evaluated({"options": {"it": {"mix": mix}}}, drawn).option("it")
    units = together.context.figures["owned_units"].amount.values[:, 0]
    assert units.tolist() == [figure(mixed(values, OWN, burst), "owned_units") for burst in (2.0, 3.0, 7.3)]


def test_a_unit_is_owned_while_its_hours_are_worth_it(mixed):
    """Needed in two of four hours: owned at less than half the rent, rented at more and at the same."""
    values = (0.0, 0.0, 1.0, 1.0)
    assert [figure(mixed(values, own, 4.0), "owned_units") for own in (1.9, 2.0, 2.1)] == [1, 0, 0]
    assert figure(mixed((2.0, 1.0, 1.0, 1.0, 1.0), 0.22, 1.1), "owned_units") == 1


def test_lines_of_a_load_by_hand(mixed):
    """Hours of 1, 2 and 3 units at 1 and 3 USD: two are owned, the third is rented in one hour of three."""
    found = mixed((1, 2, 3), 1.0, 2.9)
    assert figure(found, "owned_units") == 2
    assert months(found) == pytest.approx({"mix_owned": 2 * 730, "mix_burst": 2.9 * 730 / 3})
    assert figure(found, "load_cost") == pytest.approx(6 + 2.9)
    assert figure(found, "all_owned_cost") == pytest.approx(9)
    assert figure(found, "all_burst_cost") == pytest.approx(6 * 2.9)
    assert figure(found, "regret_of_one_more") == pytest.approx(0.1)
    assert figure(found, "burst_hours_share") == pytest.approx(1 / 3)


def test_headroom_is_capacity_above_the_load(mixed):
    """A level load of 10 with 15 % headroom needs 11.5 units: 11 owned and half of one rented."""
    found = mixed((10, 10), 1.0, 1.5, headroom="15 %")
    assert months(found) == pytest.approx({"mix_owned": 11 * 730, "mix_burst": 0.5 * 1.5 * 730})


def test_a_spare_unit_stands_by_and_serves_nothing(mixed):
    """N+1 pays for one unit more, and nothing stands by where renting all is cheaper for it."""
    assert months(mixed((4, 4), spare="1 unit")) == pytest.approx({"mix_owned": 5 * 730, "mix_burst": 0})
    assert months(mixed((1, 1), spare="1 unit")) == pytest.approx({"mix_owned": 2 * 730, "mix_burst": 0})
    assert months(mixed((1, 1), spare="3 unit")) == pytest.approx({"mix_owned": 0, "mix_burst": 3 * 730})


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=6).filter(
        lambda c: any(hours for hours, _ in c)
    )
)
def test_a_duration_curve_is_the_load_it_stands_for(option, curve):
    """Hours at a load are so many values; the order of hours changes nothing."""
    values = [float(load) for hours, load in reversed(curve) for _ in range(hours)]
    prices = {"own": "1 USD/unit/h", "burst": "3 USD/unit/h"}
    forms = [{"duration": tuple(curve)}, {"values": tuple(values)}]
    first, second = (option({"mix": {"load": form, **prices}}) for form in forms)
    assert months(first) == pytest.approx(months(second))


def test_a_formula_is_the_load_of_its_hours(option):
    """`h` is the hour: a formula, its values and its duration curve cost the same."""
    prices = {"own": "1 USD/unit/h", "burst": "3 USD/unit/h"}
    forms = [
        {"formula": "2 + 3*(h%24 < 8) + (h == 5)", "hours": 48},
        {"values": tuple(2.0 + 3 * (hour % 24 < 8) + (hour == 5) for hour in range(48)), "hours": 48},
        {"duration": ((32, 2), (15, 5), (1, 6))},
    ]
    found = [option({"mix": {"load": form, **prices}}) for form in forms]
    assert months(found[0]) == months(found[1]) == months(found[2])
    assert figure(found[0], "all_burst_cost") == pytest.approx(3 * (32 * 2 + 15 * 5 + 6))


def test_a_level_formula_spans_the_year(option):
    """Without `hours:` a formula is asked for 8760 hours, and a plain number is the load of each."""
    found = option({"mix": {"load": {"formula": "2"}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h"}})
    assert figure(found, "load_cost") == pytest.approx(2 * 8760)


@given(loads, price, price, st.floats(0, 3))
def test_dearer_prices_or_loads_never_cost_less(mixed, values, own, burst, more):
    """Monotone in both prices, in headroom and in each hour; never above owning all or renting all."""
    base = mixed(values, own, burst)
    cost = base.present[0] * (1 - 1e-9)
    assert mixed(values, own + more, burst).present[0] >= cost
    assert mixed(values, own, burst + more).present[0] >= cost
    assert mixed(values, own, burst, headroom=more).present[0] >= cost
    assert mixed([values[0] + more, *values[1:]], own, burst).present[0] >= cost
    ends = (figure(base, "all_owned_cost"), figure(base, "all_burst_cost"))
    assert figure(base, "load_cost") <= min(ends) * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize(
    ("own", "spare"),
    [
        ("1 USD/unit/h", "1 unit"),
        ("1 USD/accelerator/h", "1 accelerator"),
        ("730 USD/server/month", "1 server"),
        ("1 USD/h", 1),
    ],
)
def test_units_may_have_any_name_and_prices_any_time(option, own, spare):
    """What a unit is called, and whether it is priced by the hour or by its month, changes nothing."""
    mix = {"load": {"values": (1, 2, 3)}, "own": own, "burst": "2.9 USD/replica/h", "spare": spare}
    assert months(option({"mix": mix})) == pytest.approx({"mix_owned": 3 * 730, "mix_burst": 2.9 * 730 / 3})


def test_figures_rest_on_both_prices(evaluated):
    """What the load costs can say which prices it was computed from."""
    mix = {"load": {"values": (1, 2, 3)}, "own": "= own", "burst": "3 USD/unit/h"}
    study = evaluated({"inputs": {"own": "1 USD/unit/h"}, "options": {"it": {"mix": mix}}})
    for name in ("load_cost", "all_burst_cost", "owned_units", "regret_of_one_more"):
        assert set(study.named(f"it.{name}").facts) == {
            "study/made-up/inputs.own",
            "study/made-up/options.it.mix.burst",
        }


def ladder(*rungs, values, burst=BURST, **stated):
    """A mix of rungs: (name, price, size, most, term)."""
    keys = ("name", "price", "size", "most", "term_periods")
    return {
        "load": {"values": tuple(values)},
        "burst": f"{burst!r} USD/unit/h",
        "ladder": tuple(
            dict(zip(keys, (rung[0], f"{rung[1]!r} USD/unit/h", *rung[2:]), strict=False)) for rung in rungs
        ),
        **stated,
    }


@settings(max_examples=15)
@given(loads, st.floats(0.1, 6), st.floats(0, 0.5))
def test_a_ladder_of_one_rung_is_an_owned_base(option, mixed, values, own, headroom):
    """One type to commit to for all of the time costs what the best base of it costs."""
    pytest.importorskip("scipy")
    found = option({"mix": ladder(("base", own), values=values, headroom=headroom)})
    alone = mixed(values, own, headroom=headroom)
    assert found.first_month[0] == pytest.approx(alone.first_month[0], rel=1e-5, abs=1e-6)
    assert months(found).keys() == {"mix_base", "mix_on_demand"}


def test_a_ladder_is_the_best_of_all_numbers_of_its_rungs(option):
    """Brute force over machines of two sizes, one of them scarce: no two numbers of them cost less."""
    pytest.importorskip("scipy")
    rng = np.random.default_rng(7)
    for _ in range(6):
        values = rng.integers(0, 12, 12).astype(float)
        large, small = rng.uniform(0.5, 6), rng.uniform(0.3, 3)
        found = option({"mix": ladder(("large", large, 3.0, 2), ("small", small), values=values)})
        best = min(
            12 * (large * many + small * few) + BURST * np.maximum(0, values - 3 * many - few).sum()
            for many in range(3)
            for few in range(13)
        )
        assert figure(found, "load_cost") == pytest.approx(best, rel=1e-5)
        assert found.first_month[0] == pytest.approx(best * 730 / 12, rel=1e-5)


def test_a_term_is_committed_to_where_it_is_needed(option):
    """A load of the second of two periods takes the rung of one period then, and leaves the longer one."""
    pytest.importorskip("scipy")
    rungs = (("long", 1.0), ("short", 1.5, 1.0, None, 1))
    found = option({"mix": ladder(*rungs, values=(0, 0, 2, 2), periods=2)})
    assert months(found) == pytest.approx({"mix_long": 0, "mix_short": 2 * 2 * 1.5 * 730 / 4, "mix_on_demand": 0})
    level = option({"mix": ladder(*rungs, values=(2, 2, 2, 2), periods=2)})
    assert months(level) == pytest.approx({"mix_long": 2 * 730, "mix_short": 0, "mix_on_demand": 0})


@pytest.mark.parametrize(
    "stated",
    [
        {"own": None},
        {"burst": None},
        {"own": {"value": None}},
        {"burst": {"value": None}},
        {"own": None, "ladder": ({"name": "one", "price": {"value": None}},)},
    ],
    ids=str,
)
def test_a_mix_without_a_price_is_unpriced_and_never_nothing(evaluated, stated):
    """Beside a priced line too, the option stays out of every ranking."""
    mix = {"load": {"values": (1, 2)}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h", **stated}
    mix = {name: one for name, one in mix.items() if one is not None}
    study = evaluated({"options": {"it": {"mix": mix, "lines": {"x": "5 USD/month"}}}})
    assert any(text.startswith("mix.") for text in study.option("it").context.unpriced)
    assert study.priced() == ()


RUNG = {"name": "one", "price": "1 USD/unit/h"}
BAD = [
    ({"load": {}}, "a load has one of `formula`, `values` and `duration`, got none", "one of them"),
    ({"load": {"formula": "2", "values": (1,)}}, "got formula, values", "one of them"),
    ({"load": {"formula": "2 + peak"}}, "a load formula knows `h`, the hour, and not `peak`", "numbers"),
    ({"load": {"formula": "2 +"}}, "is no formula", ""),
    ({"load": {"formula": "1 / (h - 3)", "hours": 9}}, "a load is one finite figure >= 0 per hour", ""),
    ({"load": {"values": (1, -2)}}, "from -2 to 1", ""),
    ({"load": {"values": (1, 2), "hours": 3}}, "`hours:` says 3, and `values:` has 2", "`hours:`"),
    ({"load": {"duration": ((2.5, 1),)}}, "has whole hours, at most 87600 in all, got 2.5 of them", "round"),
    ({"load": {"duration": ((-2, 1), (4, 1))}}, "got -2 of them", ""),
    ({"load": {"duration": ((1e9, 1),)}}, "got 1e+09 in all", ""),
    ({"own": "1 USD/unit"}, "`mix.own` is 1 USD/unit, and a price per unit and hour is needed", "1.38 USD/unit/h"),
    ({"own": "1 USD*unit/h"}, "`mix.own` is 1 USD*unit/h, and a price", "1.38 USD/unit/h"),
    ({"own": "1 USD/unit/request/h"}, "and a price per unit and hour is needed", ""),
    ({"burst": "1 unit/h"}, "`mix.burst` is 1 unit/h, and a price", ""),
    ({"burst": "-3 USD/unit/h"}, "`mix.burst` of option `it` is -3 USD/unit/h: a price is not negative", ""),
    ({"own": "1 EUR/unit/h"}, "1 EUR/unit/h is in EUR, and the study is in USD", "fx"),
    ({"headroom": "-10 %"}, "is -10 %, and must be 0 or more", ""),
    ({"headroom": "2 unit"}, "is in unit, and a plain number is needed", ""),
    ({"spare": "0.4 unit"}, "0.4 unit stand by, and units are owned whole", "`1`"),
    ({"spare": "-1 unit"}, "is -1 unit, and must be 0 or more", ""),
    ({"spare": "5 USD"}, "`mix.spare` is in USD, and unit is needed", ""),
    ({"periods": 2}, "`mix.periods` of option `it` has no meaning: the mix has no `ladder:`", "`periods:`"),
    ({"ladder": (RUNG,)}, "`mix.own` of option `it` has no meaning: the mix has a `ladder:`", "`own:`"),
    ({"own": None, "spare": "1 unit", "ladder": (RUNG,)}, "`mix.spare` of option `it` has no meaning", "`spare:`"),
    (
        {"own": None, "ladder": ({**RUNG, "price": "1 USD/unit"},)},
        "`mix.ladder.0.price` is 1 USD/unit, and a price per unit and hour is needed",
        "1.38 USD/unit/h",
    ),
    ({"own": None, "ladder": (RUNG, RUNG)}, "offers of a mix have different names", ""),
    ({"own": None, "periods": 2, "ladder": (RUNG,)}, "3 hours do not divide into 2 equal periods", ""),
    (
        {"own": None, "ladder": ({**RUNG, "term_periods": 2},)},
        "the term of 'one' is 2 periods and the horizon 1",
        "",
    ),
]


@pytest.mark.parametrize(("stated", "told", "way_out"), BAD, ids=[told for _, told, _ in BAD])
def test_what_cannot_be_mixed_so_is_refused(option, stated, told, way_out):
    """One sentence names the quantity and what it meets, another the way out; the path is where it stands."""
    mix = {"load": {"values": (1, 2, 3)}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h", **stated}
    with pytest.raises(StudyError) as failed:
        option({"mix": {name: one for name, one in mix.items() if one is not None}})
    assert told in failed.value.message
    assert failed.value.way_out
    assert way_out in failed.value.way_out
    assert failed.value.path[:3] == ("options", "it", "mix")


def test_prices_an_hour_and_a_month_meet_by_a_convention_alone(option):
    """Without one, the hours of a load say nothing of a price a month."""
    mix = {"load": {"values": (1, 2)}, "own": "1000 USD/unit/month", "burst": "3000 USD/unit/month"}
    with pytest.raises(StudyError, match="USD/month") as failed:
        option({"mix": mix}, conventions={"hours_per_month": None})
    assert "hours_per_month: 730" in failed.value.way_out


def test_what_has_one_value_is_not_drawn(evaluated):
    """Headroom and the rungs of a ladder have one value in a study, and say how to vary it."""
    values = {"load": {"values": (1, 2, 3)}, "burst": "3 USD/unit/h"}
    base = {**values, "own": "1 USD/unit/h", "headroom": "10 %"}
    cases = [("headroom", base), ("ladder.0.price", {**values, "ladder": (RUNG,)})]
    for name, mix in cases:
        study = evaluated({"options": {"it": {"mix": mix}}}, {f"options.it.mix.{name}": np.array([0.1, 0.2])})
        with pytest.raises(StudyError, match="has one value in a study, and cannot be drawn") as failed:
            study.option("it")
        assert "variants" in failed.value.way_out
