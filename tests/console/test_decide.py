"""Laws of the decision page: which plan, which options, which words."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.console import decide, decide_charts
from breakeven.console.query import Query


def _cells(view, key):
    table = next(table for table in view.tables if table.key == key)
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_the_chosen_option_comes_first_then_what_is_feasible_by_cost(memory):
    """Options are ordered: chosen, feasible by monthly cost, infeasible, unpriced; with the binding constraint."""
    rows = _cells(decide.build(memory, Query()), "options")
    assert [row[0] for row in rows] == [
        "l40s-x1 owned",
        "l40s-x1 rented",
        "h100-x1 rented",
        "gpt-4o-mini API",
        "cpu-32 rented",
        "mistral-small API",
    ]
    assert rows[4][-1] == "TTFT p95 6.2 s > 0.8 s"
    assert rows[4][3] == "no price"


def test_an_option_that_misses_its_target_has_no_price_per_useful(memory):
    """Invariant 12 is visible: a missed SLO has no price per useful prediction, rather than a low one."""
    view = decide.build(memory, Query())
    table = next(table for table in view.tables if table.key == "options")
    infeasible = [row for row in table.rows if row.cells[0].text == "cpu-32 rented"]
    assert infeasible[0].cells[3].figure.value is None


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        ("came_true", "came true"),
        ("better", "better than promised"),
        ("worse", "worse than promised"),
        ("not_enough_evidence", "not enough evidence"),
        ("not_measurable", "not measurable"),
    ],
)
def test_verdicts_are_words(memory, kit, verdict, word):
    """Every verdict of a finding is a word in its row."""
    memory.found = (kit.finding("ttft_p95_s", verdict, 0.4, 0.4),)
    assert _cells(decide.build(memory, Query()), "findings")[0][-1] == word


def test_the_plan_asked_for_then_the_one_in_force_then_the_newest(memory, kit):
    """Which plan is shown."""
    newest, in_force, old = kit.plan("plan-new"), kit.plan("plan-7f3a9c21e0"), kit.plan("plan-old")
    memory.kept = (newest, in_force, old)

    def shown(**query: str) -> str:
        return decide._asked(memory.plans(), query.get("plan", ""), memory).id

    assert shown(plan="plan-old") == "plan-old"
    assert shown() == "plan-7f3a9c21e0"
    memory.rules = None
    assert shown() == "plan-new"


def test_plans_of_another_use_case_are_not_shown(memory):
    """The use case selector holds here too."""
    assert decide.build(memory, Query(use_case="homepage")).empty is not None


def test_nothing_measured_yet_is_said(memory):
    """Before traffic the verdict does not claim anything, and the table says what to do."""
    memory.found = ()
    view = decide.build(memory, Query())
    assert "nothing has been measured under it yet" in view.verdict
    assert "breakeven verify" in next(table.note for table in view.tables if table.key == "findings")


def test_too_little_evidence_is_said(memory, kit):
    """Findings that cannot be judged count neither for nor against the plan."""
    memory.found = (kit.finding("ttft_p95_s", "not_enough_evidence", 0.4, None),)
    view = decide.build(memory, Query())
    assert "not enough evidence yet" in view.verdict
    assert view.tone == "plain"


def test_the_crossing_is_where_the_lines_cross(memory, kit):
    """The marked month is the plan's break-even, and there both options have cost the same."""
    owned = kit.option("own", "on_prem", 611.0, capex=11_800.0)
    cash, rent = owned.bill.cash_opex_usd, 1095.0
    month = 11_800 / (rent - cash)
    owned = msgspec.structs.replace(owned, break_even_months=month)
    crossing = decide_charts._crossing(owned)
    assert crossing.cost_usd == pytest.approx(rent * month)


def test_never_is_an_answer(kit):
    """An owned option that never pays back is drawn without a mark, and the caption says never."""
    plan = kit.plan()
    options = tuple(msgspec.structs.replace(option, break_even_months=None) for option in plan.options)
    chart = decide_charts._curve(msgspec.structs.replace(plan, options=options))
    assert "never overtakes" in chart.caption
    assert "<circle" not in chart.wide


def test_without_an_owned_option_there_is_no_break_even_chart(kit):
    """Nothing upfront, nothing to break even."""
    plan = kit.plan()
    rented = tuple(option for option in plan.options if option.bill.capex_usd == 0)
    charts = decide_charts.build(msgspec.structs.replace(plan, options=rented, chosen="l40s-x1 rented"))
    assert [chart.key for chart in charts] == ["monthly"]


def test_a_plan_without_a_chosen_option_says_so(memory, kit):
    """No option meets the objective: the verdict says it and no number pretends otherwise."""
    memory.kept = (msgspec.structs.replace(kit.plan(), chosen=""),)
    view = decide.build(memory, Query())
    assert view.verdict == "No option meets what assistant asks for."
    assert view.numbers == ()


def test_an_only_option_is_called_that(memory, kit):
    """Without a feasible rival there is no saving to boast of."""
    memory.kept = (msgspec.structs.replace(kit.plan(), options=kit.plan().options[:1]),)
    assert "the only option that meets the targets" in decide.build(memory, Query()).verdict


def test_facts_carry_their_source_and_date(memory):
    """Every fact of the plan is listed with value, date and source."""
    rows = _cells(decide.build(memory, Query()), "facts")
    assert rows[0] == ["offer/l40s-server/purchase_usd", "$11,800", "2026-10-02", "vendor quote list"]


def test_open_questions_stand_under_the_decision(memory):
    """Every question of the plan's use case with its answer; the note counts those that are open."""
    plan = memory.kept[0]
    view = decide.build(memory, Query())
    table = next(table for table in view.tables if table.key == "readiness")
    case = next(case for case in memory.ready.cases if case.use_case == plan.use_case)
    assert [row.cells[1].text for row in table.rows] == [one.asked for one in case.checks]
    open_ = [row for row in table.rows if row.cells[2].badge == "open"]
    assert len(open_) == sum(one.state == "unanswered" for one in case.checks)
    assert table.note.startswith(f"{len(open_)} open: a decision is premature")
    memory.ready = None
    assert "readiness" not in {table.key for table in decide.build(memory, Query()).tables}
