"""docs/simulating.md: its commands print what stands under them, its workload loads, its options exist."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main
from breakeven.cli.simulate import simulate, size
from breakeven.config.grammar import tables

PAGE = Path(__file__).parents[2] / "docs/simulating.md"
BLOCK = re.compile(r"(```console\n\$ breakeven ([^\n]*)\n)(.*?)(```)", re.DOTALL)


def printed(command: str) -> str:
    return CliRunner().invoke(main, command.split()).output


def test_the_commands_print_what_stands_under_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the page's workload; BREAKEVEN_SNAPSHOT=1 writes what they print now."""
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text()
    [workload] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    Path("workload.yaml").write_text(workload)
    if os.environ.get("BREAKEVEN_SNAPSHOT"):
        text = BLOCK.sub(lambda found: f"{found[1]}{printed(found[2])}{found[4]}", text)
        PAGE.write_text(text)
    blocks = BLOCK.findall(text)
    assert len(blocks) == 4
    for _, command, shown, _ in blocks:
        assert shown == printed(command)


def test_the_table_of_a_workload_is_the_grammar(same: Callable[[Path, str, str], None]) -> None:
    """The keys, their values and meanings come from the code that reads them."""
    same(PAGE, "traffic", tables("traffic"))


def test_every_option_is_on_the_page_and_every_option_on_it_exists() -> None:
    """Nothing can be typed that is not explained, and nothing is explained that cannot be typed."""
    options = [option for command in (simulate, size) for option in command.params]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    named = set(re.findall(r"(?<=[ `,(])(--[a-z][a-z-]+)", PAGE.read_text()))
    assert named <= known
    assert known - named == {"--chunked"}
