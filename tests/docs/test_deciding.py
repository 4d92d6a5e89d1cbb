"""docs/decision-log.md and docs/readiness.md: examples print what stands under them; their tables are the code's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from breakeven.assembly.console import LIFTED_PREDICTIONS
from breakeven.assembly.readying import FEWEST_STRETCHES, SHORTEST_S, STRETCHES
from breakeven.audit.actual import ENOUGH
from breakeven.audit.guard import COST_MARGIN, SHARE_MARGIN
from breakeven.schema.explained import CAUSES
from breakeven.schema.guard import GuardName
from breakeven.schema.readiness import QUESTIONS

DOCS = Path(__file__).parents[2] / "docs"
LOG, READY = (DOCS / "decision-log.md").read_text(), (DOCS / "readiness.md").read_text()


@pytest.mark.parametrize("page", ["decision-log.md", "readiness.md"])
def test_the_examples_run(run_page: Callable[..., dict[str, object]], page: str) -> None:
    """Block by block, each prints what stands under it."""
    run_page(DOCS / page)


def test_the_tables_are_the_code_s() -> None:
    """Every question, measure and cause, in order; and the limits."""
    assert re.findall(r"^\| `(\w+)` ", READY, re.MULTILINE) == list(QUESTIONS)
    assert re.findall(r"^\| `(\w+)`[: ]", LOG, re.MULTILINE) == [*get_args(GuardName), *CAUSES]
    assert f"under {ENOUGH} were useful" in READY
    assert STRETCHES == 20
    assert "the busiest twentieth" in READY
    assert f"above {LIFTED_PREDICTIONS:,} predictions" in READY
    assert f"less than {FEWEST_STRETCHES * SHORTEST_S / 60:.0f} minutes" in READY
    assert f"above -{SHARE_MARGIN * 100:.0f} points" in LOG
    assert f"below +{COST_MARGIN * 100:.0f} %" in LOG
    assert f"under {ENOUGH} predictions" in LOG
