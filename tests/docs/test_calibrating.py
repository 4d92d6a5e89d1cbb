"""The page on calibrating prints what it says, and names only options that exist."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main

PAGE = Path(__file__).parents[2] / "docs/calibrating.md"


def test_the_limits_on_the_page_are_those_of_the_code(run_page: Callable[..., dict[str, object]]) -> None:
    """The block prints what stands under it, and the table has the same numbers."""
    text = PAGE.read_text()
    limits = run_page(PAGE)["limits"]
    for share in (limits.variation, limits.left_out, limits.cached, limits.queued, limits.gap):
        assert f"more than {share * 100:.0f} %" in text
    assert f"fewer than {limits.finished} requests" in text
    assert f"{limits.tokens} tokens" in text
    assert f"shorter than {limits.answers:g} mean answers" in text
    assert f"polled {limits.samples} times or more" in text


EXAMPLE = Path(__file__).parents[2] / "examples/measure"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def test_the_commands_print_what_stands_under_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads other than 8 are fitted, 8 is held back; BREAKEVEN_SNAPSHOT=1 writes what the commands print now."""
    monkeypatch.chdir(tmp_path)
    for name in ("cpu.yaml", "smollm2-135m-instruct.json"):
        shutil.copy(EXAMPLE / name, name)
    header, *rows = (EXAMPLE / "smollm2_two_engines.csv").read_text().splitlines(keepends=True)
    held = [row for row in rows if row.split(",")[12] == "8"]
    Path("held.csv").write_text("".join([header, *held]))
    Path("fitted.csv").write_text("".join([header, *(row for row in rows if row not in held)]))
    text = PAGE.read_text()
    [block] = BLOCK.findall(text)
    commands = [line.removeprefix("$ breakeven ") for line in block.splitlines() if line.startswith("$ ")]
    printed = "".join(f"$ breakeven {one}\n{CliRunner().invoke(main, one.split()).output}" for one in commands)
    if os.environ.get("BREAKEVEN_SNAPSHOT"):
        PAGE.write_text(text.replace(block, printed))
    [shown] = BLOCK.findall(PAGE.read_text())
    assert NUMBER.sub("#", shown).split() == NUMBER.sub("#", printed).split()
    assert figures(printed) == pytest.approx(
        figures(shown), rel=0.02, abs=0.2
    )  # a fit ends a little apart on other CPUs


NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def figures(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]
