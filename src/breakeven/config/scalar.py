"""Text as a YAML scalar: plain where every YAML reader takes it for text, quoted otherwise."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def scalar(text: str) -> str:
    """`text` so that it reads back as the same text, in YAML 1.1 as in 1.2."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
