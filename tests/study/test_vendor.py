"""Proposals on one workload: sums, monotone loads, unknown never good, and errors that name their place."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.study.proposal import Proposal, WorkloadFile, load_proposal, load_workload
from breakeven.errors import ConfigError, StudyError
from breakeven.schema.comparison import Assessed, Comparison
from breakeven.study.vendor.assess import assess
from breakeven.study.vendor.origin import File, located

EXAMPLES = Path(__file__).parents[2] / "examples/compare"
NAMES = ("managed", "dedicated", "api")

WORKLOAD = """
workload: 1
id: ranking
title: Ranking
source: made up
as_of: 2026-11-01
conventions: {hours_per_month: 730, horizon_months: 24}
demand: {requests: 1000000 request/month, useful: 50 %, value: 0.01 USD/useful_prediction, peak_to_mean: 1.5}
levels:
  low: {multiple: 0.5, hours: 0.5}
  peak: {multiple: 1.5, hours: 0.5}
latency: {percentile: p95, limit: 100 ms}
"""

PROPOSAL = """
proposal: 1
id: one
vendor: One
title: Per request
source: made up
date: 2026-10-01
option:
  lines: {inference: 2 USD/1000 request}
  exit: {notice: 1 month, migration: 1000 USD}
sla: {availability: 99.9 %, p95: 80 ms, p99: 120 ms, credit: 10 %, credit_cap: 20 %, window: month}
chain: {network: {included: true}, capacity: dedicated, at_peak: queue, limit: 100 request/s}
latency:
  low: {p50: 20 ms, p95: 40 ms, p99: 60 ms}
  peak: {p50: 30 ms, p95: 60 ms, p99: 90 ms}
tracking: {prediction_id: stated, outcome_join: stated, request_timing: stated, usage_export: stated}
regions: [eu]
growth: {rise_cap: 3 %/year, larger_model: 2, volume: the same}
"""


@cache
def catalog() -> Catalog:
    return load_catalog()


def proposal(text: str = PROPOSAL, **changes: str) -> Proposal:
    """The plain proposal with pieces of its text replaced."""
    for old, new in changes.items():
        text = text.replace(OLD[old], new)
    return load_proposal(text)


OLD = {
    "id": "id: one",
    "price": "inference: 2 USD/1000 request",
    "lines": "lines: {inference: 2 USD/1000 request}",
    "chain": "network: {included: true}, ",
    "p95": "p95: 60 ms",
    "p99": "p99: 90 ms",
    "exit": "  exit: {notice: 1 month, migration: 1000 USD}\n",
    "sla": "sla: {availability: 99.9 %, p95: 80 ms, p99: 120 ms, credit: 10 %, credit_cap: 20 %, window: month}\n",
    "peak": "  peak: {p50: 30 ms, p95: 60 ms, p99: 90 ms}\n",
    "tracking": "tracking: {prediction_id: stated, outcome_join: stated, request_timing: stated, "
    "usage_export: stated}\n",
    "limit": "limit: 100 request/s",
    "terms": "growth: {rise_cap: 3 %/year, larger_model: 2, volume: the same}\n",
    "regions": "regions: [eu]\n",
    "date": "date: 2026-10-01\n",
}


def workload(*changes: tuple[str, str]) -> WorkloadFile:
    text = WORKLOAD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_workload(text)


def one(found: Proposal, load: WorkloadFile | None = None) -> Assessed:
    return assess([found], load or workload(), catalog()).proposals[0]


def kinds(found: Assessed) -> set[str]:
    return {flag.kind for flag in found.flags}


@pytest.fixture(scope="module")
def example() -> Comparison:
    proposals = [load_proposal((EXAMPLES / f"{name}.yaml").read_text(), name) for name in NAMES]
    return assess(proposals, load_workload((EXAMPLES / "workload.yaml").read_text()), catalog())


def test_a_month_is_the_sum_of_its_lines_and_of_always_on_and_burst(example: Comparison) -> None:
    """Conservation: lines add up to the month, always-on and burst add up to the month, for every proposal."""
    for found in example.proposals:
        assert math.isclose(math.fsum(part.amount for part in found.parts), found.cost.value)
        assert math.isclose(found.always_on.value + found.burst.value, found.cost.value)
        assert found.per_1000.value == pytest.approx(found.cost.value / example.requests * 1000)


def test_a_price_per_request_by_hand() -> None:
    """Equivalence: 2 USD a thousand, a million a month; half of the predictions useful, so useful ones cost double."""
    found = one(proposal())
    assert found.cost.value == pytest.approx(2000)
    assert found.per_1000.value == pytest.approx(2)
    assert found.per_1000_useful.value == pytest.approx(4)
    assert [level.cost.value for level in found.levels] == pytest.approx([1000, 3000])
    assert found.levels[1].net.value == pytest.approx(1_500_000 * 0.5 * 0.01 - 3000)
    assert found.always_on.value == pytest.approx(1000), "the lowest level is always there"


def test_machines_are_held_for_the_peak_unless_they_scale() -> None:
    """Capacity that does not follow the load costs the same at every level; capacity that scales costs less at low."""
    sized = "fleet: {capacity: 0.1 request/s/instance}\n  lines: {run: 100 USD/instance/month}"
    held = one(proposal(lines=sized))
    needed = math.ceil(1_000_000 / (730 * 3600) * 1.5 * 1.5 / 0.1)
    assert [level.cost.value for level in held.levels] == pytest.approx([needed * 100.0] * 2)
    moving = proposal(lines=sized).model_copy(
        update={"chain": load_proposal(PROPOSAL.replace("queue", "autoscale, autoscale_time: 30 s")).chain}
    )
    low, peak = (level.cost.value for level in one(moving).levels)
    assert low < peak == pytest.approx(needed * 100.0)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0.05, 5), min_size=2, max_size=4, unique=True))
def test_more_load_never_costs_less_where_use_is_paid(multiples: list[float]) -> None:
    """Monotonicity: with a price per use the cost of a level grows with its multiple."""
    levels = ", ".join(f"l{at}: {{multiple: {each}, hours: {1 / len(multiples)}}}" for at, each in enumerate(multiples))
    text = WORKLOAD.partition("levels:")[0] + f"levels: {{{levels}}}\n"
    plain = PROPOSAL.partition("latency:")[0] + OLD["tracking"]
    found = one(load_proposal(plain), load_workload(text))
    ordered = [cost for _, cost in sorted(zip(multiples, (level.cost.value for level in found.levels), strict=True))]
    assert ordered == sorted(ordered)


def test_a_missed_budget_has_no_price_per_useful_prediction() -> None:
    """A level above the budget has no such price, and says both values; the other level keeps its own."""
    found = one(proposal(p95="p95: 130 ms", p99="p99: 190 ms"))
    low, peak = found.levels
    assert low.within
    assert low.per_1000_useful.value is not None
    assert peak.within is False
    assert peak.per_1000_useful.value is None
    assert "130 ms" in peak.per_1000_useful.note
    assert "100 ms" in peak.per_1000_useful.note
    assert found.per_1000_useful.value is None
    assert {"budget_missed", "promise_missed"} <= kinds(found)


def test_stages_beside_the_answer_count_against_the_budget() -> None:
    """End to end is the answer and what it does not hold: 60 ms and 50 ms of network miss 100 ms."""
    found = one(proposal(chain="network: {included: false, time: 50 ms}, "))
    assert found.levels[1].latency.value == pytest.approx(0.11)
    assert found.levels[1].within is False


UNKNOWN = {
    "no latency at peak and none promised": ({"peak": "", "sla": "sla: {availability: 99 %}\n"}, "latency"),
    "network not spoken of": ({"chain": ""}, "cost"),
    "no price": ({"price": "inference: {rate: {value: null}}"}, "cost"),
    "no percentiles at peak": ({"peak": ""}, "latency"),
    "nothing on tracking": ({"tracking": ""}, "tracking"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_is_last_and_never_good(case: str) -> None:
    """Leaving something out ranks last in its criterion, behind the worst that is known."""
    changes, criterion = UNKNOWN[case]
    silent = proposal(**changes, id="id: silent")
    worst = proposal(price="inference: 900 USD/1000 request", p99="p99: 99 s", id="id: worst").model_copy(
        update={"tracking": load_proposal(PROPOSAL.replace("stated", "no")).tracking}
    )
    found = assess([silent, worst], workload(), catalog())
    by_id = {one.id: one for one in found.proposals}
    assert criterion in by_id["silent"].standing.unknown
    assert by_id["silent"].standing.shares[criterion] == 0
    assert criterion not in by_id["worst"].standing.unknown


def test_an_unpriced_proposal_is_never_cheap() -> None:
    """What the workload needs and the proposal does not price makes its cost unknown, however low the rest is."""
    load = workload(("peak_to_mean: 1.5", "peak_to_mean: 1.5, egress: 10 kB/request"))
    cheap = proposal(price="inference: 0.01 USD/1000 request", id="id: cheap")
    whole = proposal(lines="lines: {inference: 2 USD/1000 request, egress: 0.09 USD/GB}")
    found = assess([cheap, whole], load, catalog())
    assert [one.id for one in found.proposals] == ["one", "cheap"]
    assert found.proposals[1].missing == ("no price for egress",)
    assert found.crossings[0].turns == ()
    assert "no price for egress" in found.crossings[0].note
    included = proposal(price="inference: 0.01 USD/1000 request", id="id: cheap\nincluded: [egress]")
    assert assess([included, whole], load, catalog()).proposals[0].id == "cheap"


def test_growth_multiplies_what_is_stated() -> None:
    """A larger model costs its stated multiple per use; a store grown by half costs half more; both add up."""
    load = workload(
        ("latency:", "model_growth: {what: parameters, capacity: 0.5}\nlatency:"),
        ("latency:", "feature_store: {size: 100 feature_gb, growth: 0.5}\nlatency:"),
    )
    lines = "lines: {inference: 2 USD/1000 request, features: 3 USD/feature_gb/month}"
    found = one(proposal(lines=lines, chain="network: {included: true}, feature_retrieval: {included: true}, "), load)
    costs = [case.cost.value for case in found.scenarios]
    assert costs == pytest.approx([2 * 2000 + 300, 2000 + 450, 2 * 2000 + 450])
    silent = one(proposal(lines=lines, terms=""), load)
    assert silent.scenarios[0].cost.value is None
    assert "larger_model" in silent.scenarios[0].cost.note


def test_a_stated_fleet_that_grows_too_small_has_no_cost() -> None:
    """A larger model on machines that no longer carry the peak is unknown, not free."""
    load = workload(("latency:", "model_growth: {what: tokens, capacity: 0.1}\nlatency:"))
    lines = "fleet: {instances: 1 instance, capacity: 2 request/s/instance}\n  lines: {run: 100 USD/instance/month}"
    found = one(proposal(lines=lines), load)
    assert found.levels[1].within
    assert found.scenarios[0].cost.value is None
    assert "carries 0.2" in found.scenarios[0].cost.note


def test_more_than_it_accepts_is_not_served() -> None:
    """A level above the limit misses, whatever latency is stated; the reason has both rates."""
    found = one(proposal(limit="limit: 0.5 request/s"))
    assert found.levels[1].within is False
    assert "0.5 request/s" in found.levels[1].per_1000_useful.note


def test_tokens_counted_differently_cost_more() -> None:
    """Tokens counted by another rule multiply the tokens; by none, the cost is not whole."""
    load = workload(("peak_to_mean: 1.5", "peak_to_mean: 1.5, input_tokens: 100 token/request"))
    text = PROPOSAL.replace(OLD["lines"], "api: {input: 1 USD/Mtok}")
    alike = one(load_proposal(text + "counting: {rule: same, factor: 1}\n"), load)
    dear = one(load_proposal(text + "counting: {rule: own, factor: 1.2}\n"), load)
    silent = one(load_proposal(text), load)
    assert dear.cost.value == pytest.approx(1.2 * alike.cost.value)
    assert "cost" in silent.standing.unknown
    assert "tokens_counted" in kinds(silent)
    assert "tokens_counted" not in kinds(alike)


def test_crossings_are_where_two_lines_meet() -> None:
    """A fixed fee against a price per use meet at fee / price; one that is dearer in both never crosses."""
    fixed = proposal(price="fee: 1000 USD/month", id="id: fixed")
    dear = proposal(price="inference: 3 USD/1000 request", id="id: dear")
    found = {(one.one, one.other): one for one in assess([fixed, dear, proposal()], workload(), catalog()).crossings}
    [turn] = found["fixed", "one"].turns
    assert turn.predictions_per_month == pytest.approx(500_000, rel=1e-3)
    assert (turn.cheaper_below, turn.cheaper_above) == ("one", "fixed")
    assert found["dear", "one"].turns == ()
    assert found["dear", "one"].note == "never: one is cheaper at every volume"


def test_leaving_counts_what_is_stated_and_is_unknown_where_it_is_not() -> None:
    """Notice and migration by hand; without a penalty for a term, or without any terms, it is unknown."""
    found = one(proposal())
    assert found.exit.value == pytest.approx(2000 + 1000)
    assert found.exit_months.value == pytest.approx(1.5)
    assert one(proposal(exit="")).exit.value is None
    assert "exit_unknown" in kinds(one(proposal(exit="")))
    assert "lock_in" in kinds(one(proposal(exit="  exit: {notice: 0 month, migration: 90000 USD}\n")))


def test_the_comparison_is_plain_and_repeats(example: Comparison) -> None:
    """Round trip through JSON; the same inputs give the same bytes; every figure's facts are carried."""
    text = msgspec.json.encode(example)
    assert msgspec.json.decode(text, type=Comparison) == example
    proposals = [load_proposal((EXAMPLES / f"{name}.yaml").read_text(), name) for name in reversed(NAMES)]
    again = assess(proposals, load_workload((EXAMPLES / "workload.yaml").read_text()), catalog())
    assert msgspec.json.encode(again) == text
    known = {fact.key for fact in example.facts}
    cited = {key for found in (json.loads(text)["proposals"]) for key in _facts(found)}
    assert cited
    assert cited <= known


def _facts(value: object) -> set[str]:
    if isinstance(value, dict):
        own = set(value.get("facts", ()))
        return own.union(*(_facts(one) for one in value.values()))
    return set().union(*(_facts(one) for one in value)) if isinstance(value, list) else set()


BAD_FORM = {
    "unknown key": (PROPOSAL + "slaa: {}\n", ("p.yaml:", "slaa", "sla")),
    "percentiles and samples": (
        PROPOSAL.replace("{p50: 20 ms, p95: 40 ms, p99: 60 ms}", "{p50: 20 ms, samples: [1.0]}"),
        ("p.yaml:", "low", "keep one"),
    ),
    "proof without evidence": (
        PROPOSAL.replace("prediction_id: stated", "prediction_id: proven"),
        ("p.yaml:", "prediction_id", "evidence"),
    ),
}


@pytest.mark.parametrize("case", BAD_FORM)
def test_a_wrong_form_names_file_key_and_way_out(case: str) -> None:
    """Errors of form have the file, the line and what to write."""
    text, words = BAD_FORM[case]
    with pytest.raises(ConfigError) as raised:
        load_proposal(text, "p.yaml")
    for word in words:
        assert word in str(raised.value)


def test_hours_that_are_not_all_hours_are_refused() -> None:
    """The shares of the levels sum to 1; the sum is shown. Without requests nothing is per prediction."""
    with pytest.raises(ConfigError, match=r"w.yaml:.*\n.*\n.*\n.*|sum to 0.9") as raised:
        load_workload(WORKLOAD.replace("multiple: 1.5, hours: 0.5", "multiple: 1.5, hours: 0.4"), "w.yaml")
    assert "sum to 0.9" in str(raised.value)
    with pytest.raises(ConfigError, match="states no `requests`"):
        load_workload(WORKLOAD.replace("requests: 1000000 request/month, ", ""), "w.yaml")


BAD_VALUE = {
    "no duration": ("p95: 60 ms", "p95: 60 USD", ("latency.peak.p95", "USD", "p.yaml:15")),
    "a percentile above a higher one": ("p95: 60 ms", "p95: 95 ms", ("0.095 s", "0.09 s", "p.yaml:15")),
    "a level the workload lacks": ("  peak: {p50", "  pek: {p50", ("`pek`", "low, peak", "`peak`", "p.yaml:15")),
    "another currency": ("2 USD/1000", "2 EUR/1000", ("EUR", "USD", "fx", "p.yaml:9")),
    "an unknown unit": ("2 USD/1000 request", "2 USD/1000 reqest", ("reqest", "request", "p.yaml:9")),
}


@pytest.mark.parametrize("case", BAD_VALUE)
def test_a_wrong_value_names_file_line_both_values_and_way_out(case: str) -> None:
    """What only the engine can see is an error of the file it stands in, with its line."""
    old, new, words = BAD_VALUE[case]
    text = PROPOSAL.replace(old, new)
    with pytest.raises(StudyError) as raised:
        assess([load_proposal(text, "p.yaml")], workload(), catalog())
    shown = located(raised.value, File(name="w.yaml", text=WORKLOAD), {"one": File(name="p.yaml", text=text)})
    for word in words:
        assert word in str(shown), str(shown)


def test_a_wrong_demand_is_an_error_of_the_workload() -> None:
    """A place in the demand is found in the workload's file, not in a proposal's."""
    text = WORKLOAD.replace("1000000 request/month", "1000000 USD")
    with pytest.raises(StudyError) as raised:
        assess([proposal()], load_workload(text), catalog())
    shown = str(located(raised.value, File(name="w.yaml", text=text), {}))
    assert "w.yaml:8" in shown
    limit = WORKLOAD.replace("limit: 100 ms", "limit: 100 USD")
    with pytest.raises(StudyError) as raised:
        assess([proposal()], load_workload(limit), catalog())
    assert "w.yaml:12" in str(located(raised.value, File(name="w.yaml", text=limit), {}))


def test_the_same_id_twice_and_none_at_all_are_refused() -> None:
    """Ids tell proposals apart, and there must be one."""
    with pytest.raises(StudyError, match="two proposals have the id `one`"):
        assess([proposal(), proposal()], workload(), catalog())
    with pytest.raises(StudyError, match="0 proposals"):
        assess([], workload(), catalog())
    with pytest.raises(StudyError, match="share"):
        assess([proposal(lines="share: 50 %\n  " + OLD["lines"])], workload(), catalog())
