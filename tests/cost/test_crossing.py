"""Laws of break-even, and the published cases.

Figures: Lenovo Press LP2225 (2025), "On-Premise vs Cloud: Generative AI Total Cost of Ownership", as quoted by the
AI Infrastructure Index; G. Pan and H. Wang, arXiv 2509.18101 v1; the price-decay table and the rules of thumb were
computed for this project.
"""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.cost.crossing import (
    break_even_hours,
    break_even_months,
    break_even_utilisation,
    break_even_volume,
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
