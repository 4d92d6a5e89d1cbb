"""docs/scenarios of classic models: each page's blocks run in its folder and print what stands under them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["homepage", "fraud", "imaging", "cascade"])
def test_a_page_says_what_its_commands_print(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: Callable[[Path], tuple[str, str]]
) -> None:
    """Figures are those of the commands, which end with a memo and a policy that `check` accepts."""
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples/scenarios" / name, folder)
    monkeypatch.chdir(folder)
    page, should = walk(ROOT / f"docs/scenarios/{name}.md")
    assert page == should
    policies = sorted(folder.glob("*/policy.yaml"))
    assert policies
    for policy in policies:
        assert (policy.parent / "memo.md").stat().st_size > 0
        checked = CliRunner().invoke(main, ["check", "--config", str(policy.with_name("breakeven.yaml"))])
        assert checked.exit_code == 0, checked.output
