"""docs/reconcile.md: its examples run on the files that ship, and print what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main
from breakeven.schema.reconcile import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reconcile.md").read_text()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the page, in the examples' folder: each line below it is among what it prints."""
    shutil.copytree(ROOT / "examples/reconcile", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    printed = ""
    for line in "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines():
        if line.startswith("#> "):
            assert " ".join(line.removeprefix("#> ").split()) in " ".join(printed.split()), printed
            continue
        program, *arguments = shlex.split(line)
        if program == "python":
            subprocess.run([sys.executable, *arguments], check=True)
        else:
            printed = CliRunner().invoke(main, arguments).output


def test_the_page_names_every_class() -> None:
    """A class that can be printed can be read about."""
    assert all(f"`{kind}`" in PAGE for kind in KINDS)


def test_the_shipped_exports_are_what_the_script_makes(tmp_path: Path) -> None:
    """The files are made, not edited."""
    subprocess.run(
        [sys.executable, str(ROOT / "examples/reconcile/make.py"), str(tmp_path / "ledger"), str(tmp_path)], check=True
    )
    for path in (ROOT / "examples/reconcile").glob("*.csv"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
