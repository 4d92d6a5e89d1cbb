"""The page on measuring runs against a real emulator, and the rows it shows are those that ship."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/measuring.md"


@pytest.mark.slow
def test_the_page_s_examples_run(
    run_page: Callable[..., dict[str, object]], model_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block in an empty folder, each prints what stands under it."""
    monkeypatch.chdir(tmp_path)
    run_page(PAGE, **{"http://127.0.0.1:9000": model_url})


def test_every_option_of_the_commands_that_the_page_names_exists() -> None:
    """No option is documented that cannot be typed."""
    from breakeven.cli.load import measure
    from breakeven.cli.plan import plan

    known = {option for parameter in (*measure.params, *plan.params) for option in parameter.opts}
    named = set(re.findall(r"`?(--[a-z][a-z-]+)", PAGE.read_text())) - {"--port"}
    assert named <= known
