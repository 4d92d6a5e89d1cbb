"""What every lever's verdict obeys, whatever the lever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.config.lever.quality import Accuracy
from breakeven.config.lever.span import Amount, Share, Span
from breakeven.config.lever.traffic import Cache
from breakeven.metric.worth import threshold_usd, upgrade_pays
from breakeven.planner.levers.accuracy import accuracy, threshold
from breakeven.planner.levers.judge import About, Effect, Stakes, drawn, judge
from breakeven.planner.levers.sparing import cache

NOTHING = Stakes()
money = st.floats(1e-5, 1.0)
shares = st.floats(0.01, 0.99)


def question(c0: float, c1: float, p0: float, p1: float, v: float, loss: float) -> Accuracy:
    return Accuracy.model_validate(
        {
            "cost_usd": c0, "better_cost_usd": c1, "quality": p0, "better_quality": p1, "useful_usd": v,
            "wrong_usd": loss,
        }
    )  # fmt: skip


@given(c0=money, c1=money, p0=shares, p1=shares, v=money, loss=money)
@settings(max_examples=60, deadline=None)
def test_a_better_model_pays_where_what_measures_says_so(
    c0: float, c1: float, p0: float, p1: float, v: float, loss: float
) -> None:
    """The verdict is `metric.worth`'s, which experiments use as well."""
    found = accuracy(question(c0, c1, p0, p1, v, loss), NOTHING)
    pays = upgrade_pays(extra_cost_usd=c1 - c0, extra_useful=p1 - p0, value_usd=v, loss_usd=loss)
    gap = abs((v + loss) * (p1 - p0) - (c1 - c0))
    assert (found.verdict == "pays") == pays or gap < 1e-9


def test_the_flip_of_a_better_model_is_its_extra_cost_by_extra_useful() -> None:
    """Value and loss at which it pays, found by search, equal the closed form."""
    asked = question(0.001, 0.004, 0.68, 0.81, 0.02, 0.005)
    found = accuracy(asked, NOTHING)
    turn = next(one for one in found.flips if one.input == "value_usd")
    assert turn.pays == "above"
    assert turn.value + 0.005 == pytest.approx(threshold(asked), rel=1e-4)
    assert threshold(asked) == threshold_usd(0.003, 0.81 - 0.68)


def test_an_interval_holds_the_base_case_and_widens_with_the_ranges() -> None:
    """Wider inputs, wider answer; without ranges there is none."""
    base = {"answer_usd": 0.004, "lookup_usd": 0.0001, "hit_rate": 0.3, "error_rate": 0.02, "wrong_usd": 0.01}
    widths = []
    for half in (0.0, 0.05, 0.15):
        hit = {"value": 0.3, "low": 0.3 - half, "high": 0.3 + half} if half else 0.3
        found = cache(Cache.model_validate(base | {"hit_rate": hit}), NOTHING)
        saving = found.saving
        widths.append((saving.high or 0.0) - (saving.low or 0.0))
        assert saving.low is None or saving.low <= (saving.value or 0.0) <= (saving.high or 0.0)
    assert widths[0] == 0.0
    assert widths[1] < widths[2]
    assert found.surely is not None


def test_the_interval_is_that_of_other_draws_too() -> None:
    """80 % of draws with another seed lie in it, within two points."""
    asked = Cache.model_validate(
        {
            "answer_usd": {"value": 0.004, "low": 0.002, "high": 0.006}, "lookup_usd": 0.0001,
            "hit_rate": {"value": 0.3, "low": 0.1, "high": 0.45}, "error_rate": 0.02, "wrong_usd": 0.01,
        }
    )  # fmt: skip
    found = cache(asked, Stakes(draws=20_000))
    random = np.random.default_rng(99)
    c, h = random.triangular(0.002, 0.004, 0.006, 100_000), random.triangular(0.1, 0.3, 0.45, 100_000)
    saved = h * (0.98 * c - 0.02 * 0.01) - 0.0001
    inside = ((saved >= found.saving.low) & (saved <= found.saving.high)).mean()
    assert inside == pytest.approx(0.8, abs=0.02)


def test_same_question_same_answer() -> None:
    """Draws are seeded: bytes repeat, another seed differs."""
    asked = Cache.model_validate(
        {
            "answer_usd": 0.004, "lookup_usd": 0.0001, "hit_rate": {"value": 0.3, "low": 0.2, "high": 0.4},
            "error_rate": 0.02, "wrong_usd": 0.01,
        }
    )  # fmt: skip
    assert cache(asked, NOTHING) == cache(asked, NOTHING)
    assert cache(asked, NOTHING).saving != cache(asked, Stakes(seed=1)).saving


def test_a_range_across_nought_is_not_sure() -> None:
    """Neither a saving nor a loss is claimed where draws disagree."""
    asked = Accuracy.model_validate(
        {
            "cost_usd": 0.001, "better_cost_usd": 0.004, "quality": 0.7,
            "better_quality": {"value": 0.82, "low": 0.72, "high": 0.92}, "useful_usd": 0.025,
        }
    )  # fmt: skip
    assert accuracy(asked, NOTHING).verdict == "not sure"


def test_figures_say_which_inputs_nobody_measured() -> None:
    """Measured inputs are not among the assumed."""
    asked = Accuracy.model_validate(
        {
            "cost_usd": {"value": 0.001, "basis": "measured"}, "better_cost_usd": 0.002, "quality": 0.7,
            "better_quality": 0.8, "useful_usd": 0.02,
        }
    )  # fmt: skip
    note = accuracy(asked, NOTHING).saving.note
    assert "better_cost_usd" in note
    assert " cost_usd" not in note


def test_draws_stay_inside_their_range_and_apart_from_each_other() -> None:
    """A triangle over low..high; an input without a range stays as it is."""
    spans = {"a": Share(value=0.5, low=0.4, high=0.9), "b": Amount(value=3.0), "c": Span(value=0.0, low=-1.0)}
    values = drawn(spans, 2000, 0)
    assert 0.4 <= values["a"].min() <= values["a"].max() <= 0.9
    assert values["b"].shape == ()
    assert values["c"].max() <= 0.0
    assert abs(np.corrcoef(values["a"], values["c"])[0, 1]) < 0.1


@given(before=money, after=money)
@settings(max_examples=40, deadline=None)
def test_quality_that_is_not_stated_is_not_taken_as_equal_in_silence(before: float, after: float) -> None:
    """Then costs are compared, and the conditions say that quality was not judged."""
    spans = {"before": Amount(value=before), "after": Amount(value=after)}
    about = About(name="x", title="x", how="")
    found = judge(about, spans, NOTHING, lambda v: Effect(cost=(v["before"], v["after"])))
    assert found.judged == "cost per prediction"
    assert any("quality stays as it is" in one for one in found.conditions)
    assert found.saving.value == pytest.approx(before - after)
