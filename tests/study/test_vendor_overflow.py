"""Reserved units and what lies above them: a month is its levels, and never the mean rate alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load as load_catalog
from breakeven.config.study.proposal import load_proposal, load_workload
from breakeven.report.compare import comparison_document
from breakeven.schema.comparison import Comparison
from breakeven.study.vendor.assess import assess

WORK = """
workload: 1
id: w
title: W
source: made up
as_of: 2026-11-20
conventions: {{hours_per_month: 720, horizon_months: 24}}
demand: {{requests: 864000 request/day, useful: 50 %}}
levels: {{{levels}}}
"""
OFFER = """
proposal: 1
id: reserved
vendor: Reserved
title: Units and overflow
source: made up
date: 2026-11-01
option:
  provisioned: {{price: 2 USD/unit/h, capacity: 10 request/s/unit, {more}}}
"""
OVER = "overflow: {request: 0.001 USD/request}"


def compared(levels: list[tuple[float, float]], more: str = OVER) -> Comparison:
    """864,000 requests a day are ten a second, which is what one unit carries."""
    told = ", ".join(f"l{at}: {{multiple: {size}, hours: {hours}}}" for at, (size, hours) in enumerate(levels))
    return assess([load_proposal(OFFER.format(more=more))], load_workload(WORK.format(levels=told)), load_catalog())


def test_a_month_overflows_at_its_peak_by_hand() -> None:
    """One unit at 2 USD an hour; in a tenth of 720 hours 55 a second, of which 45 overflow at 0.001 USD each."""
    found = compared([(0.5, 0.9), (5.5, 0.1)]).proposals[0]
    amounts = {part.name: part.amount for part in found.parts}
    assert amounts["provisioned_units"] == pytest.approx(2 * 720)
    assert amounts["overflow_requests"] == pytest.approx(45 * 0.1 * 720 * 3600 * 0.001)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.floats(0.1, 8), st.floats(0.05, 1)), min_size=1, max_size=4))
def test_a_month_is_its_levels_by_their_hours(levels: list[tuple[float, float]]) -> None:
    """Conservation: with the same units at every level, hours x cost of the levels is the month, whatever they are."""
    whole = math.fsum(hours for _, hours in levels)
    shares = [(size, hours / whole) for size, hours in levels]
    found = compared(shares, f"units: 1 unit, {OVER}").proposals[0]
    mixed = math.fsum(hours * level.cost.value for (_, hours), level in zip(shares, found.levels, strict=True))
    assert found.cost.value == pytest.approx(mixed, rel=1e-6)


def test_a_stated_share_is_taken_as_it_is() -> None:
    """Who knows the load-duration curve states the share, and it counts."""
    levels = [(0.5, 0.9), (5.5, 0.1)]
    found = compared(levels, f"overflow_share: 20 %, {OVER}").proposals[0]
    assert found.parts[1].amount == pytest.approx(0.2 * 10 * 720 * 3600 * 0.001)


def test_a_share_found_is_a_fact_of_its_own() -> None:
    """Every number of the document can be traced, the units that are held and the share above them as well."""
    found = compared([(0.5, 0.9), (5.5, 0.1)])
    assert comparison_document(found).problems() == ()
    [share] = [fact for fact in found.facts if fact.key.endswith("overflow_share")]
    assert share.value == pytest.approx(45.0)
    assert "levels" in share.note
    assert any(fact.key.endswith("provisioned.units") for fact in found.facts)


def test_more_uneven_levels_never_cost_less() -> None:
    """Monotonicity: the same mean in fewer hours overflows more."""
    costs = [compared([(0.5, 1 - share), (0.5 + 0.5 / share, share)]).proposals[0].cost.value for share in (0.5, 0.1)]
    assert costs == sorted(costs)
