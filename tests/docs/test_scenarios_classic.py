"""docs/scenarios of classic models: each page's blocks run in its folder and print what stands under them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
SECTION = re.compile(r"^(?=\S[^\n]*\n-+\n)", re.MULTILINE)
ELIDED = "...\n"


def shown(printed: str, before: str) -> str:
    """All that was printed, the sections that the page shows, or nothing where it shows nothing."""
    if not before:
        return ""
    if ELIDED not in before:
        return printed
    parts = SECTION.split(printed)
    known = {part.split("\n", 1)[0]: part.strip("\n") + "\n" for part in parts}
    titles = [part.split("\n", 1)[0] for part in before.split(ELIDED) if part.strip()]
    return ELIDED + ELIDED.join(known[title] for title in titles) + ELIDED


def commands(code: str) -> str:
    """Each command with what it prints now."""
    made = ""
    for part in re.split(r"^(?=\$ )", code, flags=re.MULTILINE)[1:]:
        command, _, before = part.partition("\n")
        result = CliRunner().invoke(main, command.removeprefix("$ breakeven ").split())
        assert result.exit_code == 0, f"{command}: {result.output}"
        made += f"{command}\n{shown(result.stdout, before)}"
    return made


def python(code: str, names: dict[str, object]) -> str:
    """A block with what it prints now."""
    lines = "".join(line for line in code.splitlines(keepends=True) if not line.startswith("#>"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(lines, "page", "exec"), names)  # noqa: S102 - the page's own example
    return lines + "".join(f"#> {line}\n" for line in printed.getvalue().splitlines())


@pytest.mark.parametrize("name", ["homepage", "fraud", "imaging", "cascade"])
def test_a_page_says_what_its_commands_print(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are those of the commands, which end with a memo and a policy that `check` accepts.

    BREAKEVEN_SNAPSHOT=1 writes what they print now.
    """
    folder, path = tmp_path / name, ROOT / f"docs/scenarios/{name}.md"
    shutil.copytree(ROOT / "examples/scenarios" / name, folder)
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}

    def now(found: re.Match[str]) -> str:
        ran = commands(found[2]) if found[1] == "console" else python(found[2], names)
        return f"```{found[1]}\n{ran}```"

    page = path.read_text()
    should = BLOCK.sub(now, page)
    if os.environ.get("BREAKEVEN_SNAPSHOT"):
        path.write_text(should)
        page = should
    assert page == should
    policies = sorted(folder.glob("*/policy.yaml"))
    assert policies
    for policy in policies:
        assert (policy.parent / "memo.md").stat().st_size > 0
        checked = CliRunner().invoke(main, ["check", "--config", str(policy.with_name("breakeven.yaml"))])
        assert checked.exit_code == 0, checked.output
