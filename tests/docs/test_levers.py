"""docs/levers.md: examples print what stands under them; its tables name every lever and bound."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from breakeven.assembly.levering import LEVERS
from breakeven.planner.levers.tested import TESTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/levers.md"


@pytest.mark.slow
def test_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, each prints what stands under it."""
    monkeypatch.chdir(ROOT)
    namespace: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        expected = [line.removeprefix("#> ") for line in code.splitlines() if line.startswith("#> ")]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102 - the page's own examples
        assert printed.getvalue().splitlines() == expected


def test_the_tables_are_the_code_s() -> None:
    """Every lever and every bound has its row."""
    named = set(re.findall(r"^\| `([\w-]+)`", PAGE.read_text(), re.MULTILINE))
    assert set(LEVERS) | set(TESTS) <= named
