"""The documents' examples run, and print what the documents say they print."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.cli.main import main
from breakeven.demo.process import free_port, wait_until_ready
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.ledger.engine.table import ENGINES

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


def test_the_tutorial_runs(
    run_page: Callable[..., dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block in an empty folder, each prints what stands under it."""
    monkeypatch.chdir(tmp_path)
    run_page(ROOT / "docs/tutorial.md")


@pytest.mark.slow
def test_the_readme_s_client_runs(
    start: Callable[..., subprocess.Popen[bytes]], model_url: str, tmp_path: Path
) -> None:
    """The README's example, against a real gateway in front of an emulated model."""
    port = free_port()
    start("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", "0")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    [code] = blocks(ROOT / "README.md")
    example = tmp_path / "example.py"
    example.write_text(code.replace("8080", str(port)))
    ran = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link names a file or folder that exists."""
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http", "mailto")):
            assert (path.parent / target).exists(), target


def test_every_command_and_choice_has_a_line_in_the_docs() -> None:
    """What can be typed can be read about."""
    text = "\n".join(path.read_text() for path in DOCS)
    for name in main.commands:
        assert f"breakeven {name}" in text, name
    for name in (*STRATEGIES, *ENGINES):
        assert f"`{name}`" in text, name
