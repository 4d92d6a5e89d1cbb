"""The page on calibrating prints what it says, and names only options that exist."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/calibrating.md"


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    """The block prints what stands under it, and the table has the same numbers."""
    text = PAGE.read_text()
    namespace: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102 - the page's own examples
        expected = [line.removeprefix("#> ") for line in code.splitlines() if line.startswith("#> ")]
        assert printed.getvalue().splitlines() == expected
    limits = namespace["limits"]
    for share in (limits.variation, limits.left_out, limits.cached, limits.queued, limits.gap):
        assert f"more than {share * 100:.0f} %" in text
    assert f"fewer than {limits.finished} requests" in text
    assert f"{limits.tokens} tokens" in text
    assert f"shorter than {limits.answers:g} mean answers" in text
    assert f"polled {limits.samples} times or more" in text
