"""docs/doubt.md: its example prints what stands under it, and its numbers are the code's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from breakeven.planner.doubt.doubt import DRAWS
from breakeven.planner.doubt.response import LOGS
from breakeven.schema.doubt import Beliefs, Doubt, Fate, Flip

PAGE = Path(__file__).parents[2] / "docs/doubt.md"


def test_the_example_prints_what_stands_under_it(run_page: Callable[..., dict[str, object]]) -> None:
    """Lines after `#>` are what it prints."""
    run_page(PAGE)


def test_the_numbers_are_the_code_s() -> None:
    """Draws, beliefs and speeds stand on the page as they are in the code; every figure it explains exists."""
    text, held = PAGE.read_text(), Beliefs()
    assert f"{DRAWS:,} times" in text
    assert len([log for log in LOGS if log != 0]) == 7
    for share in (held.unseen_day, held.unseen_week, held.error_of_model, held.error_of_engine, held.price_rise):
        assert f"{share:.0%}".replace("%", " %") in text
    known = {*Doubt.__struct_fields__, *Fate.__struct_fields__, *Flip.__struct_fields__, "share"}
    rows = re.findall(r"^\| (`[^|]*) \|", text.split("## What is told")[1], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} <= known
