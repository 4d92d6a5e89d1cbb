"""How sure it is, in words: chances, break-even or never, what turns the decision, what is true when."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.errors import FactError
from breakeven.report.citation import Citations
from breakeven.report.document import Chart, Table
from breakeven.report.memo import memo
from breakeven.report.outlook import recovery_table, swing_table, turn_sentences
from breakeven.report.render import text
from breakeven.report.truth import sentence
from breakeven.schema.outlook import Outlook, Turn
from breakeven.schema.plan import Plan
from breakeven.schema.tco import Truth

replace = msgspec.structs.replace


def test_a_percentile_that_is_not_met_is_never(outlook: Outlook) -> None:
    """None of a break-even is never, in words."""
    assert recovery_table(outlook).rows == (("own against rent", "91 %", "15 months", "21.4 months", "never"),)


def test_shares_of_the_variance_that_were_not_computed_say_why(outlook: Outlook) -> None:
    """A column of dashes is explained: with scipy it would hold figures."""
    bare = tuple(replace(swing, facts=(), first_order=None, total_order=None) for swing in outlook.tornado)
    told = swing_table(replace(outlook, tornado=bare), Citations(sources=()))
    assert {row[6:8] for row in told.rows} == {("-", "-")}
    assert "breakeven[plan]" in told.note
    some = replace(bare[0], first_order=0.5, total_order=0.5)
    assert "breakeven[plan]" not in swing_table(replace(outlook, tornado=(some,)), Citations(sources=())).note


def test_shares_of_the_variance_that_a_doubt_says_leave_no_trace(outlook: Outlook) -> None:
    """Neither columns of dashes nor advice to install anything; the rest of the table is the same."""
    bare = replace(outlook, tornado=tuple(replace(swing, facts=()) for swing in outlook.tornado))
    whole, short = (swing_table(bare, Citations(sources=()), indices=shown) for shown in (True, False))
    assert short.columns == (*whole.columns[:6], *whole.columns[8:])
    assert short.rows == tuple((*row[:6], *row[8:]) for row in whole.rows)
    assert len(short.align) == len(short.columns)
    assert "Sobol" in whole.note
    assert "Sobol" not in short.note
    assert "scipy" not in short.note


def test_turns_come_nearest_first_and_say_what_does_not_turn(outlook: Outlook) -> None:
    """The winner, the value, how far it lies from today's; then the inputs that alone change nothing."""
    far = Turn(name="rent", unit="USD/h", base=2.0, at=6.0, searched_low=1, searched_high=9, winner="api")
    first, second, last = turn_sentences((far, *outlook.turns))
    assert first == "rent is best once hours used falls to 455 h/month (now 730 h/month, -38 %)."
    assert second == "api is best once rent rises to $6.00/h (now $2.00/h, +200 %)."
    assert last.endswith("another option the best: PUE.")


def test_a_turn_from_nothing_has_no_percentage(outlook: Outlook) -> None:
    """No division by zero, and no infinite rise."""
    zero = Turn(name="decay", unit="%", base=0.0, at=40.0, searched_low=0, searched_high=90, winner="api")
    (only,) = turn_sentences((zero,))
    assert only == "api is best once decay rises to 40 % (now 0 %)."


def truth(*spans: tuple[float, float]) -> Truth:
    return Truth(name="t", claim="It pays", varied="spend", unit="USD", searched=(0.0, 100.0), true_when=spans)


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ((), "false for every spend"),
        (((0.0, 100.0),), "true for every spend"),
        (((20.0, 50.0),), "true when spend is between $20.00 and $50.00, false otherwise"),
        (((0.0, 50.0),), "true when spend is at most $50.00, false otherwise"),
        (((20.0, 100.0),), "true when spend is at least $20.00, false otherwise"),
        (
            ((0.0, 10.0), (20.0, 30.0)),
            "true when spend is at most $10.00 or between $20.00 and $30.00, false otherwise",
        ),
    ],
)
def test_a_truth_says_when(spans: tuple[tuple[float, float], ...], said: str) -> None:
    """Ends of the search are no ends of the truth, and what was searched is always said."""
    assert sentence(truth(*spans)) == f"It pays: {said}, searched from $0 to $100.00."


def test_a_truth_names_its_variant() -> None:
    """A claim tested on a variant is not a claim about the base."""
    assert sentence(replace(truth(), variant="list price")).startswith("It pays (list price): ")


def test_the_memo_of_a_plan_shows_levels_and_outlook(weighed: Plan, same_as_committed) -> None:
    """Options by load with the lift that pays, the break-even's band, the tornado, the turns before the flips."""
    document = memo(weighed)
    assert document.problems() == ()
    titles = [block.title for block in document.blocks() if isinstance(block, Chart)]
    assert {"own against rent, cumulated saving", "What moves it most"} <= set(titles)
    same_as_committed("memo_outlook.txt", text.render(document))


def test_the_lift_is_per_thousand_and_none_for_the_cheapest(weighed: Plan) -> None:
    """An option that is excluded has a reason and no lift."""
    tables = [block for block in memo(weighed).blocks() if isinstance(block, Table)]
    found = next(table for table in tables if table.caption.startswith("A month by load"))
    lifts = {row[0]: row[3:5] for row in found.rows}
    assert found.columns[3:5] == ("lift, low", "lift, peak")
    assert lifts == {"own-h100": ("$0.031", "none, cheapest"), "rent-h100": ("none, cheapest", "-")}
    assert "unpriced" in found.rows[1][2]


def test_a_plan_s_swing_needs_a_fact(weighed: Plan) -> None:
    """As every number of a memo does."""
    swing = replace(weighed.outlook.tornado[0], facts=("nobody/said",))
    with pytest.raises(FactError, match="nobody/said"):
        memo(replace(weighed, outlook=replace(weighed.outlook, tornado=(swing,))))


def test_a_plan_without_them_has_no_empty_sections(plan: Plan) -> None:
    """Levels and outlook appear when the plan has them."""
    titles = {section.title for section in memo(plan).sections}
    assert not titles & {"How sure it is", "Low, medium and peak load"}
    assert "Review by 2027-02-22" in text.render(memo(plan))
