"""docs/workload.md: its commands print what stands under them, its workload loads, its options exist."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.assembly.demand import of_file
from breakeven.cli.main import main
from breakeven.cli.workload import workload
from breakeven.config.grammar import tables
from breakeven.demo import logs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/workload.md"
BLOCK = re.compile(r"(```console\n\$ breakeven ([^\n]*)\n)(.*?)(```)", re.DOTALL)


def printed(command: str) -> str:
    return CliRunner().invoke(main, command.split()).output


def test_the_commands_print_what_stands_under_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the demo's trace and the shipped series; BREAKEVEN_SNAPSHOT=1 writes what they print now."""
    monkeypatch.chdir(tmp_path)
    _, rows = logs.text("azure_llm_conv_2023.csv.xz").split("\n", 1)
    Path("conv.csv").write_text(f"arrived_at,num_prefill_tokens,num_decode_tokens\n{rows}")
    shutil.copy(ROOT / "bench/data/series/servegen_m_small.csv.xz", "load.csv.xz")
    text = PAGE.read_text()
    if os.environ.get("BREAKEVEN_SNAPSHOT"):
        text = BLOCK.sub(lambda found: f"{found[1]}{printed(found[2])}{found[4]}", text)
        PAGE.write_text(text)
    blocks = BLOCK.findall(text)
    assert len(blocks) == 5
    for _, command, shown, _ in blocks:
        assert shown == printed(command)


def test_the_workload_by_hand_loads(tmp_path: Path) -> None:
    """The page's example is one."""
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "w.yaml").write_text(example)
    found = of_file(tmp_path / "w.yaml")
    assert (found.rate_mean_rps, found.shape, found.targets.tpot_s) == (20, "bursty", 0.05)


def test_the_table_of_a_workload_is_the_grammar(same: Callable[[Path, str, str], None]) -> None:
    """The keys, their values and meanings come from the code that reads them."""
    same(PAGE, "demand", tables("demand"))


def test_every_option_on_the_page_exists() -> None:
    """Nothing is explained that cannot be typed, here or at `breakeven plan`."""
    known = {name for command in workload.commands.values() for option in command.params for name in option.opts}
    assert set(re.findall(r"(?<=[ `,(])(--[a-z][a-z-]+)", PAGE.read_text())) <= known | {"--workload"}
