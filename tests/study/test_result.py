"""Results: every figure by its definition, results by formula, the study again with other inputs, and rules tested."""

from __future__ import annotations

import math

import numpy as np
import pytest

from breakeven.errors import StudyError
from breakeven.study.compute import compute
from breakeven.study.figures import FIGURES, figure
from breakeven.study.truth import truths
from breakeven.study.vary import variants

BODY = {
    "conventions": {"hours_per_month": 730, "horizon_months": 24, "discount_rate": "12 %"},
    "demand": {
        "requests": "730000 request/month",
        "input_tokens": "1000 token/request",
        "output_tokens": "500 token/request",
        "useful": "50 %",
        "value": "0.01 USD/useful_prediction",
        "peak_to_mean": 2,
    },
    "options": {
        "own": {
            "fleet": {
                "capacity": "1 request/s/instance",
                "accelerators_per_instance": "4 accelerator/instance",
                "accelerators_per_server": "8 accelerator/server",
                "spare_servers": "1 server",
            },
            "purchase": {"price": "6000 USD/server", "residual": "10 %"},
            "power": {
                "per_server": "10 kW/server",
                "pue": 1.2,
                "tariff": "0.1 USD/kWh",
                "carbon": "400 gCO2/kWh",
                "embodied": "1500 kgCO2/server",
            },
            "lines": {
                "care": "12 %/year of purchase",
                "tuning": {"rate": "500 USD", "month": 6, "category": "training"},
            },
            "exit": {"notice": "2 month", "migration": "700 USD"},
        },
        "rent": {
            "share": "25 %",
            "fleet": {
                "servers": "2 server",
                "capacity": "1000 token/s/server",
                "used_hours": "365 h/month",
                "utilisation": "50 %",
            },
            "rent": {"price": "5 USD/server/h", "term": "20 month"},
            "exit": {"penalty": "30 %"},
        },
        "mixed": {
            "mix": {"load": {"values": [1, 2, 3, 2]}, "own": "1 USD/unit/h", "burst": "3 USD/unit/h"},
        },
    },
}
LEVEL = sum(1.01**-month for month in range(1, 25))
OWN_MONTH = 10 * 1.2 * 730 * 0.1 + 0.01 * 12_000
OWN_PRESENT = 12_000 + OWN_MONTH * LEVEL + 500 * 1.01**-6 - 1_200 * 1.01**-24
RENT_MONTH = 2 * 5 * 730
TOKENS = 0.25 * 730_000 * 1500
BY_HAND = {
    "own.capex": 12_000,
    "own.residual": 1_200,
    "own.first_month": OWN_MONTH,
    "own.total": 12_000 + 24 * OWN_MONTH + 500 - 1_200,
    "own.present": OWN_PRESENT,
    "own.annuity": OWN_PRESENT / LEVEL,
    "own.depreciation_month": (12_000 - 1_200) / 24,
    "own.accounting_month": OWN_MONTH + (12_000 - 1_200) / 24,
    "own.inference": 24 * OWN_MONTH,
    "own.training": 500,
    "own.peak_rate": 2 * 730_000 / 730 / 3600,
    "own.instances": 1,
    "own.accelerators_needed": 4,
    "own.accelerators": 16,
    "own.servers": 2,
    "own.requests": 730_000,
    "own.tokens": 730_000 * 1500 / 1e6,
    "own.useful": 365_000,
    "own.capacity_requests": 730 * 3600,
    "own.used_of_capacity": 100 * 1000 / 3600,
    "own.cost_per_request": OWN_PRESENT / LEVEL / 730,
    "own.cost_per_token": OWN_PRESENT / LEVEL / 1095,
    "own.cost_per_useful": OWN_PRESENT / LEVEL / 365,
    "own.accounting_per_request": (OWN_MONTH + 450) / 730,
    "own.accounting_per_token": (OWN_MONTH + 450) / 1095,
    "own.energy": 8760,
    "own.energy_per_token": 8760 / 1095,
    "own.energy_per_useful": 8760 / 365,
    "own.tokens_per_energy": 1095e6 / (8760 * 3.6e6),
    "own.carbon": 8760 * 0.4,
    "own.embodied": 3000,
    "own.embodied_per_token": 3_000_000 / 24 / 1095,
    "own.embodied_per_request": 3_000_000 / 24 / 730,
    "own.embodied_per_useful": 3_000_000 / 24 / 365,
    "own.carbon_per_token": 8760 * 400 / 1095,
    "own.carbon_per_request": 8760 * 400 / 730,
    "own.carbon_per_useful": 8760 * 400 / 365,
    "own.value": 3650,
    "own.return_on_spend": 3650 / (OWN_PRESENT / LEVEL),
    "own.exit_after_12": 2 * OWN_MONTH + 700,
    "own.lines.care": 120,
    "own.lines.power": 876,
    "own.lines.tuning": 500,
    "own.lines.purchase": 12_000,
    "own.lines.resale": -1_200,
    "own.life_months": 24,
    "rent.first_month": RENT_MONTH,
    "rent.requests": 0.25 * 730_000,
    "rent.value": 0.25 * 3650,
    "rent.capacity_tokens": 2 * 1000 * 365 * 3600 / 1e6,
    "rent.used_of_capacity": 100 * TOKENS / (2 * 1000 * 365 * 3600),
    "rent.cost_per_capacity_token": RENT_MONTH / (0.5 * 2 * 1000 * 365 * 3600 / 1e6),
    "rent.cost_per_token": RENT_MONTH / (TOKENS / 1e6),
    "rent.exit_after_12": 0.3 * RENT_MONTH * 8,
    "rent.capex": 0,
    "mixed.owned_units": 2,
    "mixed.load_cost": 2 * 4 * 1 + 1 * 3,
    "mixed.all_owned_cost": 3 * 4 * 1,
    "mixed.all_burst_cost": 8 * 3,
    "own_vs_rent.extra_capital": 12_000,
    "own_vs_rent.saving_first_month": RENT_MONTH - OWN_MONTH,
    "own_vs_rent.npv": RENT_MONTH * LEVEL - OWN_PRESENT,
    "own_vs_rent.cost_ratio": RENT_MONTH * LEVEL / OWN_PRESENT,
    "own_vs_rent.price_factor": OWN_PRESENT / RENT_MONTH / LEVEL,
    "own_vs_rent.months": 12_000 / (RENT_MONTH - OWN_MONTH),
    "own_vs_rent.whole_months": 2,
    "own_vs_rent.capital_annuity": (12_000 - 1_200 * 1.01**-24) / LEVEL,
}


@pytest.fixture(scope="module")
def shown(study_of, shipped):
    """Every figure that the study shows, in its unit."""
    tco = compute(study_of(BODY), shipped).base
    found = {one.name: one.figure for option in tco.options for one in option.figures}
    found |= {one.name: one.figure for pair in tco.pairs for one in pair.figures}
    for option in tco.options:
        found |= {f"{option.name}.{name}": getattr(option, name) for name in ("capex", "residual", "first_month")}
        found |= {f"{option.name}.{name}": getattr(option, name) for name in ("total", "present", "annuity")}
        found[f"{option.name}.accounting_month"] = option.accounting_month
    return found


@pytest.fixture(scope="module")
def named(evaluated):
    """The study, evaluated."""
    return evaluated(BODY)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_figure_is_its_definition(named, shown, name):
    """What a formula names, and what is shown in the unit of the figure, are what the hand formula comes to."""
    figure = shown.get(name)
    if figure is not None:
        value = figure if isinstance(figure, float) else figure.value
        assert value == pytest.approx(BY_HAND[name], abs=1e-6)
        return
    known = named.named(name).amount
    units = ("", "USD", "USD/month", "USD/Mtok", "Mtok/month", "month")
    unit = next(unit for unit in map(named.scope.unit, units) if unit.dims == known.dims)
    assert known.to(unit)[0, 0] == pytest.approx(BY_HAND[name])


def test_no_figure_is_without_a_definition_here():
    """Whoever adds a figure adds what it must come to."""
    assert set(FIGURES) - {name.partition(".")[2] for name in BY_HAND} == set()


def test_a_figure_that_cannot_be_computed_is_left_out(shown):
    """No token capacity, no energy of what is rented, no requests of a mix: none of them is 0."""
    assert not {"own.capacity_tokens", "rent.energy", "rent.carbon", "rent.embodied", "rent.instances"} & set(shown)


def test_a_category_and_a_line_are_sums_of_what_carries_their_name(option):
    """Lines of one category over the horizon; a part by its name in month 1."""
    costed = option({"lines": {"a": {"rate": "5 USD/month", "category": "training"}, "b": "7 USD/month"}})
    assert figure(costed, "training").amount.scalar == pytest.approx(36 * 5)
    assert figure(costed, "inference").amount.scalar == pytest.approx(36 * 7)
    assert figure(costed, "lines.b").amount.to(costed.context.scope.unit("USD/month"))[0, 0] == pytest.approx(7)


def test_a_price_of_one_is_the_level_month_over_the_mean_of_what_is_served(option):
    """Where demand grows, all months count: 100, 200 and 400 requests are 233 on average."""
    demand = {"requests": "100 request/month", "growth": "100 %/month"}
    costed = option({"lines": {"x": "70 USD/month"}}, demand=demand, months=3)
    each = figure(costed, "cost_per_request").amount.to(costed.context.scope.unit("USD/request"))
    assert each.tolist() == [[pytest.approx(70 / ((100 + 200 + 400) / 3))]]


@pytest.mark.parametrize(("resale", "lost"), [("75 %", 0), ("40 %", 1200 * (2 / 3 - 0.4)), ("0 %", 800)])
def test_leaving_costs_the_book_value_that_a_sale_does_not_bring(option, resale, lost):
    """After 12 of 36 months two thirds are on the books; a sale brings what the curve says, and no gain counts."""
    curve = [[12, resale], [36, "0 %"]]
    costed = option({"purchase": {"price": "1200 USD", "residual_curve": curve}})
    assert figure(costed, "exit_after_12").amount.scalar == pytest.approx(lost)


# ------------------------------------------------------------------------------------------- results and names

PLAIN = {
    "inputs": {"a": "6 USD/month", "b": "4 USD/month", "n": 3, "lacking": {"value": None}},
    "options": {"one": {"lines": {"x": "= a"}}, "two": {"lines": {"y": "= b", "once": "10 USD"}}},
}


def results(study_of, shipped, **formulas):
    found = compute(study_of({**PLAIN, "results": formulas}), shipped)
    return {one.name: one.figure for one in found.base.results}


def test_a_result_is_its_formula_in_its_unit(study_of, shipped):
    """Over inputs, figures, pairs and other results; with the facts that all of them rest on."""
    found = results(
        study_of,
        shipped,
        year={"formula": "12 * month * (a + b)", "unit": "CUR", "note": "both"},
        again="year / n",
        months="two_vs_one.months / month",
        true="one.total > two.total",
        yearly={"formula": "one.first_month", "unit": "USD/year"},
        each="n / one.total",
    )
    assert (found["year"].value, found["year"].unit, found["year"].note) == (pytest.approx(120), "USD", "both")
    assert set(found["year"].facts) == {"study/made-up/inputs.a", "study/made-up/inputs.b"}
    assert set(found["again"].facts) == {*found["year"].facts, "study/made-up/inputs.n"}
    assert (found["again"].value, found["again"].unit) == (pytest.approx(40), "USD")
    assert found["months"].value == pytest.approx(5)
    assert found["true"].value == 1
    assert found["yearly"].value == pytest.approx(72)
    assert (found["each"].value, found["each"].unit) == (pytest.approx(3 / 216), "1/USD")


def test_a_result_that_rests_on_a_missing_price_is_unpriced(study_of, shipped):
    """Its value is null, and its note names what is missing; the others stand."""
    found = results(study_of, shipped, open={"formula": "lacking + a", "unit": "CUR/month"}, known="n")
    assert (found["open"].value, found["open"].unit, found["open"].basis) == (None, "USD/month", "unknown")
    assert "lacking" in found["open"].note
    assert found["known"].value == 3


@pytest.mark.parametrize(
    ("formula", "told", "way_out"),
    [
        ("one.totl", "stands for nothing", "did you mean `one.total`"),
        ("one_vs_two.month", "stands for nothing", "one_vs_two.months"),
        ("three.total", "stands for nothing", "`one.total`"),
        ("a + n", "is in", "plain number"),
        ("a + itself", "depends on itself: itself -> itself", "break the circle"),
        ("one.energy", "has no figure `energy`", "need demand or capacity"),
        ("one.lines.purchase", "has no line `purchase`", "its lines are x"),
        ("n / (n - 3)", "divid", "change what makes it so"),
        ("two_vs_one.utilisation", "rents nothing by the hour", "has a `rent:`"),
        ({"formula": "a", "unit": "USD"}, "is in USD/s, and USD is needed", ""),
    ],
)
def test_a_result_that_cannot_be_computed_is_an_error_at_its_place(study_of, shipped, formula, told, way_out):
    """An unknown name, a circle, a wrong unit, a division by nothing: which result, and the way out."""
    with pytest.raises(StudyError) as failed:
        results(study_of, shipped, itself=formula)
    assert told in failed.value.message
    assert way_out in f"{failed.value.message} {failed.value.way_out}"
    assert failed.value.path[:2] == ("results", "itself")


NAMES = [
    ({"inputs": {"pi": 3}}, ("inputs", "pi"), "a word that formulas use"),
    ({"inputs": {"lambda": 3}}, ("inputs", "lambda"), "a word that formulas use"),
    ({"results": {"a": "n"}}, ("results", "a"), "an input and a result"),
    ({"demand": {"flows": {"tokens": "5 token/month"}}}, ("demand", "flows", "tokens"), "a demand has already"),
    ({"options": {"demand": {"lines": {"x": "1 USD"}}}}, ("options", "demand"), "what the demand"),
    ({"options": {"a_vs_b": {"lines": {"x": "1 USD"}}}}, ("options", "a_vs_b"), "pair of options"),
    ({"options": {"one": {"lines": {"rent": "1 USD"}}}}, ("options", "one", "lines", "rent"), "a part of an option"),
    ({"units": ["meal", "server"]}, ("units", 1), "`server` is a unit already"),
    ({"units": ["month"]}, ("units", 0), "`month` is a unit already"),
]


@pytest.mark.parametrize(("body", "path", "told"), NAMES, ids=[case[2] for case in NAMES])
def test_a_name_means_one_thing(evaluated, body, path, told):
    """A word of formulas, a unit, a part or a second meaning is refused where it stands."""
    with pytest.raises(StudyError) as failed:
        evaluated({**PLAIN, **body})
    assert told in failed.value.message
    assert failed.value.path == path


# -------------------------------------------------------------------------------------------- variants and grid

PRICED = {
    "inputs": {"price": "5 USD/month", "count": 2, "other": "= price * 2"},
    "options": {"it": {"lines": {"x": "= price * count", "y": "= other"}}},
}


def test_a_variant_is_the_study_with_its_inputs_changed(study_of, shipped):
    """What is computed from a changed input follows it; a bare number keeps the unit; the base stays."""
    body = {
        **PRICED,
        "variants": {
            "dear": {"price": 7},
            "both": {"price": "84 USD/year", "count": 3},
            "by formula": {"count": "= 1 + 1"},
        },
    }
    found = compute(study_of(body), shipped)
    months = {one.name: one.options[0].first_month for one in (found.base, *found.variants)}
    assert months == {"": 20, "dear": 28, "both": pytest.approx(35), "by formula": 20}
    assert found.variants[1].changed == (("price", "84 USD/year"), ("count", "3.0"))


def test_a_grid_is_every_combination_in_order(study_of, shipped):
    """The first input changes slowest; each point is named by its values and stands after the named variants."""
    body = {**PRICED, "variants": {"dear": {"price": 7}}, "grid": {"price": ["1 USD/month", 2], "count": [3, 4, 5]}}
    found = compute(study_of(body), shipped).variants
    assert [one.name for one in found[:3]] == ["dear", "price=1 USD/month,count=3", "price=1 USD/month,count=4"]
    points = [(price, count) for price in (1, 2) for count in (3, 4, 5)]
    assert [one.options[0].first_month for one in found[1:]] == [price * count + 2 * price for price, count in points]
    assert found[-1].name == "price=2,count=5"


def test_facts_of_a_variant_are_among_the_facts(study_of, shipped):
    """A figure that only a variant rests on has its source in the result too."""
    sourced = {"value": "7 USD/month", "source": "a letter", "as_of": "2026-02-03"}
    body = {
        "inputs": {"p": {"value": None}},
        "options": {"it": {"lines": {"x": "= p"}}},
        "variants": {"told": {"p": sourced}},
    }
    found = compute(study_of(body), shipped)
    assert found.base.options[0].total is None
    assert found.variants[0].options[0].total == 36 * 7
    assert [(fact.source, fact.as_of) for fact in found.facts if fact.key.endswith("inputs.p")] == [
        ("a letter", "2026-02-03")
    ]


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        ({"variants": {"v": {"prices": 1}}}, ("variants", "v"), "`prices`, which is no input"),
        ({"grid": {"prices": [1]}}, ("grid",), "`prices`, which is no input"),
        ({"grid": {"price": list(range(50)), "count": list(range(50))}}, ("grid",), "2,500 points"),
    ],
)
def test_a_variant_changes_inputs_that_there_are(study_of, shipped, body, path, told):
    """And no more than can be computed."""
    with pytest.raises(StudyError) as failed:
        compute(study_of({**PRICED, **body}), shipped)
    assert told in failed.value.message
    assert failed.value.path == path


def test_an_empty_grid_has_no_points(study_of):
    """Nothing to combine is no variant."""
    assert list(variants(study_of(PRICED))) == []


# -------------------------------------------------------------------------------------------------------- rules


def ruled(study_of, shipped, holds, *, low=0, high=12, of="x", more=None, **stated):
    rule = {"claim": "it holds", "holds": holds, "vary": of, "low": low, "high": high, **stated}
    inputs = {"x": 1, "y": 0, "z": "= x", "spend": "20000 USD/month", **(more or {})}
    options = {
        "own": {"lines": {"build": "250000 USD", "care": "4650 USD/month"}},
        "api": {"lines": {"bill": "= spend"}},
    }
    conventions = {"hours_per_month": 730, "horizon_months": 60}
    body = {"conventions": conventions, "inputs": inputs, "options": options, "rules": {"r": rule}}
    return truths(study_of({**body, "variants": {"shifted": {"y": 2}}}), shipped)


CLAIMS = [
    ("sin(x) > 0.3", lambda x: math.sin(x) > 0.3),
    ("x < 2 or (x > 5 and x <= 9.25)", lambda x: x < 2 or 5 < x <= 9.25),
    ("abs(x - 6) > 1.5", lambda x: abs(x - 6) > 1.5),
    ("x >= 0", lambda x: x >= 0),
    ("x > 12.5", lambda x: x > 12.5),
]


@pytest.mark.parametrize(("holds", "true"), CLAIMS, ids=[holds for holds, _ in CLAIMS])
def test_a_rule_is_true_inside_its_intervals_and_false_outside(study_of, shipped, holds, true):
    """Against a fine grid of points, each asked by itself; ends are exact to a millionth of the range."""
    (found,) = ruled(study_of, shipped, holds)
    assert found.searched == (0, 12)
    for x in np.linspace(0, 12, 5_003):
        if all(abs(x - end) > 1e-5 for span in found.true_when for end in span):
            assert any(low <= x <= high for low, high in found.true_when) == true(x), x
    assert all(true(end) for span in found.true_when for end in span)


@pytest.mark.parametrize(("at", "late"), [(1, 2.5), (12, 18), (17.25, 60)])
def test_the_ends_of_a_payback_rule_are_solved(study_of, shipped, at, late):
    """Capital / (spend - running costs) between two months holds for the spends of those months."""
    holds = f"{at} * month <= own_vs_api.months and own_vs_api.months <= {late} * month"
    (found,) = ruled(study_of, shipped, holds, low="5000 USD/month", high=300000, of="spend")
    ((low, high),) = found.true_when
    assert found.unit == "USD/month"
    assert low == pytest.approx(4650 + 250_000 / late, abs=0.03)
    assert high == pytest.approx(4650 + 250_000 / at, abs=0.03)


def test_a_rule_is_tested_in_each_variant_it_names(study_of, shipped):
    """The base first; each with its own intervals."""
    base, shifted = ruled(study_of, shipped, "x > y + 3", variants=["shifted"])
    assert (base.variant, shifted.variant) == ("", "shifted")
    assert base.true_when == ((pytest.approx(3, abs=1e-4), 12),)
    assert shifted.true_when == ((pytest.approx(5, abs=1e-4), 12),)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"of": "w"}, "varies `w`, which is no input"),
        ({"of": "z"}, "`inputs.z` is a formula"),
        ({"low": 12, "high": 12}, "from 12.0 to 12.0"),
        ({"variants": ["none"]}, "asks for the variant `none`"),
        ({"holds": "x > spend"}, "USD"),
        ({"holds": "x > w"}, "`w` stands for nothing"),
    ],
)
def test_a_rule_that_cannot_be_tested_is_refused(study_of, shipped, stated, told):
    """What it varies, from where to where, and what it asks must be there."""
    with pytest.raises(StudyError) as failed:
        ruled(study_of, shipped, **{"holds": "x > 3", **stated})
    assert told in failed.value.message
    assert failed.value.path[0] in {"rules", "inputs"}
