"""docs/portfolio.md: its blocks run and print what stands under them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/portfolio.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_blocks_print_what_stands_under_them(run_page: Callable[..., dict[str, object]]) -> None:
    """In order, in one namespace."""
    run_page(PAGE)
