"""Text as a YAML scalar: plain where every YAML reader takes it for text, quoted otherwise."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def scalar(text: str) -> str:
    """`text` so that it reads back as the same text, in YAML 1.1 as in 1.2, whatever characters it holds."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def number(amount: float) -> str:
    """A number so that it reads back as the same number, without a needless fraction."""
    special = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
    written = repr(float(amount))
    return special.get(written, written.removesuffix(".0"))
