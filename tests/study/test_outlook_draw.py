"""Laws of ranges and draws: percentiles as stated, physical limits, one draw a slice, and which inputs are drawn."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.algebra.unit import ONE, Unit
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.study import file as study_file
from breakeven.config.study.given import Distribution, Given
from breakeven.errors import StudyError
from breakeven.schema.fact import Fact
from breakeven.study.evaluate import Evaluated
from breakeven.study.outlook.bound import is_counted, physical, searched
from breakeven.study.outlook.case import case_of
from breakeven.study.outlook.draw import Range, drawn, quantiles, ranges
from breakeven.study.outlook.name import in_unit, name_of
from breakeven.study.reading import Leaf, Path
from breakeven.study.scope import Scope

HEAD = """
study: 1
id: draws
title: Draws
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 12}
"""


@cache
def catalog() -> Catalog:
    """The shipped facts, read once."""
    return load_catalog()


def scope_of(text: str) -> Scope:
    """A study's scope, every quantity of its options read."""
    return case_of(study_file.load(HEAD + text), catalog(), "").base.scope


def rented(price: str, more: str = "") -> Scope:
    """The scope of one rented server."""
    return scope_of(f"options: {{rent: {{fleet: {{servers: 1 server}}, rent: {{price: {price}}}{more}}}}}")


def leaf(base: float, unit: Unit = ONE, path: Path = ("inputs", "x"), **ends: float | None) -> Leaf:
    """A leaf in some unit."""
    fact = Fact(key="x", value=base, unit="", source="own", as_of="2026-01-01")
    low, high = ends.get("low"), ends.get("high")
    return Leaf(path=path, given=Given(value=base), unit=unit, base=base, low=low, high=high, fact=fact)


def range_of(low: float, base: float, high: float, kind: Distribution) -> Range:
    """A range without limits."""
    one = leaf(base, low=low, high=high)
    return Range(key="x", leaf=one, low=low, high=high, distribution=kind, least=-np.inf, most=np.inf)


ENDS = st.tuples(*(st.floats(0.001, 1e6) for _ in range(3))).map(sorted)


@given(ends=ENDS, kind=st.sampled_from(["triangular", "uniform", "normal", "lognormal"]))
def test_quantiles_rise(ends: list[float], kind: Distribution) -> None:
    """Monotonicity: a higher probability never gives a lower value."""
    found = quantiles(range_of(ends[0], ends[1], ends[2], kind), np.linspace(0, 1, 101))
    assert np.all(np.diff(found) >= -1e-9 * ends[2])


@given(ends=ENDS)
def test_triangles_and_uniforms_end_at_their_ends(ends: list[float]) -> None:
    """Probability 0 is low, 1 is high; the share below the mode is its share of the base of the triangle."""
    low, base, high = ends
    kinds: tuple[Distribution, ...] = ("triangular", "uniform")
    for kind in kinds:
        found = quantiles(range_of(low, base, high, kind), np.array([0.0, 1.0]))
        assert found == pytest.approx([low, high])
    if high > low:
        (mode,) = quantiles(range_of(low, base, high, "triangular"), np.array([(base - low) / (high - low)]))
        assert mode == pytest.approx(base, rel=1e-6)


@given(ends=ENDS)
def test_bell_curves_take_low_and_high_as_percentiles(ends: list[float]) -> None:
    """P5 is low and P95 is high; the median is the mean of both, geometric for the lognormal."""
    low, base, high = ends
    shares = np.array([0.05, 0.5, 0.95])
    assert quantiles(range_of(low, base, high, "normal"), shares) == pytest.approx([low, (low + high) / 2, high])
    expected = [low, np.sqrt(low * high), high]
    assert quantiles(range_of(low, base, high, "lognormal"), shares) == pytest.approx(expected)


def test_certainty_has_finite_quantiles() -> None:
    """The probabilities 0 and 1, which a sequence may hold, are far out but finite."""
    kinds: tuple[Distribution, ...] = ("normal", "lognormal")
    for kind in kinds:
        assert np.all(np.isfinite(quantiles(range_of(1, 2, 3, kind), np.array([0.0, 1.0]))))


@given(draws=st.integers(1, 300), seed=st.integers(0, 99))
def test_every_slice_of_probability_is_drawn_once(draws: int, seed: int) -> None:
    """Latin hypercube: of n draws of U(0, 1), one lies in each of n slices."""
    (values,) = drawn([range_of(0, 0.5, 1, "uniform")], draws, np.random.default_rng(seed)).values()
    assert sorted(np.floor(values * draws).astype(int)) == list(range(draws))


def test_inputs_are_independent() -> None:
    """Two inputs of the same range are drawn in different orders, with next to no correlation."""
    two = [range_of(0, 0.5, 1, "uniform"), range_of(0, 0.5, 1, "uniform")]
    two[1] = Range(key="y", leaf=two[1].leaf, low=0, high=1, distribution="uniform", least=0, most=1)
    one, other = drawn(two, 20_000, np.random.default_rng(1)).values()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_impossible_draws_are_cut() -> None:
    """Shares stay in 0..1, prices above 0, trends above -100 % a year, whatever the tails of a bell curve say."""
    text = """
inputs:
  trend: {value: -60 %/year, low: -99, high: 0, distribution: normal}
options:
  rent:
    fleet: {servers: 1 server}
    rent:
      price: {value: 1 USD/server/h, low: 0, high: 5, distribution: normal, trend: = trend}
      overhead: {value: 90 %, low: 60, high: 99, distribution: normal}
"""
    scope = scope_of(text)
    found = drawn(ranges(scope, None), 20_000, np.random.default_rng(0))
    assert found["options.rent.rent.overhead"].min() >= 0
    assert found["options.rent.rent.overhead"].max() == 1
    assert found["options.rent.rent.price"].min() == 0
    assert found["inputs.trend"].min() > -scope.unit("1/year").factor
    assert found["inputs.trend"].max() > 0
    study = study_file.load(HEAD + text)
    assert np.all(np.isfinite(Evaluated(study, catalog(), found).option("rent").present))


def test_a_single_end_leaves_the_other_at_the_value() -> None:
    """A low alone is a range from it to the value; for bell curves the other end is as far away as the first."""
    (one,) = ranges(rented("{value: 2 USD/server/h, low: 1}"), None)
    assert (one.low, one.high) == (one.leaf.base / 2, one.leaf.base)
    (one,) = ranges(rented("{value: 2 USD/server/h, high: 3, distribution: normal}"), None)
    assert one.low == pytest.approx(one.leaf.base / 2)
    (one,) = ranges(rented("{value: 2 USD/server/h, high: 4, distribution: lognormal}"), None)
    assert one.low == pytest.approx(one.leaf.base / 2)


def test_all_inputs_gives_the_others_a_range() -> None:
    """A share widens what has no range, keeps what has one, cuts shares at 100 %, and leaves out terms and nothing."""
    more = ", lines: {zero: 0 USD/month, storage: 10 USD/month}"
    price = "{value: 2 USD/server/h, low: 1, high: 3}, overhead: 95 %, term: 12 month"
    scope = rented(price, more)
    assert [one.key for one in ranges(scope, None)] == ["options.rent.rent.price"]
    found = {name_of(one.leaf): one for one in ranges(scope, 0.2)}
    ends = {name: (in_unit(one.leaf, one.low), in_unit(one.leaf, one.high)) for name, one in found.items()}
    assert ends == {
        "rent.fleet.servers": (0.8, 1.2),
        "rent.lines.storage.rate": (8, 12),
        "rent.rent.overhead": (76, 100),
        "rent.rent.price": (1, 3),
    }


def test_ranges_come_by_path() -> None:
    """Inputs are in the order of their paths, whatever the order of the file."""
    text = "inputs: {b: {value: 1, low: 0, high: 2}, a: {value: 1, low: 0, high: 2}}\n"
    text += "options: {rent: {fleet: {servers: 1 server}, rent: {price: = (b + a) * 1}}}"
    with pytest.raises(StudyError):
        scope_of(text)
    text = text.replace("= (b + a) * 1", "= (b + a) * usd").replace("{b:", "{usd: 1 USD/server/month, b:")
    assert [one.key for one in ranges(scope_of(text), None)] == ["inputs.a", "inputs.b"]


def test_a_fact_of_the_catalog_brings_its_range() -> None:
    """`fact:` is drawn from the catalog's low to its high, unless the study states ends of its own."""
    fact = catalog().fact("assumption/colocation_per_kw")
    power = ", power: {per_server: 1 kW/server}, housing: {price: {fact: assumption/colocation_per_kw%s}}"
    (one,) = ranges(rented("1 USD/server/h", power % ""), None)
    assert (in_unit(one.leaf, one.low), in_unit(one.leaf, one.high)) == (fact.low, fact.high)
    (one,) = ranges(rented("1 USD/server/h", power % ", low: 150"), None)
    assert (in_unit(one.leaf, one.low), in_unit(one.leaf, one.high)) == (150, fact.high)


def test_an_offer_of_the_catalog_is_an_input() -> None:
    """Prices of offers have no path in the study; they go by the key of their fact, and are drawn by it."""
    on = "2026-01-01"
    offer = next(
        one for one in catalog().offers(on=on, kind="accelerator_hour") if one.usd_per_hour and one.term == "on_demand"
    )
    text = f"options: {{rent: {{fleet: {{servers: 1 server}}, rent: {{offer: {offer.id}}}}}}}"
    scope = scope_of(text)
    key = f"offer/{offer.id}@{offer.valid_from}/usd_per_hour"
    one = next(one for one in ranges(scope, 0.1) if one.key == key)
    assert in_unit(one.leaf, one.low) == pytest.approx(0.9 * offer.usd_per_hour)  # type: ignore[operator]
    twice = Evaluated(study_file.load(HEAD + text), catalog(), {key: np.array([1.0, 2.0]) * one.leaf.base})
    dear = twice.option("rent").present
    assert dear[1] == pytest.approx(2 * dear[0])


@pytest.mark.parametrize(
    ("unit", "base", "low", "high", "expected"),
    [
        ("%", 0.3, None, None, (0, 1)),
        ("", 0.3, None, None, (0, 1)),
        ("", 1.0, None, None, (0.1, 10)),
        ("%", 1.0, None, None, (0, 1)),
        ("", 1.4, 1.1, 1.6, (0.14, 14)),
        ("USD/month", 5.0, None, 90.0, (0.5, 90)),
        ("USD/month", -5.0, None, None, (-50, -0.5)),
        ("USD", 0.0, None, None, (0, 0)),
        ("USD", 0.0, 0.0, 4.0, (0, 4)),
    ],
)
def test_how_far_a_turn_is_searched(
    unit: str, base: float, low: float | None, high: float | None, expected: tuple[float, float]
) -> None:
    """Shares in 0..1; everything else in a decade to either side, and at least in its own range."""
    scope = rented("1 USD/server/h")
    assert searched(scope, leaf(base, Unit(scope.unit(unit).dims, 1.0, unit), low=low, high=high)) == pytest.approx(
        expected
    )


def test_trends_are_searched_as_trends() -> None:
    """-90 % to +100 % a year, for a trend a month the same over twelve of them."""
    scope = rented(
        "{value: 2 USD/server/h, trend: -20 %/year}", ", lines: {a: {rate: {value: 1 USD/month, trend: 1 %/month}}}"
    )
    year, month = (scope.leaves[f"options.rent.{path}.trend"] for path in ("rent.price", "lines.a.rate"))
    assert tuple(in_unit(year, end) for end in searched(scope, year)) == (-90, 100)
    low, high = (1 + in_unit(month, end) / 100 for end in searched(scope, month))
    assert (low**12, high**12) == pytest.approx((0.1, 2.0))


def test_limits_follow_the_range() -> None:
    """What is never negative stays so; a plain number above 1 is no share; income may be anything."""
    scope = rented("1 USD/server/h")
    assert physical(scope, leaf(0.5), 0.2, 0.8) == (0, 1)
    assert physical(scope, leaf(0.5), 0.2, 1.8) == (0, np.inf)
    assert physical(scope, leaf(-5.0, scope.unit("USD")), -9, -1) == (-np.inf, np.inf)
    assert physical(scope, leaf(-0.5), -0.9, 0)[0] == -0.999


def test_machines_are_counted_unless_they_have_a_range() -> None:
    """1.9 servers are no answer; a stated range says that they are a number to look at."""
    path = ("options", "own", "fleet", "servers")
    assert is_counted(leaf(2, path=path))
    assert not is_counted(leaf(2, path=path, low=1.0, high=3.0))
    assert not is_counted(leaf(2, path=("options", "own", "fleet", "utilisation")))


def test_names_are_short_and_numbers_clean() -> None:
    """Names leave out `inputs.`, `options.` and days of offers; values in their unit have no tail of binary digits."""
    assert name_of(leaf(1, path=("inputs", "capex"))) == "capex"
    assert name_of(leaf(1, path=("options", "own", "power", "pue"))) == "own.power.pue"
    assert name_of(leaf(1, path=("demand", "requests"))) == "demand.requests"
    assert name_of(leaf(1, path=("offer/a@2026-01-01/usd_per_hour",))) == "price of a"
    kwh = rented("1 USD/server/h").unit("USD/kWh")
    assert in_unit(leaf(0.12 * kwh.factor, kwh), 0.12 * kwh.factor) == 0.12
