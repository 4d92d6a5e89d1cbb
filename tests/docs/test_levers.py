"""docs/levers.md: examples print what stands under them; its tables name every lever and bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.assembly.levering import LEVERS
from breakeven.planner.levers.tested import TESTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/levers.md"


@pytest.mark.slow
def test_the_examples_run(run_page: Callable[..., dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, each prints what stands under it."""
    monkeypatch.chdir(ROOT)
    run_page(PAGE)


def test_the_tables_are_the_code_s() -> None:
    """Every lever and every bound has its row."""
    named = set(re.findall(r"^\| `([\w-]+)`", PAGE.read_text(), re.MULTILINE))
    assert set(LEVERS) | set(TESTS) <= named
