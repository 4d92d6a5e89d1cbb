"""The page on the ledger runs as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.cli.main import main
from breakeven.ledger.columns import COLUMNS

PAGE = Path(__file__).parents[2] / "docs/ledger.md"
TEXT = PAGE.read_text()


def test_the_page_s_examples_run(
    run_page: Callable[..., dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block in an empty folder, each prints what stands under it."""
    monkeypatch.chdir(tmp_path)
    run_page(PAGE)


def test_commands_options_and_columns_are_the_code_s() -> None:
    """Nothing on the page that cannot be typed, and no column that a table lacks."""
    commands = {**main.commands["ledger"].commands, "report": main.commands["report"]}
    assert set(re.findall(r"breakeven ledger (\w+)", TEXT)) <= set(commands)
    known = {option for one in commands.values() for parameter in one.params for option in parameter.opts}
    assert set(re.findall(r"(?<=[ `])(--[a-z][a-z-]+)", TEXT)) <= known
    assert {"id", "prediction_id", "cost_pico_usd", "price_id", "reason", "author", "time_s"} <= {
        column.name for column in COLUMNS["corrections"]
    }
