"""docs/portfolio.md: its blocks run and print what stands under them."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/portfolio.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_blocks_print_what_stands_under_them() -> None:
    """In order, in one namespace; BREAKEVEN_SNAPSHOT=1 writes what they print now."""
    text, namespace = PAGE.read_text(), {}
    for block in BLOCK.findall(text):
        code = "".join(line for line in block.splitlines(keepends=True) if not line.startswith("#>"))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102 - the page's own examples
        said = "".join(f"#> {line}\n" for line in printed.getvalue().splitlines())
        if os.environ.get("BREAKEVEN_SNAPSHOT"):
            text = text.replace(block, code + said)
            PAGE.write_text(text)
        else:
            assert block == code + said
