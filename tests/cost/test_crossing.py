"""Laws of break-even, and the published cases.

Figures: Lenovo Press LP2225 (2025), "On-Premise vs Cloud: Generative AI Total Cost of Ownership", as quoted by the
AI Infrastructure Index; G. Pan and H. Wang, arXiv 2509.18101 v1; the price-decay table and the rules of thumb were
computed for this project.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.cost.crossing import (
    break_even_hours,
    break_even_months,
    break_even_spend,
    break_even_utilisation,
    break_even_volume,
    first_crossing,
    lasting_crossing,
    price_path,
    turning,
)

usd = st.floats(1, 1e7)
decay = st.floats(-0.3, 0.9)

LENOVO_CAPEX, LENOVO_OPEX_HOUR = 833_806, 0.87


@pytest.mark.parametrize(("cloud", "hours"), [(98.32, 8_556), (77.43, 10_890), (53.95, 15_710)])
def test_lenovo_break_even_hours(cloud: float, hours: float) -> None:
    """LP2225: 8x H100 NVL for 833,806 USD against p5.48xlarge on demand, for one and for three years."""
    found = break_even_hours(LENOVO_CAPEX, LENOVO_OPEX_HOUR, cloud)
    assert found == pytest.approx(hours, rel=1e-3)


def test_lenovo_months_depend_on_the_convention() -> None:
    """The published 11.9 months are months of 720 hours; with 730 hours it is 11.72."""
    hours = break_even_hours(LENOVO_CAPEX, LENOVO_OPEX_HOUR, 98.32)
    assert hours is not None
    assert hours / 720 == pytest.approx(11.9, abs=0.05)
    months = break_even_months(LENOVO_CAPEX, LENOVO_OPEX_HOUR * 730, 98.32 * 730)
    assert months == pytest.approx(11.7209, abs=1e-4)


@pytest.mark.parametrize(("cloud", "hours"), [(55.04, 15_390), (33.0, 25_950)])
def test_a_stale_price_changes_the_answer(cloud: float, hours: float) -> None:
    """After the price cut of June 2025 the same purchase takes nearly twice as long."""
    assert break_even_hours(LENOVO_CAPEX, LENOVO_OPEX_HOUR, cloud) == pytest.approx(hours, rel=2e-3)


DECAY_TABLE = [
    (0.0, 20_000, 17), (0.0, 30_000, 10), (0.0, 50_000, 6),
    (0.2, 20_000, 21), (0.2, 30_000, 12), (0.2, 50_000, 6),
    (0.4, 20_000, None), (0.4, 30_000, 14), (0.4, 50_000, 7),
    (0.5, 20_000, None), (0.5, 30_000, 17), (0.5, 50_000, 7),
    (0.6, 20_000, None), (0.6, 30_000, None), (0.6, 50_000, 8),
]  # fmt: skip


@pytest.mark.parametrize(("rent_decay", "spend", "month"), DECAY_TABLE)
def test_price_decay_table(rent_decay: float, spend: float, month: int | None) -> None:
    """A server of 250,141.80 USD with 4,650.10 a month against an API bill that falls every year, within 60 months."""
    found = break_even_months(250_141.8, 4_650.1, spend, horizon=60, rent_decay=rent_decay)
    assert (found if found is None else math.ceil(found)) == month


RULES = [(250_142, 4_650, 20_000, 16.3), (250_142, 4_650, 50_000, 5.5), (833_806, 635, 50_000, 16.9)]


@pytest.mark.parametrize(("capex", "opex", "spend", "months"), [*RULES, (833_806, 635, 20_000, 43.0)])
def test_rule_of_thumb_spend(capex: float, opex: float, spend: float, months: float) -> None:
    """That 20k to 50k a month pay back in 12 to 18 months holds for some purchase prices only."""
    assert break_even_months(capex, opex, spend) == pytest.approx(months, abs=0.06)


PAN_WANG = [  # model, hardware USD, electricity USD/month, tok/s, {(input, output) USD/Mtok: months}
    ("Kimi-K2", 240_000, 126.72, 800, {(1.25, 10): 69.3, (15, 75): 8.7, (3, 15): 44.0}),
    ("GLM-4.5", 90_000, 47.52, 400, {(1.25, 10): 51.5, (15, 75): 6.5, (3, 15): 32.8}),
    ("Qwen3-235B", 60_000, 31.68, 400, {(1.25, 10): 34.0, (15, 75): 4.3, (3, 15): 21.8}),
    ("gpt-oss-120B", 30_000, 15.84, 220, {(1.25, 10): 30.9, (15, 75): 3.9, (3, 15): 19.8}),
    ("GLM-4.5-Air", 30_000, 15.84, 200, {(1.25, 10): 34.0, (15, 75): 4.3, (3, 15): 21.8}),
    ("Llama-3.3-70B", 15_000, 7.92, 190, {(1.25, 10): 17.8, (15, 75): 2.3, (3, 15): 11.4}),
    ("EXAONE 4.0 32B", 2_000, 13.2, 200, {(1.25, 10): 2.26, (15, 75): 0.3, (3, 15): 1.4}),
    ("Qwen3-30B", 2_000, 13.2, 180, {(1.25, 10): 2.5, (15, 75): 0.3, (3, 15): 1.6}),
    ("Magistral Small", 2_000, 13.2, 150, {(1.25, 10): 3.0, (15, 75): 0.4, (3, 15): 1.9}),
]
SECONDS_OF_176_HOURS = 633_600


@pytest.mark.parametrize("case", PAN_WANG, ids=lambda case: case[0])
def test_pan_wang_cells(case: tuple[str, float, float, float, dict[tuple[float, float], float]]) -> None:
    """Pan and Wang: hardware / (API bill of a month sold out - electricity), one input to two output tokens."""
    _, hardware, electricity, rate, cells = case
    tokens = rate * SECONDS_OF_176_HOURS / 1e6
    for (price_in, price_out), months in cells.items():
        bill = tokens / 3 * price_in + 2 * tokens / 3 * price_out
        found = break_even_months(hardware, electricity, bill, horizon=120)
        assert found == pytest.approx(months, rel=0.04, abs=0.06)


@given(capex=usd, opex=usd, rent=usd)
def test_flat_prices_have_a_closed_form(capex: float, opex: float, rent: float) -> None:
    """Without decay the answer is capex / (rent - opex), or never when that lies beyond the horizon."""
    found = break_even_months(capex, opex, rent, horizon=60)
    expected = capex / (rent - opex) if rent > opex else math.inf
    assume(abs(expected - 60) > 1e-6)
    if expected > 60:
        assert found is None
    else:
        assert found == pytest.approx(expected, rel=1e-9)


@given(capex=usd, opex=usd, rent=usd, slow=decay, faster=st.floats(0, 0.5))
def test_a_faster_falling_rent_never_pays_back_sooner(
    capex: float, opex: float, rent: float, slow: float, faster: float
) -> None:
    """The faster the rented price falls, the later (or never) the purchase pays for itself."""
    assume(slow + faster < 1)
    before = break_even_months(capex, opex, rent, rent_decay=slow)
    after = break_even_months(capex, opex, rent, rent_decay=slow + faster)
    assert after is None or (before is not None and before <= after + 1e-9)


@given(capex=usd, opex=usd, rent=usd, more=usd, own_decay=decay, rent_decay=decay)
def test_a_dearer_purchase_never_pays_back_sooner(
    *, capex: float, opex: float, rent: float, more: float, own_decay: float, rent_decay: float
) -> None:
    """The dearer the purchase, the later it pays for itself."""
    decays = {"own_decay": own_decay, "rent_decay": rent_decay}
    before = break_even_months(capex, opex, rent, **decays)
    after = break_even_months(capex + more, opex, rent, **decays)
    assert after is None or (before is not None and before <= after + 1e-9)


def test_never_is_an_answer() -> None:
    """Where renting is cheaper per month, the purchase never pays: None, not a large number."""
    assert break_even_months(1000, 50, 40) is None
    assert break_even_hours(1000, 5, 5) is None
    assert break_even_volume(100, 2.0, 1.0) is None


def test_a_free_purchase_has_paid_already() -> None:
    """Without capital at stake the break-even is now."""
    assert break_even_months(0, 50, 40) == 0.0


@given(fixed=usd, own=st.floats(0, 10), saving=st.floats(1e-3, 10))
def test_at_the_break_even_volume_both_cost_the_same(fixed: float, own: float, saving: float) -> None:
    """The fixed cost + own x volume is rent x volume at the volume returned."""
    volume = break_even_volume(fixed, own, own + saving)
    assert volume is not None
    assert fixed + own * volume == pytest.approx((own + saving) * volume, rel=1e-6)


def test_break_even_utilisation() -> None:
    """u* = fixed / (rent - marginal); dearer than rent even at full use is None."""
    assert break_even_utilisation(1.38, 3.9, 0.0) == pytest.approx(1.38 / 3.9)
    assert break_even_utilisation(4.0, 3.9, 0.0) is None
    assert break_even_utilisation(1.0, 3.9, 4.0) is None


@pytest.mark.parametrize("bad", [{"rent_decay": 1.0}, {"own_decay": 1.5}, {"rent_decay": math.nan}])
def test_impossible_decay_is_refused(bad: dict[str, float]) -> None:
    """A price that falls by 100 % a year, or by nothing known, has no break-even to compute."""
    with pytest.raises(ValueError, match=r"decay|finite"):
        break_even_months(1000, 1, 100, **bad)


@pytest.mark.parametrize("bad", [1.0, 1.5, math.nan, math.inf])
def test_an_impossible_path_is_refused(bad: float) -> None:
    """A price that falls to nothing has no path, alone or among draws."""
    with pytest.raises(ValueError, match=r"decay|finite"):
        price_path(bad, 12)
    with pytest.raises(ValueError, match=r"decay|finite"):
        price_path(np.array([0.1, bad]), 12)


@given(one=decay, months=st.integers(1, 120))
def test_a_path_multiplies_year_by_year(one: float, months: int) -> None:
    """It starts at 1, and a year later a price is (1 - decay) of what it was: falls and rises alike."""
    path = price_path(one, months + 12)
    assert path[0] == 1
    assert path[12:] == pytest.approx(path[:-12] * (1 - one), rel=1e-12)


@given(decays=st.lists(decay, min_size=1, max_size=5))
def test_paths_of_draws_are_the_paths_of_each(decays: list[float]) -> None:
    """One call over D decays equals D calls."""
    paths = price_path(np.array(decays), 24)
    assert paths.shape == (len(decays), 24)
    for one, path in zip(decays, paths, strict=True):
        assert np.array_equal(path, price_path(one, 24))


def saved_by_month(capex: float, opex: float, rent: float, own_decay: float, rent_decay: float) -> np.ndarray:
    gains = rent * price_path(rent_decay, 60) - opex * price_path(own_decay, 60)
    return np.concatenate([[0.0], gains.cumsum()]) - capex


@pytest.mark.parametrize(("rent_decay", "spend", "month"), DECAY_TABLE)
def test_price_decay_table_vectorised(rent_decay: float, spend: float, month: int | None) -> None:
    """The form that draws use gives the same table."""
    found = first_crossing(saved_by_month(250_141.8, 4_650.1, spend, 0.0, rent_decay)[None])
    assert found.shape == (1,)
    assert (None if math.isnan(found[0]) else math.ceil(found[0])) == month


@given(draws=st.lists(st.tuples(usd, usd, usd, decay, decay), min_size=1, max_size=6))
def test_the_vectorised_crossing_is_the_plain_one(draws: list[tuple[float, float, float, float, float]]) -> None:
    """Draw by draw, `first_crossing` of the cumulated saving is `break_even_months`; nan where that is None."""
    saved = np.array([saved_by_month(*draw) for draw in draws])
    assume(np.abs(saved).min() > 1e-3)
    for (capex, opex, rent, own_decay, rent_decay), found in zip(draws, first_crossing(saved), strict=True):
        plain = break_even_months(capex, opex, rent, own_decay=own_decay, rent_decay=rent_decay)
        assert found == pytest.approx(math.nan if plain is None else plain, rel=1e-6, nan_ok=True)


def test_a_crossing_is_the_first_and_linear_within_its_month() -> None:
    """A saving that dips again has paid back already; the start counts; a level month divides nothing by 0."""
    saved = np.array([[-4, -1, 3, -5, 9], [0, -5, -6, -7, 1], [-3, -2, -2, -2, -1], [-2, 0, 0, 1, 2], [1, 1, 1, 1, 1]])
    assert first_crossing(saved.astype(float)).tolist() == pytest.approx([1.25, 0, math.nan, 1, 0], nan_ok=True)


def test_crossings_keep_the_shape_of_the_draws() -> None:
    """Several leading axes, or none, are as good as one."""
    saved = np.arange(-5.0, 7.0).reshape(2, 1, 6)
    assert first_crossing(saved).shape == (2, 1)
    assert first_crossing(np.array([-1.0, 1.0])) == 0.5


@given(capex=usd, opex=usd, own_decay=decay, rent_decay=decay, horizon=st.integers(1, 60))
def test_at_the_break_even_spend_the_purchase_just_pays(
    *, capex: float, opex: float, own_decay: float, rent_decay: float, horizon: int
) -> None:
    """A little more pays within the horizon, a little less never does, whatever falls or rises on either side."""
    decays = {"own_decay": own_decay, "rent_decay": rent_decay, "horizon": horizon}
    spend = break_even_spend(capex, opex, **decays)
    assert break_even_months(capex, opex, spend * (1 + 1e-6), **decays) is not None
    assert break_even_months(capex, opex, spend * (1 - 1e-6), **decays) is None


@given(capex=usd, opex=usd, rent_decay=st.floats(0, 0.8), months=st.integers(1, 60), more=st.floats(0, 0.1))
def test_a_break_even_spend_rises_with_decay_and_falls_with_time(
    *, capex: float, opex: float, rent_decay: float, months: int, more: float
) -> None:
    """The faster the rent falls the more must be spent today; the longer the horizon the less."""
    spend = break_even_spend(capex, opex, horizon=months, rent_decay=rent_decay)
    assert break_even_spend(capex, opex, horizon=months, rent_decay=rent_decay + more) >= spend * (1 - 1e-12)
    assert break_even_spend(capex, opex, horizon=months + 1, rent_decay=rent_decay) <= spend * (1 + 1e-12)


def test_break_even_spend_at_flat_prices() -> None:
    """Without decay it is opex + capex / horizon; what costs nothing needs no spend; a horizon has a month."""
    assert break_even_spend(60_000, 500, horizon=60) == pytest.approx(1_500)
    assert break_even_spend(0, 500) == 0
    assert break_even_spend(10, -500) == 0
    with pytest.raises(ValueError, match="horizon"):
        break_even_spend(1, 1, horizon=0)


@pytest.mark.parametrize(("own_decay", "rent_decay"), [(0.0, 0.25), (0.3, 0.3), (-0.2, 0.0), (0.0, -0.5), (-0.1, 0.1)])
def test_falls_and_rises_on_both_sides(own_decay: float, rent_decay: float) -> None:
    """Month by month, added up the slow way: an opex that rises delays, a rent that rises hastens."""
    total, expected = 0.0, None
    for month in range(1, 61):
        rent, opex = 9_000 * (1 - rent_decay) ** ((month - 1) / 12), 2_000 * (1 - own_decay) ** ((month - 1) / 12)
        total += rent - opex
        if total >= 120_000 and expected is None:
            expected = month
    found = break_even_months(120_000, 2_000, 9_000, own_decay=own_decay, rent_decay=rent_decay)
    assert (None if found is None else math.ceil(found)) == expected
    flat = break_even_months(120_000, 2_000, 9_000)
    assert flat is not None
    if own_decay <= 0 <= rent_decay and (own_decay, rent_decay) != (0, 0):
        assert found is None or found > flat
    if rent_decay < 0:
        assert found is not None
        assert found < flat


@given(root=st.floats(-99, 99), slope=st.floats(0.01, 100), rising=st.booleans())
def test_a_turning_point_is_found(root: float, slope: float, rising: bool) -> None:
    """Rising or falling, the change of sign is found to 1e-9 of the width searched, on its far side."""
    sign = 1 if rising else -1
    found = turning(lambda x: sign * slope * (x - root), -100, 100)
    assert found.at == pytest.approx(root, abs=2e-7 * (1 + 1e-9))
    assert (found.low, found.high) == (-100, 100)
    assert (found.at_low, found.at_high) == pytest.approx((sign * slope * (-100 - root), sign * slope * (100 - root)))


@given(edge=st.floats(-9.99, 9.99))
def test_a_jump_is_a_turning_point(edge: float) -> None:
    """Decisions flip in steps: the answer lies on the side of the high end, within the tolerance."""
    found = turning(lambda x: -3.0 if x < edge else 8.0, -10, 10)
    assert found.at is not None
    assert edge <= found.at <= edge + 20e-9 + 1e-12


@pytest.mark.parametrize("sign", [-1, 1])
def test_no_turning_point_is_an_answer(sign: int) -> None:
    """The same sign at both ends: None, with the values there for the reader to see how far it is."""
    found = turning(lambda x: sign * (x + 5), 0, 10)
    assert found.at is None
    assert (found.at_low, found.at_high) == (sign * 5, sign * 15)


def test_a_zero_at_an_end_is_a_turning_point() -> None:
    """Where the ends tie exactly, the tie is the answer."""
    assert turning(lambda x: x, 0, 5).at == 0
    assert turning(lambda x: x - 5, 0, 5).at == pytest.approx(5)
    assert turning(lambda x: 5 - x, 0, 5).at == pytest.approx(5)


def test_a_turning_point_of_infinite_values() -> None:
    """A cost that is infinite (a plan that cannot serve) has a sign."""
    assert turning(lambda x: math.inf if x > 3 else -math.inf, 0, 10).at == pytest.approx(3)


def test_a_tolerance_finer_than_floats_still_ends() -> None:
    """Bisection stops where no float lies between."""
    assert turning(lambda x: x - math.pi, 3, 4, tolerance=0.0).at == pytest.approx(math.pi, abs=1e-15)


@given(capex=usd, opex=st.floats(0, 1e4), rent_decay=st.floats(0, 0.5))
def test_the_price_at_which_it_flips(capex: float, opex: float, rent_decay: float) -> None:
    """Searching the spend at which the saving of the horizon turns positive finds the break-even spend."""
    low, high = 0.0, 1e9
    found = turning(lambda spend: float(saved_by_month(capex, opex, spend, 0.0, rent_decay).max()), low, high)
    expected = break_even_spend(capex, opex, rent_decay=rent_decay)
    assert found.at == pytest.approx(expected, rel=1e-6, abs=2.0)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_search_needs_two_ends(low: float, high: float) -> None:
    """Ends that enclose nothing, or everything, are refused."""
    with pytest.raises(ValueError, match="low < high"):
        turning(lambda x: x, low, high)


def test_an_undefined_function_is_refused() -> None:
    """A nan on the way is an error, not a side."""
    with pytest.raises(ValueError, match="defined"):
        turning(lambda x: math.nan if 2 < x < 3 else x - 2.5, 0, 5)


@given(st.lists(st.lists(st.integers(-9, 9), min_size=8, max_size=8), min_size=1, max_size=6))
def test_a_crossing_lasts_from_where_the_saving_is_never_below_zero_again(rows: list[list[int]]) -> None:
    """Row by row: on the line out of the last month below zero; 0 where there is none, nan where it is the end."""
    for row, found in zip(rows, lasting_crossing(np.array(rows, dtype=float)), strict=True):
        below = [month for month, saved in enumerate(row) if saved < 0]
        if not below:
            assert found == 0
        elif below[-1] == len(row) - 1:
            assert math.isnan(found)
        else:
            before, after = row[below[-1]], row[below[-1] + 1]
            assert found == pytest.approx(below[-1] + before / (before - after))
