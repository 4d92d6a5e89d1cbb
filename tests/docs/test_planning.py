"""docs/planning.md: its blocks run and print what stands under them; every constraint that code names has its row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.planner.search.infeasible import WAYS_OUT

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/planning.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
NAMED = re.compile(r'f"([a-z][a-z ]+): ')
PLANNER = ("binding.py", "evaluate.py", "search/limits.py", "search/lone.py", "search/setup.py", "search/find.py",
           "search/placing.py", "search/weighing.py")  # fmt: skip


@pytest.mark.slow
def test_the_blocks_print_what_stands_under_them(run_page: Callable[..., dict[str, object]]) -> None:
    """In order, in one namespace."""
    run_page(PAGE)


def test_every_constraint_has_its_row() -> None:
    """Those with a way out, and those that the planner's code spells."""
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE.read_text(), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    code = "".join((ROOT / "src/breakeven/planner" / name).read_text() for name in PLANNER)
    spelt = set(NAMED.findall(code))
    assert len(spelt) > 10
    assert set(WAYS_OUT) | spelt <= explained
