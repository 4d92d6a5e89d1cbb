"""The page on import and export runs as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/import-export.md"


def test_the_page_s_examples_run(
    run_page: Callable[..., dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block in an empty folder, each prints what stands under it."""
    monkeypatch.chdir(tmp_path)
    run_page(PAGE, {"examples": str(ROOT / "examples/import")})


def test_every_option_that_the_page_names_exists() -> None:
    """No option is documented that cannot be typed."""
    from breakeven.cli.main import main

    known = {
        option
        for name in ("import", "export", "report", "workload")
        for one in (main.commands[name], *getattr(main.commands[name], "commands", {}).values())
        for each in one.params
        for option in each.opts
    }
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE.read_text())) <= known
