"""What the documents must say, and must not."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.errors import FactError
from breakeven.report.document import Chart, Table, Verdict
from breakeven.report.finding import finding_document, finding_verdict
from breakeven.report.memo import headline, memo
from breakeven.report.render import text
from breakeven.report.statement import statement_document, waterfall_table
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Statement


def test_every_mark_of_the_memo_has_a_source_with_a_date(plan: Plan, findings: tuple[Finding, ...]) -> None:
    """And every fact of the plan is among the sources."""
    document = memo(plan, findings)
    assert document.problems() == ()
    assert {fact.key for fact in plan.facts} <= {source.key for source in document.sources()}


def test_a_number_without_a_fact_is_no_memo(plan: Plan) -> None:
    """The key is named, rather than the number printed bare."""
    broken = msgspec.structs.replace(plan, facts=plan.facts[:1])
    with pytest.raises(FactError, match="which is none of the document's"):
        memo(broken)


def test_the_memo_names_plan_seed_and_date(plan: Plan) -> None:
    """So that it can be made again."""
    assert dict(memo(plan).meta) == {"plan": plan.id, "seed": "7", "prices as of": "2026-11-24", "format": "1"}


def test_excluded_options_have_a_reason_and_no_unit_cost(plan: Plan) -> None:
    """Invariant 12, where people read it."""
    tables = [block for block in memo(plan).blocks() if isinstance(block, Table)]
    rows = {row[0]: row for row in tables[0].rows}
    assert rows["api-8b"][4] == "-"
    assert rows["api-8b"][6].startswith("latency unmeasured")
    assert rows["own-b300"][3] == "unpriced"


def test_the_headline_is_per_useful_prediction_where_use_is_measured(plan: Plan) -> None:
    """Otherwise per thousand in budget, and the memo says which."""
    assert headline(plan) == plan.promises[0].predicted
    assert "1,000 predictions in budget" in text.render(memo(plan))


def test_findings_appear_only_when_there_are_any(plan: Plan, findings: tuple[Finding, ...]) -> None:
    """A memo before the fact says how it will be verified; after it, what came true."""
    titles = [section.title for section in memo(plan).sections]
    assert "How it will be verified" in titles
    assert "Did it come true?" not in titles
    assert "Did it come true?" in [section.title for section in memo(plan, findings).sections]


def test_one_worse_promise_sets_the_tone(findings: tuple[Finding, ...]) -> None:
    """Good news does not outweigh it; no evidence is no good news."""
    assert finding_verdict(findings).tone == "bad"
    assert finding_verdict([f for f in findings if f.verdict != "worse"]).tone == "good"
    assert finding_verdict([f for f in findings if f.verdict.startswith("not")]).tone == "warn"
    assert finding_verdict([]).tone == "neutral"
    assert finding_document(findings).meta == (("plan", findings[0].plan_id),)


def test_what_nobody_can_measure_is_said(statement: Statement) -> None:
    """Not measurable downstream, and not enough evidence, in words and never as zero."""
    found = text.render(statement_document(statement))
    line = next(line for line in found.splitlines() if line.startswith("assistant "))
    assert line.count("not measurable downstream") == 3
    assert "not enough evidence: 2 converted" in found


def test_the_waterfall_table_ends_in_its_total(statement: Statement) -> None:
    """All steps, then the sum."""
    table = waterfall_table(statement)
    assert len(table.rows) == len(statement.waterfall) + 1
    assert table.rows[-1][0] == "total"


def test_a_statement_that_does_not_add_up_says_so_first(statement: Statement) -> None:
    """Invariant 2 broken is a red verdict, not a footnote."""
    broken = statement_document(msgspec.structs.replace(statement, conserved=False))
    verdict = next(block for block in broken.blocks() if isinstance(block, Verdict))
    assert verdict.tone == "bad"
    assert "do not use these numbers" in text.render(broken)


def test_losses_and_over_attribution_are_shown(statement: Statement) -> None:
    """A gap in the sequence and work beyond capacity are printed."""
    found = text.render(statement_document(msgspec.structs.replace(statement, lost=3, over_attributed_pico_usd=10**9)))
    assert "3 records are missing" in found
    assert "Work exceeded capacity by $0.001" in found


def test_an_empty_ledger_has_a_statement(statement: Statement) -> None:
    """Nothing predicted is an answer, and nothing divides by it."""
    zero = {"predictions": 0, "answered": 0, "in_budget": 0, "cost_pico_usd": 0, "statuses": {}}
    total = msgspec.structs.replace(statement.total, **zero)
    empty = msgspec.structs.replace(
        statement, predictions=0, cost_total_pico_usd=0, cuts=(), waterfall=(), total=total, start_s=None
    )
    found = text.render(statement_document(empty))
    assert "Nothing was predicted in this period." in found
    assert "no predictions" in found


def test_an_unknown_unit_cost_has_a_verdict_too(statement: Statement) -> None:
    """The reason stands where the number would."""
    unknown = Figure(value=None, unit="USD", note="not measurable downstream")
    document = statement_document(msgspec.structs.replace(statement, cost_per_useful_prediction_usd=unknown))
    verdict = next(block for block in document.blocks() if isinstance(block, Verdict))
    assert verdict.figure == "not measurable downstream"


def test_drawings_come_with_words(plan: Plan, statement: Statement) -> None:
    """Every chart can be read without seeing it."""
    for document in (memo(plan), statement_document(statement)):
        charts = [block for block in document.blocks() if isinstance(block, Chart)]
        assert charts
        assert all(chart.svg.startswith("<svg") and chart.summary for chart in charts)
