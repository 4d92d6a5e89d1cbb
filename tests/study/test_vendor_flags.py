"""Red flags, questions and the rubric: each is raised by what raises it, and by nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.grammar import tables
from breakeven.config.study import proposal as grammar
from breakeven.config.study.proposal import Proposal, Tracking, load_proposal, load_workload
from breakeven.schema.comparison import Assessed
from breakeven.study.vendor.assess import assess
from breakeven.study.vendor.track import points, score

ROOT = Path(__file__).parents[2]

WORKLOAD = """
workload: 1
id: w
title: W
source: made up
as_of: 2026-11-01
conventions: {hours_per_month: 730, horizon_months: 24}
demand: {requests: 1000000 request/month, useful: 50 %, input_tokens: 100 token/request, egress: 2 kB/request}
levels: {low: {multiple: 0.5, hours: 0.5}, peak: {multiple: 1.5, hours: 0.5}}
latency: {percentile: p95, limit: 100 ms}
regions: [eu]
"""

CLEAN = """
proposal: 1
id: clean
vendor: Clean
title: Everything answered
source: made up
date: 2026-10-01
valid_until: 2026-12-31
option:
  fleet: {servers: 1 server, accelerators_per_server: 8 accelerator/server}
  rent: {price: 20 USD/server/h, basis: on_demand}
  lines: {egress: 0.09 USD/GB, licence: 100 USD/server/month}
  exit: {notice: 0 month, migration: 100 USD}
sla: {availability: 99.9 %, p95: 80 ms, p99: 120 ms, credit: 10 %, credit_cap: 20 %, window: month}
chain:
  network: {included: true}
  feature_retrieval: {included: true}
  capacity: dedicated
  at_peak: queue
  cold_start: 0 s
  limit: 100 request/s
accelerator: h100-sxm
latency:
  low: {p50: 20 ms, p95: 40 ms, p99: 60 ms}
  peak: {p50: 30 ms, p95: 60 ms, p99: 90 ms}
tracking: {prediction_id: stated, outcome_join: stated, request_timing: stated, usage_export: stated}
counting: {rule: same, factor: 1}
regions: [eu]
growth: {rise_cap: 3 %/year, larger_model: 2, volume: the same}
"""


@cache
def catalog() -> Catalog:
    return load_catalog()


def assessed(*changes: tuple[str, str], load: str = WORKLOAD) -> Assessed:
    text = CLEAN
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return assess([load_proposal(text)], load_workload(load), catalog()).proposals[0]


def test_a_proposal_that_answers_everything_has_no_flag_and_no_question() -> None:
    """The clean case is clean: otherwise the cases below would prove nothing."""
    found = assessed()
    assert found.flags == ()
    assert found.questions == ()
    assert found.missing == ()


FLAGS = {
    "missing_slo": ("sla: {availability: 99.9 %, p95: 80 ms, p99: 120 ms, ", "sla: {"),
    "missing_egress": ("egress: 0.09 USD/GB, ", ""),
    "multiplexed_without_peak": ("  capacity: dedicated\n  at_peak: queue\n", "  capacity: multiplexed\n"),
    "capacity_unknown": ("  capacity: dedicated\n", ""),
    "autoscale_without_time": ("at_peak: queue", "at_peak: autoscale"),
    "licence_unit": ("100 USD/server/month", "100 USD/month"),
    "minimum_above_spend": ("basis: on_demand}", "basis: on_demand, minimum: 90000 USD/month}"),
    "price_without_date": ("date: 2026-10-01\n", ""),
    "price_expired": ("valid_until: 2026-12-31", "valid_until: 2026-10-31"),
    "spot_as_on_demand": ("price: 20 USD/server/h", "price: {value: 20 USD/server/h, basis: spot}"),
    "empty_credit": ("credit_cap: 20 %", "credit_cap: 0 %"),
    "lock_in": ("migration: 100 USD", "migration: 900000 USD"),
    "exit_unknown": (", migration: 100 USD", ""),
    "data_locality": ("regions: [eu]", "regions: [us]"),
    "cold_start": ("cold_start: 0 s", "cold_start: 8 s"),
    "promise_missed": ("p95: 80 ms, p99: 120 ms", "p95: 50 ms, p99: 120 ms"),
    "budget_missed": ("{p50: 30 ms, p95: 60 ms, p99: 90 ms}", "{p50: 30 ms, p95: 160 ms, p99: 190 ms}"),
}


@pytest.mark.parametrize("kind", FLAGS)
def test_each_flag_is_raised_by_its_cause(kind: str) -> None:
    """One change to the clean proposal raises its flag; the ranking counts it."""
    found = assessed(FLAGS[kind])
    assert kind in {flag.kind for flag in found.flags}
    assert all(flag.text.endswith((".", "price.")) for flag in found.flags)


def test_a_rent_far_below_its_peers_is_likely_spot() -> None:
    """On demand under two fifths of the catalog's median for that accelerator is flagged with both figures."""
    offers = catalog().offers(on="2026-11-01", kind="accelerator_hour", accelerator="h100-sxm")
    assert sum(one.term == "on_demand" for one in offers) >= 3
    cheap = assessed(("20 USD/server/h", "4 USD/server/h"))
    [flag] = [flag for flag in cheap.flags if flag.kind == "spot_as_on_demand"]
    assert "0.50 USD" in flag.text
    assert "median" in flag.text
    spot = assessed(("20 USD/server/h, basis: on_demand", "4 USD/server/h, basis: spot, interruption: 5 %"))
    assert "spot_as_on_demand" not in {flag.kind for flag in spot.flags}


def test_a_spot_offer_of_the_catalog_is_seen_through() -> None:
    """An offer whose term is spot is flagged where the rent is called on demand."""
    found = assessed(("price: 20 USD/server/h", "offer: azure-nd96isr-h100-v5-h100-sxm-spot"))
    assert "spot_as_on_demand" in {flag.kind for flag in found.flags}


def test_an_unclear_licence_has_no_price() -> None:
    """What does not say per what is unpriced: the month is incomplete, not cheaper."""
    found = assessed(("100 USD/server/month", "100 USD/month"))
    assert found.missing == ("no price for lines.licence",)
    assert "cost" in found.standing.unknown
    assert any("Per what" in question.text for question in found.questions)


def test_data_that_may_not_leave_excludes() -> None:
    """A hard constraint leaves no place, and an unnamed region does not meet it."""
    for other in ("regions: [us]\n", ""):
        found = assessed(("regions: [eu]\n", other))
        assert found.standing.place is None
        assert "eu" in found.standing.excluded[0]
    assert assessed(("regions: [eu]", "regions: [us, eu]")).standing.place == 1


QUESTIONS = {
    "sla.availability": ("availability: 99.9 %, ", ""),
    "sla.window": (", window: month", ""),
    "chain.network": ("  network: {included: true}\n", ""),
    "chain.limit": ("  limit: 100 request/s\n", ""),
    "chain.autoscale_time": ("at_peak: queue", "at_peak: autoscale"),
    "latency.peak": ("  peak: {p50: 30 ms, p95: 60 ms, p99: 90 ms}\n", ""),
    "tracking.outcome_join": ("outcome_join: stated, ", ""),
    "option.exit.notice": ("notice: 0 month, ", ""),
    "option.exit.penalty": ("basis: on_demand}", "basis: reserved, term: 12 month}"),
    "growth.rise_cap": ("rise_cap: 3 %/year, ", ""),
    "growth.volume": (", volume: the same", ""),
    "valid_until": ("valid_until: 2026-12-31\n", ""),
    "regions": ("regions: [eu]\n", ""),
    "option.lines": ("egress: 0.09 USD/GB, ", ""),
}


@pytest.mark.parametrize("key", QUESTIONS)
def test_each_absent_field_asks_its_question_once(key: str) -> None:
    """One field left out is one question, phrased as one; nothing else is asked."""
    asked = assessed(QUESTIONS[key]).questions
    assert [question.key for question in asked] == [key]
    assert asked[0].text.endswith("?")


def test_what_is_left_open_by_hand_is_asked_as_written() -> None:
    """The author's own open questions come last, word for word."""
    found = assessed(("regions: [eu]\n", "regions: [eu]\nunanswered: [Who answers at night?]\n"))
    assert [(question.key, question.text) for question in found.questions] == [("unanswered", "Who answers at night?")]


def test_a_larger_model_at_a_catalog_price_costs_its_multiple() -> None:
    """The multiple reaches prices of the catalog and prices written as formulas alike."""
    load = WORKLOAD.replace("latency:", "model_growth: {what: parameters}\nlatency:")
    for priced in ("api: {offer: api-openai-gpt-5-mini}", "api: {input: = price}"):
        text = CLEAN.replace("  rent: {price: 20 USD/server/h, basis: on_demand}", f"  {priced}")
        text = text.replace("lines: {egress: 0.09 USD/GB, licence: 100 USD/server/month}", "lines: {}")
        text += "included: [egress]\ninputs: {price: 0.5 USD/Mtok}\n"
        found = assess([load_proposal(text)], load_workload(load), catalog()).proposals[0]
        assert found.cost.value > 0
        assert found.scenarios[0].cost.value == pytest.approx(2 * found.cost.value)


def test_credits_are_a_share_of_the_bill() -> None:
    """The cap times the month; people of one's own are no part of the bill."""
    found = assessed()
    assert found.credit_most.value == pytest.approx(0.2 * found.cost.value)
    staffed = assessed(("lines: {", "lines: {staff: {rate: 500 USD/month, category: people}, "))
    assert staffed.credit_most.value == pytest.approx(found.credit_most.value)


def test_the_rubric_adds_up() -> None:
    """All proven is 100, all stated half of it, all silent unknown; what is open widens the interval, not the score."""
    proven = {"state": "proven", "evidence": "a trial"}
    names = tuple(Tracking.model_fields)
    assert score(points(Tracking.model_validate(dict.fromkeys(names, proven)))).value == 100
    assert score(points(Tracking.model_validate(dict.fromkeys(names, "stated")))).value == 50
    assert score(points(Tracking.model_validate(dict.fromkeys(names, "no")))).value == 0
    assert score(points(Tracking())).value is None
    partly = score(points(Tracking.model_validate({"prediction_id": proven})))
    assert (partly.value, partly.low, partly.high) == (30, 30, 100)


SAMPLES = {19: set(), 20: {"p95"}, 100: {"p95"}}


@pytest.mark.parametrize("count", SAMPLES)
def test_a_percentile_needs_its_samples(count: int) -> None:
    """Twenty samples have a p95 and nineteen none; a p99, and so a spread, needs a hundred."""
    listed = ", ".join(str(20 + at % 50) for at in range(count))
    found = assessed(("{p50: 30 ms, p95: 60 ms, p99: 90 ms}", f"{{samples: [{listed}]}}"))
    peak = found.levels[1]
    assert ("measured" in peak.latency.how) == ("p95" in SAMPLES[count])
    assert (peak.spread.value is not None) == (count >= 100)
    assert peak.iqr.value is not None


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for one in vars(grammar).values() if isinstance(one, type) and one.__module__ == grammar.__name__]


def test_every_field_is_described() -> None:
    """What may be written can be read about."""
    for section in _sections(Proposal):
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name}"


@pytest.mark.parametrize("name", ["proposal", "workload"])
def test_the_document_holds_the_grammar_as_the_code_has_it(name: str) -> None:
    """docs/compare.md and the descriptions are the same, table for table."""
    assert tables(name) in (ROOT / "docs/compare.md").read_text()
