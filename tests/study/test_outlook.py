"""Laws of the outlook: replay, chances, break-even bands, the worth of knowing, and what is refused."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.study import file as study_file
from breakeven.config.study.file import StudyFile
from breakeven.errors import StudyError
from breakeven.schema.outlook import Band, Outlook
from breakeven.study.evaluate import Evaluated
from breakeven.study.outlook.case import case_of, costs, sampled
from breakeven.study.outlook.chance import bands, chances, expected_regrets
from breakeven.study.outlook.draw import drawn, ranges
from breakeven.study.outlook.outlook import outlook

HEAD = """
study: 1
id: two
title: Buy or rent
source: {title: own assumption, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 24}
"""
OWN = "{fleet: {servers: 1 server}, purchase: {price: = price}, lines: {care: 100 USD/month}}"
RENT = "{fleet: {servers: 1 server}, rent: {price: = rent}}"
PRICE = "{value: 10000 USD/server, low: 8000, high: 14000}"
MONTHLY = "{value: 600 USD/server/month, low: 300, high: 800}"


@cache
def catalog() -> Catalog:
    """The shipped facts, read once."""
    return load_catalog()


def study(text: str) -> StudyFile:
    """A study of this text after the usual head."""
    return study_file.load(HEAD + text)


def two(price: str = PRICE, rent: str = MONTHLY, more: str = "") -> StudyFile:
    """A server bought, or rented by the month: present costs are price + 2,400 and 24 x rent."""
    return study(f"inputs: {{price: {price}, rent: {rent}}}\noptions: {{own: {OWN}, rent: {RENT}{more}}}\n")


def look(one: StudyFile, draws: int = 400, seed: int = 0, compare: str = "") -> Outlook:
    """The outlook of a study from a seed."""
    return outlook(one, catalog(), np.random.default_rng(seed), seed=seed, draws=draws, compare=compare)


def band_of(found: Outlook, option: str) -> tuple[float, float, float]:
    """The band of an option's present cost."""
    band = next(one.present_cost for one in found.chances if one.option == option)
    assert band.p5 is not None
    assert band.p50 is not None
    assert band.p95 is not None
    return band.p5, band.p50, band.p95


def triangular_share(value: float, low: float, mode: float, high: float) -> float:
    """The distribution function of the triangular distribution."""
    if value <= low or value >= high:
        return float(value >= high)
    if value <= mode:
        return (value - low) ** 2 / ((high - low) * (mode - low))
    return 1 - (high - value) ** 2 / ((high - low) * (high - mode))


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Replay: equal in JSON for equal seeds, and another seed draws otherwise."""
    first, again, other = (msgspec.json.encode(look(two(), seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other.replace(b'"seed":8', b'"seed":7')


def test_it_survives_json() -> None:
    """Round-trip: what is written is read back equal."""
    found = look(two())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Outlook) == found


@settings(max_examples=25)
@given(
    ends=st.tuples(*(st.integers(100, 100_000) for _ in range(3))).map(sorted).filter(lambda one: one[0] < one[2]),
    draws=st.sampled_from([100, 1_000, 3_001]),
)
def test_one_triangular_input_has_its_own_percentiles(ends: list[int], draws: int) -> None:
    """A linear study moves the triangular distribution by a constant: 5, 50 and 95 % of it, to two draws at most."""
    low, mode, high = ends
    found = look(two(f"{{value: {mode} USD/server, low: {low}, high: {high}}}"), draws)
    for value, share in zip(band_of(found, "own"), (0.05, 0.5, 0.95), strict=True):
        assert abs(triangular_share(value - 2_400, low, mode, high) - share) <= 2 / draws


def test_more_draws_come_nearer() -> None:
    """Convergence: with 64 times the draws, the mean regret of many seeds is spread far less than half as much."""
    spread = [
        np.std([look(two(), draws, seed).chances[0].expected_regret for seed in range(12)]) for draws in (100, 6_400)
    ]
    assert spread[1] < spread[0] / 4


def test_what_is_certain_has_no_width() -> None:
    """Degenerate ranges, fixed ones and none at all draw nothing: zero width, zero regret, zero worth of knowing."""
    for price in (
        "10000 USD/server",
        "{value: 10000 USD/server, low: 10000, high: 10000}",
        "{value: 10000 USD/server, low: 8000, high: 14000, distribution: fixed}",
    ):
        found = look(two(price, "600 USD/server/month"))
        assert band_of(found, "own") == (12_400, 12_400, 12_400)
        assert [one.probability_best for one in found.chances] == [1, 0]
        assert found.evpi == 0
        assert all(swing.width == 0 for swing in found.tornado)


@settings(max_examples=15)
@given(low=st.integers(100, 9_000), high=st.integers(11_000, 90_000), wider=st.floats(1.01, 3), seed=st.integers(0, 99))
def test_a_wider_range_never_narrows_the_band(low: int, high: int, wider: float, seed: int) -> None:
    """Monotonicity: stretching both ends away from the value stretches the band of a linear study."""
    far = max(1.0, 10_000 - (10_000 - low) * wider), 10_000 + (high - 10_000) * wider
    narrow, wide = (
        band_of(look(two(f"{{value: 10000 USD/server, low: {one}, high: {other}}}"), 200, seed), "own")
        for one, other in ((low, high), far)
    )
    assert wide[2] - wide[0] >= narrow[2] - narrow[0] - 1e-6


def test_chances_add_up_to_one_and_ties_are_split() -> None:
    """Conservation: probabilities sum to 1; an option written twice is the cheapest half as often each time."""
    found = look(two(more=f", again: {RENT}"))
    shares = {one.option: one.probability_best for one in found.chances}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert shares["rent"] == shares["again"]
    assert 0 < shares["own"] < 1


def test_the_worth_of_knowing_is_the_textbook_integral() -> None:
    """EVPI of U(a, b) against a constant c is min(mean, c) - E[min(X, c)], and is the least expected regret."""
    low, high, fixed = 8_000 + 2_400, 14_000 + 2_400, 12_000.0
    uniform = "{value: 10000 USD/server, low: 8000, high: 14000, distribution: uniform}"
    found = look(two(uniform, "500 USD/server/month"), 20_000)
    below = (fixed - low) / (high - low)
    expected = min((low + high) / 2, fixed) - (below * (low + fixed) / 2 + (1 - below) * fixed)
    assert found.evpi == pytest.approx(expected, rel=1e-4)
    assert found.evpi == min(one.expected_regret for one in found.chances)
    assert found.chances[0].probability_best == pytest.approx(below, abs=1e-4)


@given(
    costs=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), min_size=1, max_size=5),
)
def test_knowing_is_never_worth_less_than_nothing(costs: list[list[float]]) -> None:
    """EVPI >= 0 for any costs, 0 with a single option, and no regret is negative."""
    regrets = expected_regrets(np.array(costs))
    assert regrets.min() >= 0
    assert len(costs) > 1 or regrets[0] == 0
    names = [str(at) for at in range(len(costs))]
    assert sum(one.probability_best for one in chances(names, np.array(costs))) == pytest.approx(1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_bands_are_the_usual_percentiles(values: list[float]) -> None:
    """Equivalence: linear between neighbours, as numpy has it."""
    (band,) = bands(np.array([values]))
    expected = np.percentile(values, (5, 50, 95))
    assert (band.p5, band.p50, band.p95) == pytest.approx(tuple(expected), rel=1e-9, abs=2e-6)


def test_a_percentile_that_touches_never_is_never() -> None:
    """Infinite draws are never; a finite neighbour alone still counts."""
    months = np.array([[3.0] * 60 + [math.inf] * 41])
    assert bands(months) == (Band(p5=3, p50=3, p95=None),)
    assert bands(np.array([[math.inf, math.inf]])) == (Band(p5=None, p50=None, p95=None),)
    assert bands(np.array([[1.0, math.inf]])) == (Band(p5=None, p50=None, p95=None),)
    assert bands(np.array([[2.0, 4.0, math.inf]]))[0].p50 == 4


def test_a_recovery_is_the_price_over_the_saving() -> None:
    """Break-even of U(a, b) at a saving of 500 a month: months = price / 500, never above 24 of them."""
    uniform = "{value: 10000 USD/server, low: 8000, high: 14000, distribution: uniform}"
    (one,) = look(two(uniform, "600 USD/server/month"), 4_000).recoveries
    assert (one.owner, one.rival) == ("own", "rent")
    assert one.probability == pytest.approx((12_000 - 8_000) / 6_000, abs=5e-4)
    assert one.months.p5 == pytest.approx((8_000 + 0.05 * 6_000) / 500, rel=1e-3)
    assert one.months.p50 == pytest.approx(11_000 / 500, rel=1e-3)
    assert one.months.p95 is None
    assert len(one.saved) == 25
    assert one.saved[0].p50 == pytest.approx(-11_000, rel=1e-3)
    assert one.saved[24].p50 == pytest.approx(12_000 - 11_000, rel=1e-2)
    assert all(band.p5 <= band.p50 <= band.p95 for band in one.saved)  # type: ignore[operator]


def test_bands_by_month_rise_while_rent_exceeds_care() -> None:
    """Monotonicity: every draw saves each month, so that every percentile of the saving rises."""
    (one,) = look(two()).recoveries
    for before, after in pairwise(one.saved):
        assert after.p5 > before.p5  # type: ignore[operator]
        assert after.p95 > before.p95  # type: ignore[operator]


def test_draws_in_parts_are_the_draws_alone() -> None:
    """Equivalence: thousands of rows in parts give, row by row, what an evaluation of that row alone gives."""
    one = two(rent="{value: 600 USD/server/month, low: 300, high: 800, trend: -9 %/year}")
    case = case_of(one, catalog(), "")
    draws = drawn(ranges(case.base.scope, None), 7_001, np.random.default_rng(3))
    whole = sampled(case, draws, 7_001)
    assert np.array_equal(whole.costs, costs(case, draws, 7_001))
    for row in (0, 1_023, 1_024, 5_243, 7_000):
        alone = Evaluated(one, catalog(), {key: values[row : row + 1] for key, values in draws.items()})
        for at, name in enumerate(case.options):
            assert alone.option(name).present[0] == pytest.approx(whole.costs[at, row], rel=1e-12)
        assert np.allclose(alone.pair("own", "rent").saved[0], whole.saved[0][:, row], rtol=1e-12)
        assert np.allclose(alone.pair("own", "rent").months[0], whole.months[0][row], equal_nan=True)


def test_the_best_and_its_rival() -> None:
    """The cheapest at base is best; measured against the runner-up, or the option that is named."""
    dear = ", dear: {fleet: {servers: 1 server}, rent: {price: 900 USD/server/month}}"
    found = look(two(more=dear))
    assert (found.best, found.compared) == ("own", "rent")
    assert found.result == "Present cost of rent less that of own over 24 months."
    assert look(two(more=dear), compare="dear").compared == "dear"
    assert look(two(more=dear), compare="own").compared == "rent"


def test_an_option_alone_has_nothing_to_flip_to() -> None:
    """One option: it is the cheapest for sure, knowing is worth nothing, the tornado moves its cost."""
    found = look(study(f"inputs: {{price: {PRICE}}}\noptions: {{own: {OWN}}}\n"))
    assert (found.best, found.compared, found.evpi, found.turns, found.recoveries) == ("own", "", 0, (), ())
    assert found.chances[0].probability_best == 1
    assert (found.tornado[0].at_low, found.tornado[0].at_high) == (10_400, 16_400)


def test_options_without_a_price_are_left_out() -> None:
    """An unpriced option is no candidate, and neither are pairs with it."""
    found = look(two(more=", quote: {fleet: {servers: 1 server}, rent: {price: null}}"))
    assert [one.option for one in found.chances] == ["own", "rent"]
    assert [(one.owner, one.rival) for one in found.recoveries] == [("own", "rent")]


def test_an_unrelated_option_leaves_the_draws_alone() -> None:
    """Inputs are drawn in the order of their paths: one that sorts behind changes nothing before it."""
    more = ", zebra: {fleet: {servers: 1 server}, rent: {price: {value: 990 USD/server/month, low: 980, high: 999}}}"
    assert look(two()).chances[0].present_cost == look(two(more=more)).chances[0].present_cost


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("options: {quote: {fleet: {servers: 1 server}, rent: {price: null}}}", "no option has a price"),
        (
            (
                "options: {lease: {fleet: {servers: 1 server}, lease: {payment: 9 USD/server/month, "
                "term: {value: 24 month, low: 12, high: 24}}}}"
            ),
            "has one value only",
        ),
        (
            (
                "inputs: {term: {value: 24 month, low: 12, high: 24}}\noptions: {lease: {fleet: {servers: 1 server}, "
                "lease: {payment: 9 USD/server/month, term: = term}}}"
            ),
            "has one value only",
        ),
        (
            (
                "options: {rent: {fleet: {servers: 1 server}, rent: {price: "
                "{value: 9 USD/server/month, low: 0, high: 12, distribution: lognormal}}}}"
            ),
            "lognormal from 0",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(text: str, told: str) -> None:
    """An error names the place and the way out; nothing is drawn silently from its first value."""
    with pytest.raises(StudyError, match=told) as caught:
        look(study(text))
    assert caught.value.way_out
    assert caught.value.path


def test_a_rival_that_does_not_exist_is_refused() -> None:
    """`compare` names an option with a price, and at least one draw is asked for."""
    with pytest.raises(StudyError, match="nobody"):
        look(two(), compare="nobody")
    with pytest.raises(StudyError, match="0 draws"):
        look(two(), draws=0)


def test_a_draw_of_a_term_is_caught_in_the_engine_too() -> None:
    """Whoever draws what has one value gets an error, not the first draw."""
    text = "options: {own: {lease: {payment: 9 USD/month, term: 24 month}}}"
    with pytest.raises(StudyError, match="cannot be drawn"):
        Evaluated(study(text), catalog(), {"options.own.lease.term": np.array([12.0, 24.0])}).option("own")
