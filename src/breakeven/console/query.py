"""The state of a page is its URL: which use case, which period, which plan, which theme, live or not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, cast, get_args
from urllib.parse import urlencode

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun

Theme = Literal["auto", "light", "dark"]
Refresh = Literal["on", "off"]

PERIODS: tuple[tuple[str, str], ...] = (
    ("", "everything"),
    ("0.25", "the last 15 minutes"),
    ("1", "the last hour"),
    ("24", "the last 24 hours"),
    ("168", "the last 7 days"),
    ("720", "the last 30 days"),
)


class Query(Noun, frozen=True, kw_only=True):
    """What a URL asks for; the defaults are left out of it."""

    use_case: str = ""
    hours: str = ""
    plan: str = ""
    theme: Theme = "auto"
    refresh: Refresh = "on"

    @property
    def hours_back(self) -> float | None:
        """The period in hours; None is everything."""
        return float(self.hours) if self.hours else None

    def url(self, path: str, **changes: str) -> str:
        """The same state on another path, with changes."""
        asked = {name: getattr(self, name) for name in self.__struct_fields__} | changes
        default = Query()
        kept = {name: value for name, value in asked.items() if value != getattr(default, name)}
        return f"{path}?{urlencode(kept)}" if kept else path


def parse(params: Mapping[str, str]) -> Query:
    """The query of a URL; what it does not know is ignored.

    Raises:
        UsageError: `hours` is not a positive number, or `theme` or `refresh` not one of its words.
    """
    return Query(
        use_case=params.get("use_case", ""),
        hours=_hours(params.get("hours", "")),
        plan=params.get("plan", ""),
        theme=cast("Theme", _word(params, "theme", get_args(Theme))),
        refresh=cast("Refresh", _word(params, "refresh", get_args(Refresh))),
    )


def _hours(text: str) -> str:
    if not text:
        return ""
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not (math.isfinite(hours) and hours > 0):
        message = f"hours must be a positive number, got {text!r}"
        raise UsageError(message, "leave it out for everything, or give hours=24")
    return text


def _word(params: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    word = params.get(name, words[0])
    if word not in words:
        message = f"{name} must be one of {', '.join(words)}, got {word!r}"
        raise UsageError(message, f"give {name}={words[0]}, or leave it out")
    return word
