"""The import contracts bite: each deliberate violation is caught, by the contract meant for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VIOLATIONS = {
    "a stage imports a stage": ("planner/spy.py", "import breakeven.gateway\n", "Stages know only"),
    "a lower layer imports a higher one": ("schema/spy.py", "import breakeven.ledger\n", "Stages know only"),
    "hidden under TYPE_CHECKING": (
        "schema/spy.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import breakeven.planner\n",
        "Stages know only",
    ),
    "hidden in a function": ("ledger/spy.py", "def late():\n    import breakeven.gateway\n", "Stages know only"),
    "a folder nobody placed": ("utils.py", "", "Stages know only"),
    "a clock in the core": ("perf/spy.py", "import time\n", "The core has no clock"),
    "a socket in a decision": ("gateway/decision/spy.py", "import asyncio\n", "The core has no clock"),
    "an analytics engine in the request path": ("gateway/spy.py", "import duckdb\n", "The request core imports no"),
    "the simulator in the request path": ("gateway/spy.py", "import breakeven.perf\n", "The request core imports no"),
    "numpy in the request path": ("gateway/spy.py", "import numpy\n", "The request core imports no"),
    "a circle": (
        "cost/spy/__init__.py",
        "import breakeven.cost.spy.one.a\nimport breakeven.cost.spy.two.b\n",
        "No import circles",
    ),
}
EXTRA = {
    "a circle": {
        "cost/spy/one/__init__.py": "",
        "cost/spy/two/__init__.py": "",
        "cost/spy/one/a.py": "import breakeven.cost.spy.two.b\n",
        "cost/spy/two/b.py": "import breakeven.cost.spy.one.a\n",
    }
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def copy_sources(folder: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "data", "static", "templates")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_caught(name: str, tmp_path: Path) -> None:
    """A forbidden import breaks the contract that forbids it."""
    where, text, contract = VIOLATIONS[name]
    copy_sources(tmp_path)
    for path, content in {where: text, **EXTRA.get(name, {})}.items():
        target = tmp_path / "src/breakeven" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    found = lint(tmp_path)
    assert found.returncode != 0, found.stdout
    assert f"{contract}" in found.stdout
    assert "BROKEN" in found.stdout or "Missing layer" in found.stdout or "not listed" in found.stdout


def test_the_tree_as_it_stands_keeps_them(tmp_path: Path) -> None:
    """Without a violation every contract holds."""
    copy_sources(tmp_path)
    found = lint(tmp_path)
    assert found.returncode == 0, found.stdout
