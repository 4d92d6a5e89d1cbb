"""Rules of thumb: where each is true is computed, and agrees with what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from breakeven.catalog.load import load
from breakeven.cost.crossing import break_even_months
from breakeven.planner.levers.claims import Rule, claim_of
from breakeven.planner.levers.rules import OWN_USD_PER_HOUR, rules_of_thumb, server_of
from breakeven.schema.lever import Claim

DAY = "2026-11-20"
CATALOG = load()
FOUND = {one.name: one for one in rules_of_thumb(CATALOG, on=DAY)}
SERVER = server_of(CATALOG, DAY)


def only(claim: Claim) -> tuple[float, float]:
    [stretch] = claim.holds_when
    return stretch


def rule(**more: object) -> Rule:
    about = {"name": "x", "claim": "x", "varied": "x", "unit": "", "stated": 1.0, "low": 0.0, "high": 10.0}
    return Rule(**(about | more))


def test_a_stretch_ends_where_the_condition_does() -> None:
    """Several stretches, ends included, each found to a millionth."""
    found = claim_of(rule(holds=lambda x: (np.abs(x - 2) <= 1) | (x >= 7.77)))
    assert np.array(found.holds_when).ravel() == pytest.approx([1.0, 3.0, 7.77, 10.0], abs=1e-5)
    assert found.holds
    assert claim_of(rule(holds=lambda x: x > 11)).holds_when == ()
    assert claim_of(rule(holds=lambda x: x < 11)).holds_when == ((0.0, 10.0),)


def test_counts_are_whole() -> None:
    """A batch is 5 or 6, never between."""
    found = claim_of(rule(low=1.0, high=64.0, whole=True, holds=lambda x: x <= 5.5))
    assert found.holds_when == ((1.0, 5.0),)


def test_spend_pays_back_between_its_own_ends() -> None:
    """Capex / (spend - own costs) is 18 and 12 months at the ends: 18,547 and 25,495 USD, not 20,000 and 50,000."""
    low, high = only(FOUND["spend"])
    own = OWN_USD_PER_HOUR * 730
    assert low == pytest.approx(SERVER.capex_usd / 18 + own, rel=1e-5)
    assert high == pytest.approx(SERVER.capex_usd / 12 + own, rel=1e-5)


def test_ten_million_queries_pay_from_a_price_on() -> None:
    """True at 0.002 USD a query, false at 0.0015."""
    low, _ = only(FOUND["ten_million_queries"])
    assert 0.0015 < low < 0.002


def test_a_fall_of_half_a_year_turns_a_year_into_never() -> None:
    """Beyond the end found no month pays back, before it one does."""
    _, end = only(FOUND["falling_prices"])
    first = SERVER.capex_usd / 12 + SERVER.own_usd_per_month
    at = {
        fall: break_even_months(SERVER.capex_usd, SERVER.own_usd_per_month, first, horizon=60, rent_decay=fall)
        for fall in (end - 0.001, end + 0.001)
    }
    assert [month is None for month in at.values()] == [False, True]
    assert not FOUND["falling_prices"].holds


def test_routing_claims_are_jointly_true_at_the_top_end_only() -> None:
    """60 % less takes three quarters of the traffic at 5 times cheaper, two thirds at 10 times."""
    assert only(FOUND["routing_5_times_cheaper"])[0] == pytest.approx(0.75, abs=1e-4)
    assert only(FOUND["routing_10_times_cheaper"]) == pytest.approx((2 / 3, 8 / 9), abs=1e-4)


def test_serving_is_four_fifths_to_nine_tenths_of_a_life_for_some_models() -> None:
    """36 months of serving against 4 to 9 months' worth of training."""
    assert only(FOUND["inference_share"]) == pytest.approx((4.0, 9.0), rel=1e-4)


def test_a_kitchen_needs_its_meals() -> None:
    """200,000 / (0.04 x 30 x 4) meals a day."""
    assert only(FOUND["build_and_serving"])[0] == pytest.approx(200_000 / (0.04 * 30 * 4), rel=1e-4)


def test_what_serves_faster_at_low_load_does_not_at_high() -> None:
    """Speculation, eight bits and active parameters hold up to a batch that is told."""
    for name in ("speculation", "eight_bits", "active_parameters"):
        first, last = only(FOUND[name])
        assert first == 1.0
        assert last < 512


def test_every_rule_says_what_it_was_tested_with() -> None:
    """Inputs, who computed it, and a stretch inside what was searched."""
    for one in FOUND.values():
        assert one.by, one.name
        assert one.given, one.name
        assert all(one.searched[0] <= a <= b <= one.searched[1] for a, b in one.holds_when), one.name
        inside = any(a <= one.stated <= b for a, b in one.holds_when)
        assert one.holds == inside, one.name
