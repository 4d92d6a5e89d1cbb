"""Pages that are walked as their readers would: every command and every block, in order, in one folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main

BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
SECTION = re.compile(r"^(?=\S[^\n]*\n-+\n)", re.MULTILINE)
ELIDED = "...\n"


def shown(printed: str, before: str) -> str:
    """All that was printed, where the page leaves out some the sections it shows, or nothing where it shows nothing."""
    if not before:
        return ""
    if ELIDED not in before:
        return printed
    told = printed.partition("\n\nplan: ")[0]
    known = {part.split("\n", 1)[0]: part.strip("\n") + "\n" for part in SECTION.split(told)}
    titles = [part.split("\n", 1)[0] for part in before.split(ELIDED) if part.strip()]
    return ELIDED + ELIDED.join(known[title] for title in titles) + ELIDED


def commands(code: str) -> str:
    """Each command with what it prints now; those that show nothing only have to succeed."""
    made = ""
    for part in re.split(r"^(?=\$ )", code, flags=re.MULTILINE)[1:]:
        command, _, before = part.partition("\n")
        result = CliRunner().invoke(main, command.removeprefix("$ breakeven ").split())
        assert result.exit_code == 0, f"{command}: {result.output}"
        made += f"{command}\n{shown(result.stdout, before)}"
    return made


@pytest.fixture(scope="session")
def walk(tell: Callable[[str, dict[str, object]], str]) -> Callable[[Path], tuple[str, str]]:
    """A page as it stands, and with what it prints now; BREAKEVEN_SNAPSHOT=1 writes that first."""

    def walked(path: Path) -> tuple[str, str]:
        names: dict[str, object] = {}

        def now(found: re.Match[str]) -> str:
            ran = commands(found[2]) if found[1] == "console" else tell(found[2], names)
            return f"```{found[1]}\n{ran}```"

        page = path.read_text()
        should = BLOCK.sub(now, page)
        if os.environ.get("BREAKEVEN_SNAPSHOT"):
            path.write_text(should)
            page = should
        return page, should

    return walked
