"""Paid once against paid for every prediction: closed forms against months counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.config.lever.quality import Distillation, Life
from breakeven.planner.levers.judge import Stakes
from breakeven.planner.levers.training import distillation, life

NOTHING = Stakes()
DISTIL = {
    "teacher_usd": 0.004, "student_usd": 0.001, "training_usd": 40_000.0, "engineering_months": 4.0,
    "engineer_usd_per_month": 15_000.0, "upkeep_usd_per_month": 1_000.0, "predictions_per_month": 3e6,
    "growth_per_month": 0.02, "price_fall_per_year": 0.3, "discount_per_year": 0.1, "life_months": 24,
}  # fmt: skip


def by_months(q: dict[str, float]) -> tuple[float, float, float | None]:
    """Level cost of both sides and the month of break-even, counted month by month."""
    once = q["training_usd"] + q["engineering_months"] * q["engineer_usd_per_month"]
    saved, month_found = -once, None
    used = teacher = student = 0.0
    for month in range(int(q["life_months"])):
        worth = (1 + q["discount_per_year"]) ** (-(month + 1) / 12)
        count = q["predictions_per_month"] * (1 + q["growth_per_month"]) ** month
        price = (1 - q["price_fall_per_year"]) ** (month / 12)
        gain = worth * (count * price * (q["teacher_usd"] - q["student_usd"]) - q["upkeep_usd_per_month"])
        if month_found is None and saved + gain >= 0:
            month_found = month - saved / gain
        saved += gain
        used += worth * count
        teacher += worth * count * price * q["teacher_usd"]
        student += worth * (count * price * q["student_usd"] + q["upkeep_usd_per_month"])
    return teacher / used, (student + once) / used, month_found


@given(
    student=st.floats(0.0001, 0.0035), training=st.floats(1e3, 2e5), growth=st.floats(-0.03, 0.06),
    fall=st.floats(0, 0.8), months=st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_distillation_equals_months_counted_one_by_one(
    student: float, training: float, growth: float, fall: float, months: int
) -> None:
    """Costs of both sides, the break-even month, and never where there is none."""
    q = DISTIL | {
        "student_usd": student, "training_usd": training, "growth_per_month": growth, "price_fall_per_year": fall,
        "life_months": months,
    }  # fmt: skip
    found = distillation(Distillation.model_validate(q), NOTHING)
    now, then, month = by_months(q)
    assert found.baseline.cost_usd.value == pytest.approx(now)
    assert found.changed.cost_usd.value == pytest.approx(then)
    at = found.figure("break_even_month").value
    assert (at is None) == (month is None)
    assert at is None or at == pytest.approx(month, rel=1e-6)
    assert (found.verdict == "pays") == (then < now)


def test_engineering_is_a_line_of_its_own() -> None:
    """Its share of what is paid once, and a longer way to break-even."""
    found = distillation(Distillation.model_validate(DISTIL), NOTHING)
    without = distillation(Distillation.model_validate(DISTIL | {"engineering_months": 0}), NOTHING)
    assert found.figure("once_usd").value == 100_000
    assert found.figure("engineering_share").value == pytest.approx(0.6)
    assert without.figure("break_even_month").value < found.figure("break_even_month").value


def test_low_volume_never_pays_it_back() -> None:
    """A hundredth of the predictions: it loses money, and the flip is a volume."""
    found = distillation(Distillation.model_validate(DISTIL | {"predictions_per_month": 3e4}), NOTHING)
    assert found.verdict == "loses money"
    assert found.figure("break_even_month").value is None


LIFE = {
    "training_usd": 200_000.0, "serving_usd_per_month": 60_000.0, "predictions_per_month": 1e6, "life_months": 36,
}  # fmt: skip


def test_a_kitchen_of_200_000_serves_its_price_in_ten_thirds_of_a_month() -> None:
    """60,000 a month against 200,000 once: 3.33 months, and 92 % of what three years cost."""
    found = life(Life.model_validate(LIFE), NOTHING)
    assert found.figure("crossover_month").value == pytest.approx(10 / 3)
    assert found.figure("serving_share").value == pytest.approx(36 * 60 / (36 * 60 + 200))


@given(growth=st.floats(-0.02, 0.08), fall=st.floats(0, 0.7), discount=st.floats(0, 0.3))
@settings(max_examples=30, deadline=None)
def test_a_life_equals_months_counted_one_by_one(growth: float, fall: float, discount: float) -> None:
    """Present cost of training and serving."""
    q = LIFE | {"growth_per_month": growth, "price_fall_per_year": fall, "discount_per_year": discount}
    present = LIFE["training_usd"] + sum(
        60_000 * (1 + growth) ** m * (1 - fall) ** (m / 12) / (1 + discount) ** ((m + 1) / 12) for m in range(36)
    )
    assert life(Life.model_validate(q), NOTHING).figure("present_cost_usd").value == pytest.approx(present)
