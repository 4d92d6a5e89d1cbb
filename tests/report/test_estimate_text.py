"""What `estimate` prints, word for word, from an estimate made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from breakeven.report.document import Verdict
from breakeven.report.estimate import crossing, estimate_document
from breakeven.report.plain import estimate_json
from breakeven.report.render import markdown, text
from breakeven.schema.bill import Bill, Line
from breakeven.schema.estimate import Ask, Choice, Estimate
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure

KEY = "offer/x@2026-01-01/usd_per_hour"


def usd(low: float | None, base: float | None, high: float | None) -> Figure:
    return Figure(
        value=base, unit="USD", basis="derived", low=low, high=high, facts=(KEY,) if base else (), note="no offer"
    )


def choice(kind: str, low: float, base: float, high: float) -> Choice:
    line = Line(name="rent", amount_usd=base, formula="1 x 2 USD/h x 730 h", facts=(KEY,))
    per = Figure(value=base / 3000, unit="USD", low=low / 3000, high=high / 3000)
    bill = Bill(option=kind, lines=(line,))
    replicas = None if kind == "api" else 2
    return Choice(
        kind=kind, name=f"{kind}-x", monthly_usd=usd(low, base, high), per_1000_usd=per, replicas=replicas, bill=bill
    )


@pytest.fixture
def estimate() -> Estimate:
    """An API, a rented machine whose range overlaps it, and nothing to own."""
    nothing = Choice(kind="own", name="", monthly_usd=usd(None, None, None), per_1000_usd=usd(None, None, None))
    fact = Fact(key=KEY, value=2.0, unit="USD/hour", source="Price list", as_of="2026-01-01")
    return Estimate(
        ask=Ask(
            model="m", requests_per_month=3e6, input_tokens=1000, output_tokens=200, against="api", as_of="2026-11-24"
        ),
        choices=(choice("api", 1800, 1800, 1800), choice("rent", 1000, 1460, 2900), nothing),
        cheapest="rent",
        rent_volume=Figure(value=2.4e6, unit="requests", low=1.7e6, high=None, how="machine / price of a request"),
        own_volume=Figure(value=None, unit="requests", note="not both are priced"),
        own_against_rent_months=Figure(value=None, unit="months", note="never within 60 months"),
        own_against_api_months=Figure(value=28.07, unit="months", low=16.0, high=40.0, how="purchase / saving"),
        facts=(fact,),
        assumptions=("Peak over mean demand is 3.",),
        caveats=("Quality is not compared.",),
    )


@pytest.mark.parametrize(("suffix", "render"), [("txt", text.render), ("md", markdown.render)])
def test_the_estimate_reads_as_committed(
    estimate: Estimate, same_as_committed: Callable[[str, str], None], suffix: str, render: Callable[..., str]
) -> None:
    """Same estimate, same words."""
    same_as_committed(f"estimate.{suffix}", render(estimate_document(estimate)))


def test_overlapping_ranges_are_a_warning(estimate: Estimate) -> None:
    """The ranking may change within the ranges, and the verdict says so."""
    verdict = next(block for block in estimate_document(estimate).blocks() if isinstance(block, Verdict))
    assert verdict.tone == "warn"
    assert "the ranking may change" in verdict.interval


def test_never_unknown_and_a_number_are_told_apart(estimate: Estimate) -> None:
    """Not priced is no "never"."""
    assert crossing(estimate.own_volume)[:3] == ("unknown", "unknown", "unknown")
    assert crossing(estimate.own_against_rent_months)[0] == "never"
    assert crossing(estimate.rent_volume)[:3] == ("2,400,000 requests", "1,700,000 requests", "never")


def test_the_json_keeps_every_figure(estimate: Estimate) -> None:
    """Choices with their ranges, crossings with theirs."""
    found = estimate_json(estimate)
    assert [choice["kind"] for choice in found["choices"]] == ["api", "rent", "own"]
    assert found["choices"][1]["monthly_usd"]["high"] == 2900
    assert found["own_volume"]["value"] is None
