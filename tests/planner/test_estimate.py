"""The first answer from three numbers: consistent with itself, ranged, sourced, and quick."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.errors import FactError, UsageError
from breakeven.planner.estimate import estimate
from breakeven.planner.rough import SCENARIOS, USABLE, Rough
from breakeven.report.estimate import crossing, estimate_document
from breakeven.schema.estimate import Choice, Estimate

quick = settings(max_examples=15, deadline=None)
VOLUMES = st.floats(1e3, 1e9)
ASKED = {"model": "llama-3.1-8b", "requests_per_month": 3e6, "input_tokens": 1000.0, "output_tokens": 200.0}


def ask(model: str = "llama-3.1-8b", requests: float = 3e6, against: str = "", **changes: float) -> Estimate:
    tokens = {"input_tokens": 1000.0, "output_tokens": 200.0, **changes}
    return estimate(load(), model=model, requests_per_month=requests, as_of="2026-11-24", against=against, **tokens)


def choices(found: Estimate) -> dict[str, Choice]:
    return {choice.kind: choice for choice in found.choices}


@quick
@given(requests=VOLUMES)
def test_low_base_and_high_cost_are_in_order(requests: float) -> None:
    """In every choice, and the cost of a thousand is the month shared out."""
    for choice in ask(requests=requests).choices:
        monthly = choice.monthly_usd
        assert monthly.low <= monthly.value <= monthly.high
        assert choice.per_1000_usd.value == pytest.approx(monthly.value * 1000 / requests)


@quick
@given(requests=VOLUMES, factor=st.floats(1.5, 50))
def test_an_api_is_linear_and_capacity_never_falls_with_volume(requests: float, factor: float) -> None:
    """An API charges per token; more requests never need fewer replicas."""
    small, large = choices(ask(requests=requests)), choices(ask(requests=requests * factor))
    assert large["api"].monthly_usd.value == pytest.approx(factor * small["api"].monthly_usd.value, rel=1e-6)
    for kind in ("rent", "own"):
        assert large[kind].monthly_usd.value >= small[kind].monthly_usd.value - 1e-9


def test_the_break_even_volume_is_where_the_costs_meet() -> None:
    """At that volume the API costs what one machine costs; below it is cheaper, above it is dearer."""
    found = ask("llama-3.1-70b", against="claude-sonnet-5")
    volume = found.rent_volume.value
    assert volume is not None
    below, above = (choices(ask("llama-3.1-70b", volume * at, "claude-sonnet-5")) for at in (0.9, 1.1))
    assert below["api"].monthly_usd.value < below["rent"].monthly_usd.value
    assert above["api"].monthly_usd.value > above["rent"].monthly_usd.value
    assert found.rent_volume.low <= volume


def test_low_cost_is_a_faster_replica_and_high_cost_a_slower_one() -> None:
    """The performance model's error points the same way as the other ranges."""
    catalog = load()
    assumed = {scenario: assumptions(catalog.assumptions(), scenario) for scenario in SCENARIOS}
    rough = Rough(catalog=catalog, ask=ask().ask, assumed=assumed)
    one = next(found for found in rough._capable() if found.curve is not None)
    low, base, high = (rough._rate(one, scenario) / USABLE[scenario] for scenario in SCENARIOS)
    assert low > base > high


def test_never_is_an_answer() -> None:
    """Where a request costs less at the API than its share of a machine, no volume makes up for it."""
    found = ask("deepseek-r1")
    assert found.rent_volume.value is None
    assert found.rent_volume.note.startswith("never")
    assert crossing(found.rent_volume)[0] == "never"


def test_the_cheapest_kind_is_the_cheapest() -> None:
    """By the month at base cost."""
    for model in ("llama-3.1-8b", "llama-3.1-70b"):
        found = ask(model, against="claude-sonnet-5")
        base = {kind: choice.monthly_usd.value for kind, choice in choices(found).items()}
        assert base[found.cheapest] == min(base.values())


def test_a_model_without_sheet_can_only_be_had_from_its_api() -> None:
    """Rent and own are unknown with the reason; nothing is priced at zero."""
    found = choices(ask("claude-sonnet-5"))
    assert found["api"].monthly_usd.value is not None
    for kind in ("rent", "own"):
        assert found[kind].monthly_usd.value is None
        assert "no sheet of claude-sonnet-5" in found[kind].monthly_usd.note


def test_every_number_names_source_and_date() -> None:
    """Invariant 11, through the document."""
    document = estimate_document(ask())
    assert document.problems() == ()
    assert {fact.key for fact in ask().facts} == {source.key for source in document.sources()}


def test_old_prices_are_told_with_their_age_and_a_later_day_forgives_none() -> None:
    """What is said to be old stays so, and each such price is one that the answer uses."""
    today, later = (
        {line.partition(":")[0] for line in estimate(load(), as_of=day, **ASKED).caveats if "(limit " in line}
        for day in ("2026-11-24", "2027-11-24")
    )
    found = estimate(load(), as_of="2026-11-24", **ASKED)
    assert today
    assert today < later
    assert all(any(name in fact.key for fact in found.facts) for name in today)


def test_same_question_same_bytes() -> None:
    """Invariant 7."""
    assert msgspec.json.encode(ask()) == msgspec.json.encode(ask())


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["requests", "input_tokens", "output_tokens"])
def test_numbers_that_cannot_be_meant_are_refused(name: str, bad: float) -> None:
    """The message names the number."""
    with pytest.raises(UsageError, match="must be a positive number"):
        ask(**{name: bad})


def test_unknown_names_come_with_suggestions() -> None:
    """Of the model, and of the API to compare with."""
    with pytest.raises(FactError, match=r"llama-3\.1-8x"):
        ask("llama-3.1-8x")
    with pytest.raises(FactError, match=r"did you mean .*claude-sonnet-5"):
        ask(against="claude-sonet-5")
