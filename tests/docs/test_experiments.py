"""docs/experiments.md: examples print what stands under them; its tables are the code's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.assembly.trial_file import NUMBERS
from breakeven.audit.lift import effect, judge, ratio_check, sequence
from breakeven.audit.lift.metrics import METRICS
from breakeven.audit.offpolicy import judge as offpolicy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/experiments.md"


def test_the_examples_run(run_page: Callable[..., dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, each prints what stands under it."""
    monkeypatch.chdir(ROOT)
    run_page(PAGE)


def test_the_tables_are_the_code_s() -> None:
    """Every metric, column and limit."""
    text = PAGE.read_text()
    named = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert set(METRICS) | set(NUMBERS) | {"subject", "arm", "segment", "time"} <= named
    assert f"under {effect.ENOUGH_SUBJECTS} subjects, or under {effect.ENOUGH_COUNTED} useful" in text
    assert f"p < {ratio_check.LIMIT}" in text
    assert f"more than {judge.CROSSED_LIMIT:.0%} were".replace("%", " %") in text
    assert f"above {judge.TRACKING_LIMIT:.0%}".replace("%", " %") in text
    assert f"({sequence.TUNED_FOR:,.0f})" in text
    assert f"size under {offpolicy.GATE:.0f}" in text
    assert f"over {offpolicy.UNCOVERED_LIMIT:.0%}".replace("%", " %") in text
    assert f"on {offpolicy.ENOUGH_REWARDS:.0f} rows' worth" in text
