"""Laws of what explains an outlook: the tornado recomputes, Sobol shares are variances, turns make costs equal."""

from __future__ import annotations

import re
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.study import file as study_file
from breakeven.config.study.file import StudyFile
from breakeven.schema.outlook import Outlook, Swing, Turn
from breakeven.study.evaluate import Evaluated
from breakeven.study.outlook.bound import searched
from breakeven.study.outlook.case import case_of
from breakeven.study.outlook.draw import ranges
from breakeven.study.outlook.name import name_of
from breakeven.study.outlook.outlook import outlook
from breakeven.study.outlook.sobol import points
from breakeven.study.outlook.tornado import tornado
from breakeven.study.outlook.turn import turns

THREE = """
study: 1
id: three
title: Buy, rent or call
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 36, discount_rate: {value: 8 %, low: 4, high: 12}}
inputs:
  tariff: {value: 0.12 USD/kWh, low: 0.08, high: 0.18}
  decay: {value: -20 %/year, low: -50, high: 10}
demand:
  requests: {value: 9000000 request/month, low: 3000000, high: 20000000, distribution: lognormal}
  input_tokens: 1000 token/request
  output_tokens: {value: 250 token/request, low: 150, high: 400}
  growth: 2 %/month
options:
  buy:
    fleet: {servers: 1 server}
    purchase: {price: {value: 210000 USD/server, low: 180000, high: 260000}, residual: 15 %}
    power: {per_server: 9 kW/server, pue: {value: 1.4, low: 1.1, high: 1.6}, tariff: = tariff}
    lines:
      care: {rate: {value: 8 %/year, low: 2, high: 15, distribution: uniform}, of: purchase}
      staff: 3000 USD/month
  rent:
    fleet: {servers: 1 server}
    rent: {price: {value: 12 USD/server/h, low: 9, high: 17, trend: = decay}, support: 5 %}
  call:
    api: {input: 0.4 USD/Mtok, output: {value: 1.6 USD/Mtok, low: 1, high: 3, trend: = decay}}
"""
"""Values stand once each, so that a test can put another one in its place."""


@cache
def catalog() -> Catalog:
    """The shipped facts, read once."""
    return load_catalog()


def read(text: str) -> StudyFile:
    """A study from text."""
    return study_file.load(text)


def look(text: str, draws: int = 100) -> Outlook:
    """The outlook of a text."""
    return outlook(read(text), catalog(), np.random.default_rng(0), seed=0, draws=draws)


@cache
def three() -> Outlook:
    """The outlook of the study above."""
    return look(THREE)


def presents(study: StudyFile) -> dict[str, float]:
    """The present cost of every option, computed once and alone."""
    return {one.name: float(one.present[0]) for one in Evaluated(study, catalog()).priced()}


WRITTEN = {
    "tariff": "0.12 USD",
    "decay": "-20 %/year",
    "conventions.discount_rate": "8 %, low: 4",
    "demand.requests": "9000000 request",
    "demand.input_tokens": "1000 token",
    "demand.output_tokens": "250 token",
    "demand.growth": "2 %/month",
    "buy.purchase.price": "210000 USD",
    "buy.purchase.residual": "15 %",
    "buy.power.per_server": "9 kW",
    "buy.power.pue": "1.4, low",
    "buy.lines.care.rate": "8 %/year, low: 2",
    "buy.lines.staff.rate": "3000 USD",
    "rent.rent.price": "value: 12 USD",
    "rent.rent.support": "support: 5 %",
    "call.api.input": "0.4 USD",
    "call.api.output": "1.6 USD",
}
"""The number of each input in the text, with enough around it to be found once."""


def rewritten(name: str, value: float) -> StudyFile:
    """The study with another number for one input, and no ranges, which may not hold it."""
    before = WRITTEN[name]
    assert THREE.count(before) == 1, before
    text = THREE.replace(before, re.sub(r"-?[0-9.]+", f"{value:.15g}", before, count=1))
    return read(re.sub(r", (low|high): [-0-9.]+", "", text))


def saving(study: StudyFile, found: Outlook) -> float:
    """The result that the tornado moves."""
    costs = presents(study)
    return costs[found.compared] - costs[found.best]


def test_the_tornado_is_one_at_a_time_recomputation() -> None:
    """Equivalence: each end equals a study written with that value, computed alone; so ranks are equal as well."""
    found = three()
    assert len(found.tornado) == 10
    widths = []
    for swing in found.tornado:
        low, high = (saving(rewritten(swing.name, end), found) for end in (swing.low, swing.high))
        assert (swing.at_low, swing.at_high) == pytest.approx((low, high), rel=1e-9, abs=1e-5), swing.name
        widths.append(abs(high - low))
    assert widths == sorted(widths, reverse=True)


def test_a_tornado_holds_every_uncertain_input_once() -> None:
    """Conservation: those of the draws, each with its unit, its ends around base, and the fact it rests on."""
    base = case_of(read(THREE), catalog(), "").base
    assert {swing.name for swing in three().tornado} == {name_of(one.leaf) for one in ranges(base.scope, None)}
    for swing in three().tornado:
        assert swing.low <= swing.base <= swing.high
        assert base.scope.facts[swing.facts[0]].unit == swing.unit


def test_no_inputs_no_tornado() -> None:
    """Nothing uncertain: no bars, and nothing is evaluated for them."""
    case = case_of(read(re.sub(r", (low|high): [-0-9.]+", "", THREE)), catalog(), "")
    assert tornado(case, ranges(case.base.scope, None), {}) == ()


LINEAR = """
study: 1
id: linear
title: Two lines
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 12}
options:
  one:
    lines:
      a: {value: 100 USD/month, low: %s, high: %s, distribution: uniform}
      b: {value: 100 USD/month, low: %s, high: %s, distribution: uniform}
      c: {value: 100 USD/month, low: 100, high: 100}
"""


def linear(a: float, b: float) -> str:
    """One option of two uniform lines with these half widths, and a third that is certain."""
    text = LINEAR % (100 - a, 100 + a, 100 - b, 100 + b)
    return re.sub(r"(  [abc]): (\{.*\})", r"\1: {rate: \2}", text)


@settings(max_examples=10)
@given(a=st.floats(1, 90), b=st.floats(1, 90))
def test_sobol_shares_of_a_sum_are_shares_of_its_variance(a: float, b: float) -> None:
    """Of independent uniforms the first order is the share of the squared width, and the total order equals it."""
    pytest.importorskip("scipy")
    found = {swing.name: swing for swing in look(linear(a, b)).tornado}
    for name, width in (("one.lines.a.rate", a), ("one.lines.b.rate", b)):
        share = width**2 / (a**2 + b**2)
        assert found[name].first_order == pytest.approx(share, abs=0.03)
        assert found[name].total_order == pytest.approx(share, abs=0.03)
    assert found["one.lines.c.rate"].first_order is None


def test_sobol_shares_are_shares() -> None:
    """All within 0..1; first orders sum to about 1 at most; what moves nothing has a share of nothing."""
    pytest.importorskip("scipy")
    swings = three().tornado
    for swing in swings:
        assert swing.first_order is not None
        assert swing.total_order is not None
        assert 0 <= swing.first_order <= 1
        assert 0 <= swing.total_order <= 1
        assert swing.total_order == pytest.approx(0, abs=1e-6) or swing.width > 0
    assert sum(swing.first_order or 0.0 for swing in swings) < 1.1


def test_one_input_makes_all_of_the_variance() -> None:
    """A single input has first and total order 1; one that moves nothing has none."""
    pytest.importorskip("scipy")
    text = linear(50, 0.0)
    (swing,) = (swing for swing in look(text).tornado if swing.name == "one.lines.a.rate")
    assert (swing.first_order, swing.total_order) == (1, 1)
    idle = text.replace(
        "options:", "options:\n  two: {lines: {d: {rate: 1 USD/month}}}\n  zero: {lines: {e: 0 USD/month}}"
    )
    assert all(swing.first_order is None for swing in look(idle).tornado)


def test_without_scipy_there_are_no_indices_and_the_rest_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `plan` adds two columns and changes no other figure."""
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    without = look(THREE)
    assert all(swing.first_order is None and swing.total_order is None for swing in without.tornado)
    assert (without.chances, without.recoveries, without.turns) == (three().chances, three().recoveries, three().turns)
    assert [swing.at_low for swing in without.tornado] == [swing.at_low for swing in three().tornado]


def test_a_saltelli_matrix_stays_small() -> None:
    """Points are powers of two, at most 1,024, and rows never exceed 32,768; too many inputs get none."""
    for inputs in range(1, 600):
        count = points(inputs)
        assert count * (inputs + 2) <= 2**15
        assert count == 0 or count.bit_count() == 1
    assert (points(12), points(100), points(510), points(511)) == (1_024, 256, 64, 0)


def turn_of(name: str) -> Turn:
    """The turn of an input."""
    return next(turn for turn in three().turns if turn.name == name)


def test_a_turn_put_back_makes_both_options_equal() -> None:
    """Round-trip through the file: with the value written into the study, winner and best cost the same, to 1e-6."""
    flips = [(turn, turn.at) for turn in three().turns if turn.at is not None]
    assert len(flips) > 5
    for turn, value in flips:
        costs = presents(rewritten(turn.name, value))
        assert costs[turn.winner] == pytest.approx(costs[three().best], rel=1e-6), turn.name
        assert costs[turn.winner] == pytest.approx(min(costs.values()), rel=1e-6), turn.name


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_turn_is_the_nearest(name: str) -> None:
    """By force: no value nearer to base (none in all of the searched range, where there is no turn) flips."""
    turn, case = turn_of(name), case_of(read(THREE), catalog(), "")
    key, leaf = next((key, leaf) for key, leaf in case.base.scope.leaves.items() if name_of(leaf) == turn.name)
    reach = np.inf if turn.at is None else abs(turn.at - turn.base) * 0.999999
    shown = np.linspace(max(turn.searched_low, turn.base - reach), min(turn.searched_high, turn.base + reach), 501)
    found = Evaluated(case.study, catalog(), {key: shown * leaf.unit.factor})
    best = found.option(three().best).present
    assert all(np.all(found.option(other).present >= best * (1 - 1e-9)) for other in case.options)


def test_every_input_is_tried() -> None:
    """All written values but the count of servers; searched as far as the limits of each allow, nearest turns first."""
    assert {turn.name for turn in three().turns} == WRITTEN.keys()
    scope = case_of(read(THREE), catalog(), "").base.scope
    for key, leaf in scope.leaves.items():
        if "fleet" not in key:
            low, high = (end / leaf.unit.factor for end in searched(scope, leaf))
            turn = turn_of(name_of(leaf))
            assert (turn.searched_low, turn.searched_high) == pytest.approx((low, high))
    flips = [abs(turn.at - turn.base) / abs(turn.base) for turn in three().turns if turn.at is not None]
    assert flips == sorted(flips)
    assert 0 < len(flips) < len(three().turns)
    first_without = [turn.at is None for turn in three().turns].index(True)
    assert first_without == len(flips)


def test_a_price_flips_where_algebra_says() -> None:
    """Analytic: without discount and trends, rent of 24 months equals the purchase at a price of 24 x rent."""
    text = """
study: 1
id: two
title: Two
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 24}
options:
  own: {fleet: {servers: 1 server}, purchase: {price: 10000 USD/server}}
  rent: {fleet: {servers: 1 server}, rent: {price: 500 USD/server/month}}
"""
    found = {turn.name: turn for turn in look(text).turns}
    assert found["own.purchase.price"].at == pytest.approx(12_000, rel=1e-9)
    assert found["rent.rent.price"].at == pytest.approx(10_000 / 24, rel=1e-9)
    assert {turn.winner for turn in found.values()} == {"rent"}
    assert (found["rent.rent.price"].searched_low, found["rent.rent.price"].searched_high) == (50, 5_000)


STEPS = """
study: 1
id: steps
title: A fleet sized from demand
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 24}
demand: {requests: 2000000 request/month, input_tokens: 1 token/request}
options:
  own:
    fleet: {capacity: 1 request/s/server}
    purchase: {price: 1000 USD/server}
  call:
    api: {input: 40 USD/Mtok}
"""


def test_a_jump_is_named_by_the_first_value_that_flips() -> None:
    """Where a server more is what turns the decision, the value flips it, and one a little nearer does not."""
    turn = next(turn for turn in look(STEPS).turns if turn.name == "own.fleet.capacity")
    assert turn.winner == "call"
    assert turn.at is not None
    for capacity, cheaper in ((turn.at, "call"), (turn.at * 1.0001, "own")):
        costs = presents(read(STEPS.replace("1 request/s/server", f"{capacity:.12g} request/s/server")))
        assert min(costs, key=lambda name: costs[name]) == cheaper


def test_a_search_ends_where_the_study_refuses() -> None:
    """Power ten times as high is more than any server draws: the search is shortened to what can be computed."""
    power = "power: {per_server: 60 kW/server, tariff: 0.01 USD/kWh}"
    text = STEPS.replace("40 USD/Mtok", "4000 USD/Mtok").replace("    purchase:", f"    {power}\n    purchase:")
    turn = next(turn for turn in look(text).turns if turn.name == "own.power.per_server")
    assert turn.searched_low == pytest.approx(6)
    assert 60 < turn.searched_high <= 250
    assert turn.searched_high > 230


def test_an_alternative_is_needed_to_turn_to() -> None:
    """With one option there are no turns."""
    assert turns(case_of(read(linear(10, 20)), catalog(), "")) == ()


def test_width_is_the_distance_of_both_ends() -> None:
    """A swing is as wide as it moves the result, whichever end is higher."""
    swing = three().tornado[0]
    assert isinstance(swing, Swing)
    assert swing.width == abs(swing.at_high - swing.at_low) > 0
