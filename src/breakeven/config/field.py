"""The kinds of values the files hold, and the strict base of their sections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from breakeven.schema.policy import FALLBACKS, TO

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
ENV = r"^([A-Za-z_][A-Za-z0-9_]*)?$"
URL = r"^https?://(\[[0-9A-Fa-f:.]+\]|[^\s/@?#:\[\]]+)(:[0-9]{1,5})?(/[^\s?#@]*)?$"
ORIGIN = r"^(\*|https?://[^\s/@?#:]+(:[0-9]{1,5})?)$"
STAGE = r"^[a-z][a-z0-9_]{0,60}_ms$"
TEXT = r"\S"
STEP = rf"^({'|'.join(FALLBACKS)}|{TO}[A-Za-z0-9][A-Za-z0-9._-]{{0,63}})$"
HEADER = r"^([a-z0-9][a-z0-9-]{0,63})?$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"

IDENTIFIER = r"^[a-z][a-z0-9_]*$"
STUDY_ID = r"^[a-z0-9][a-z0-9-]*$"
CURRENCY = r"^[A-Z]{3}$"

PATTERNS = {
    IDENTIFIER: ("a name that formulas can use", "use lower case letters, digits and `_`, starting with a letter"),
    STUDY_ID: ("a short name", "use lower case letters, digits and `-`"),
    CURRENCY: ("a currency", "write its ISO 4217 code, such as USD or EUR"),
    NAME: ("a name", "use letters, digits, `.`, `_` and `-`, at most 64, starting with a letter or digit"),
    ENV: ("the name of an environment variable", "name the variable here and put the key itself into the environment"),
    URL: ("an http(s) URL", "write it as http://host:port/path, without user, query or fragment"),
    ORIGIN: ("an origin", "write it as https://host or https://host:port, or `*` for any"),
    TEXT: ("text that is not blank", "write it out, or remove the key where it is optional"),
    STAGE: ("the name of a stage", "name it by its unit, such as `inference_ms`"),
    STEP: ("a step of a failure chain", f"write {TO}NAME, or one of {', '.join(FALLBACKS)}"),
    HEADER: ("the name of a header", "use lower case letters, digits and `-`; empty is none"),
    DATE: ("a date", "write it as YYYY-MM-DD"),
}
"""What a pattern stands for, in words: (what was expected, the way out)."""
CHOICES = {STEP: FALLBACKS}
"""Words that a pattern allows, to suggest one of them."""

Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(pattern=TEXT)]
Env = Annotated[str, Field(pattern=ENV)]
Url = Annotated[str, Field(pattern=URL)]
Origin = Annotated[str, Field(pattern=ORIGIN)]
Stage = Annotated[str, Field(pattern=STAGE)]
Step = Annotated[str, Field(pattern=STEP)]
Header = Annotated[str, Field(pattern=HEADER)]
Date = Annotated[str, Field(pattern=DATE)]
Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Chance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

OTHERWISE, WORD = "[value]", "[word]"
"""How the sides of a value that may also be one word are named in errors."""


def side(value: object) -> str:
    """Which side of such a value is meant."""
    return WORD if isinstance(value, str) else OTHERWISE


BatchSize = Annotated[
    Annotated[int, Field(ge=1, le=65536), Tag(OTHERWISE)] | Annotated[Literal["auto"], Tag(WORD)], Discriminator(side)
]
DelayMs = Annotated[
    Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), Tag(OTHERWISE)] | Annotated[Literal["auto"], Tag(WORD)],
    Discriminator(side),
]


class Section(BaseModel):
    """A mapping of a file: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def written(self) -> dict[str, Any]:
        """What a person would write: values that differ from the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)
