"""`/breakeven.js`: what a web page loads to tell of exposures, render times, clicks and consent."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from breakeven.gateway.runtime import Runtime
from breakeven.wire.http import Headers, HttpRequest, Outgoing

PATH = "/breakeven.js"
SCRIPT = (Path(__file__).parents[1] / "static" / "breakeven.js").read_bytes()
"""Written by hand, short: every page loads it. docs/tracking.md says what it does."""
MAX_AGE_S = 3600
_ETAG = f'"{sha256(SCRIPT).hexdigest()[:16]}"'
_CACHED: Headers = [("cache-control", f"public, max-age={MAX_AGE_S}"), ("etag", _ETAG)]
_HEADERS: Headers = [
    ("content-type", "text/javascript; charset=utf-8"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("access-control-allow-origin", "*"),
    *_CACHED,
]


def snippet(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """The script, the same for everybody; 304 where the browser has it already."""
    del runtime
    if http.header("if-none-match") == _ETAG:
        out.reply(304, _CACHED, b"")
    else:
        out.reply(200, _HEADERS, SCRIPT)


def tag(url: str, key: str, consent: str) -> str:
    """The script with its settings as an element of a page, so that the page need not load it."""
    settings = {"url": url, "key": key, "consent": consent}
    said = "".join(f' data-{name}="{_escaped(value)}"' for name, value in settings.items() if value)
    return f"<script{said}>{SCRIPT.decode()}</script>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
