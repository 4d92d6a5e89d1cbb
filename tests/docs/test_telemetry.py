"""The example of docs/telemetry.md loads, and its table names every source that can be read."""

from __future__ import annotations

import re
from pathlib import Path

from breakeven.config import settings
from breakeven.ledger.measured import BUSY_SOURCES, ENERGY_SOURCES, ENOUGH_PERCENT
from breakeven.measure.scraped.load import READERS

TEXT = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text()


def test_the_example_is_a_configuration() -> None:
    """Every key of it exists; each entry names one place to read."""
    [block] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    found = settings.load(block).telemetry
    assert all((one.url is None) == one.nvml for one in found.scrape)
    assert (found.sample_s, found.interval_s) == (5, 60)


def test_every_source_is_in_the_table() -> None:
    """And what counts before what is as stated."""
    assert set(re.findall(r"^\| `(\S+)` \|", TEXT, re.MULTILINE)) == {*READERS, "nvml"}
    assert set(BUSY_SOURCES) | set(ENERGY_SOURCES) == set(READERS)
    assert f"{ENOUGH_PERCENT} %" in TEXT
