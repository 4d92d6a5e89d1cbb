"""What a portfolio's document says: every part and line, the total, the doubt, and what is unknown."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
import pytest

from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.load import duration
from breakeven.planner.portfolio.pareto import pareto
from breakeven.planner.portfolio.scenario import regret_of, scenarios_of
from breakeven.planner.portfolio.schedule import Course, schedule
from breakeven.planner.portfolio.tiers import Tiers
from breakeven.quantity import format_usd
from breakeven.report.document import Chart, Document, Section, Table
from breakeven.report.portfolio import commitment_blocks, pareto_table, portfolio_blocks, regret_block
from breakeven.report.render import text
from breakeven.schema.portfolio import ParetoEntry, Portfolio, Unit

UNITS = (
    Unit(name="owned", kind="owned", goodput_rps=8, replicas=8, fixed_usd_per_h=17.0, variable_usd_per_busy_h=1.2),
    Unit(name="on demand", kind="on_demand", goodput_rps=1, fixed_usd_per_h=3.9),
    Unit(name="spot", kind="spot", goodput_rps=1, fixed_usd_per_h=1.6, most_share=0.2),
    Unit(name="API", kind="api", usd_per_request=0.0013),
)
LOAD = duration([12] * 8 + [30] * 12 + [45] * 4, window_s=3600)


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    tiers = Tiers(critical=0.5, important=0.2, opportunistic=0.3, may_wait=True)
    return best_portfolio(LOAD, UNITS, tiers=tiers, left_out=(("slow", "ttft p95: 3 s > 1 s"),))


def rendered(*blocks: object) -> str:
    return text.render(Document(title="t", sections=(Section(title="s", blocks=blocks),)))


def test_every_part_line_and_total_is_said(portfolio: Portfolio) -> None:
    """The mix, its month and its tiers are in the text, and so is what was not weighed."""
    said = rendered(*portfolio_blocks(portfolio))
    for part in portfolio.parts:
        assert part.name in said
        assert format_usd(part.monthly_usd) in said
    for line in portfolio.bill.lines:
        assert format_usd(line.amount_usd) in said
    assert format_usd(portfolio.monthly_usd) in said
    assert "slow: ttft p95: 3 s > 1 s" in said
    assert "opportunistic" in said


def test_the_curve_is_drawn_part_by_part(portfolio: Portfolio) -> None:
    """One layer a part, and what waits is said not to be drawn."""
    [chart] = [block for block in portfolio_blocks(portfolio) if isinstance(block, Chart)]
    root = ET.fromstring(chart.svg)  # noqa: S314 - drawn a line above
    layers = root.findall(".//{http://www.w3.org/2000/svg}polygon[@class='layer']")
    assert len(layers) == len(portfolio.parts)
    assert "may wait is not drawn" in chart.summary


@pytest.mark.parametrize(
    ("gap", "words"),
    [(0.0, "No mix of these units costs less"), (0.013, "saves more than 1.30%"), (None, "nothing bounds")],
)
def test_how_sure_the_mix_is_is_said(portfolio: Portfolio, gap: float | None, words: str) -> None:
    """Exact, bounded or not bounded at all: three different sentences."""
    assert words in rendered(*portfolio_blocks(msgspec.structs.replace(portfolio, gap=gap)))


def test_regret_names_the_choice_of_each_rule() -> None:
    """Costs of each scenario with regret in brackets; a load that is not carried is no number."""
    limited = (Unit(name="small", kind="owned", goodput_rps=50.0, fixed_usd_per_h=10.0, most=2),)
    table = regret_of(limited, scenarios_of(LOAD, {"low": (0.5, 0.5), "peak": (2.0, 0.5)}))
    said = rendered(regret_block(table))
    assert "not carried" in said
    assert f"Least expected cost: {table.least_expected}" in " ".join(said.split())
    assert "low (50%)" in said


def test_a_schedule_says_what_to_do_when() -> None:
    """Month, act and price of each step, against the choice that never changes."""
    plan = schedule(LOAD, UNITS, course=Course(growth_per_year=0.8))
    said = rendered(*commitment_blocks("growth", plan))
    assert format_usd(plan.cost_usd) in said
    assert all(f"{step.units} {step.name}" in said for step in plan.steps)
    idle = schedule(duration([0.01], window_s=3600), UNITS)
    assert "commit to nothing" in rendered(*commitment_blocks("idle", idle))


def test_the_front_comes_first_and_the_unknown_is_said() -> None:
    """Members of the front stand above what they beat, with the reason beside it."""
    entries = pareto(
        [
            ParetoEntry(name="dear", cost_per_useful_prediction_usd=2.0, quality=0.7),
            ParetoEntry(name="cheap", cost_per_useful_prediction_usd=1.0, quality=0.7, carbon_g_per_1000=4.0),
        ]
    )
    table = pareto_table(entries)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["cheap", "dear"]
    assert table.rows[1][-1] == "dominated by cheap: cheaper by 50.0%"
    assert table.rows[1][5] == "unknown"


def test_long_lists_are_cut_and_counted(portfolio: Portfolio) -> None:
    """Of many options left out or beaten some are shown, and how many more there are is said."""
    many = msgspec.structs.replace(portfolio, left_out=tuple((f"left {at}", "memory: 1 > 0") for at in range(30)))
    assert "and 27 more" in rendered(*portfolio_blocks(many))
    entries = pareto(
        [ParetoEntry(name=f"at {at}", cost_per_useful_prediction_usd=1.0 + at, quality=0.7) for at in range(30)]
    )
    table = pareto_table(entries)
    assert len(table.rows) == 13
    assert "17 more lost" in table.note
