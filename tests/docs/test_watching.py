"""docs/watching.md names every metric there is, and its example loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from breakeven.config import settings
from breakeven.config.settings import AlertLimitSettings
from breakeven.ledger.trends import ENOUGH_ROWS, METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "watching.md").read_text()
LATENCIES = {"latency_p95", "ttft_p95"}


def test_every_metric_is_in_the_table() -> None:
    """Those of the ledger, routing, latencies and the performance model; and the configuration bounds the same."""
    rows = re.findall(r"^\| (`[^|]+) \|", TEXT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    known = {one.name for one in METRICS} | LATENCIES
    assert named == known | {"routed", "measured_over_predicted"}
    assert set(get_args(AlertLimitSettings.model_fields["metric"].annotation)) == known
    assert f"fewer than {ENOUGH_ROWS} rows" in TEXT


def test_the_example_is_a_configuration() -> None:
    """Every key of it exists."""
    [block] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert len(settings.load(block).alerts.limits) == 2
