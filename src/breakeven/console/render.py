"""Views into HTML."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from breakeven.console.query import PERIODS, Query
from breakeven.console.view import Number, View
from breakeven.errors import BreakevenError

HERE = Path(__file__).parent
STATIC = HERE / "static"
PATHS = {"overview": "/", "unit-cost": "/unit-cost", "decide": "/decide", "tracking": "/tracking", "verify": "/verify"}
TABS = (
    ("overview", "Overview"),
    ("unit-cost", "Unit cost"),
    ("decide", "Decide"),
    ("tracking", "Tracking"),
    ("verify", "Verify"),
)
REFRESH_MS = 3000


def _is_number(value: object) -> bool:
    return isinstance(value, Number)


def exactly(value: float) -> str:
    """All the digits that matter, without an exponent."""
    return format(Decimal(f"{value:.10g}"), ",f")


def environment() -> Environment:
    """Templates with everything escaped but our own SVG."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["number"] = _is_number
    made.globals.update(PATHS=PATHS, TABS=TABS, PERIODS=PERIODS, REFRESH_MS=REFRESH_MS, version=_static_version())
    made.filters.update(svg=Markup, exactly=exactly)
    return made


def _static_version() -> str:
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


_templates = environment()


def page(view: View, query: Query) -> str:
    """A whole page; its live part carries a digest, so that a refresh swaps only what changed."""
    live = Markup(_templates.get_template("live.html").render(view=view, query=query))  # noqa: S704 - rendered with autoescape
    digest = hashlib.sha256(live.encode()).hexdigest()[:16]
    return _templates.get_template("page.html").render(view=view, query=query, live=live, digest=digest)


def problem(error: BreakevenError, query: Query, path: str) -> str:
    """A page that says what is wrong and what to do."""
    return _templates.get_template("problem.html").render(error=error, query=query, path=path)
