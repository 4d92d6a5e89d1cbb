"""What the gateway reads of an OpenAI request, whichever API, and the tokens that it may cost."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.charge import BYTES_PER_TOKEN
from breakeven.schema.noun import Noun

MAX_TOKENS = 10**9
MAX_CHOICES = 128
PREFIX_BYTES = 1024
TEMPLATE_TOKENS = 64
"""Assumed: what a chat template adds of its own, such as a date or a line that names the model."""
PART_TOKENS = 32_768
"""Assumed: the most that a server makes of one picture, sound or file, whose bytes may lie elsewhere."""
TOOLS_FACTOR, TOOLS_TOKENS = 2, 1024
"""Assumed: templates print tools with blanks (at most so many tokens a byte) and a preamble (at most so many)."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
Many = Annotated[int, msgspec.Meta(ge=1, le=MAX_CHOICES)]

UNSAID = msgspec.Raw(b"null")
"""A field that the body lacks; known by identity, which is cheaper than by its bytes."""
_NOTHING = frozenset({b"null", b"[]", b"{}"})
_FIRST_TEXT = re.compile(rb'"(?:content|text)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
_TEXT = re.compile(rb'[\s\[]*"([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
_PART = re.compile(
    rb'"(?:image_url|image_pil|image_embeds|input_image|image|input_audio|audio_url|audio_embeds|audio|video_url|video'
    rb'|input_file|file)"\s*:'
)
_ESCAPED_LETTER = re.compile(rb"\\u00[2-7]")
_metadata = msgspec.json.Decoder(dict[str, Any] | None)
_anything = msgspec.json.Decoder(Any)


class StreamOptions(msgspec.Struct):
    """What a client says of its stream."""

    include_usage: bool | None = None


class TextBody(msgspec.Struct, kw_only=True):
    """What requests for text have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: msgspec.Raw = UNSAID
    max_tokens: Count | None = None
    n: Many | None = None
    best_of: Many | None = None

    @property
    def asked_usage(self) -> bool:
        """Whether the client asked for usage in its stream."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def answers(self) -> int:
        """How many answers a prompt gets, those that are thrown away included."""
        return max(self.n or 1, self.best_of or 1)


class Asked(Noun, frozen=True, kw_only=True):
    """A request as far as it was read.

    `asked_usage`: the client asked for usage in its stream. `max_tokens` is what each of `choices` answers may hold,
    None where the request does not say; `output_field` is the field that says it. `prefix` are the first bytes of the
    prompt, as they were sent. `images` counts parts that are not text. `tools`: the model may ask for tools.
    """

    model: str
    stream: bool = False
    asked_usage: bool = False
    user: str = ""
    metadata: dict[str, str] = {}
    max_tokens: int | None = None
    output_field: str = "max_tokens"
    choices: int = 1
    prefix: bytes = b""
    images: int = 0
    tools: bool = False


def worst_tokens(asked: Asked, body_bytes: int, cap: int = 0) -> tuple[int, int | None]:
    """The most tokens that the request can cost: of input, and of output, None where nothing bounds it.

    A byte-level tokenizer makes at most one token of a byte, and the JSON around a text has more bytes than a chat
    template has tokens; the constants above are assumed for what is not in the body. A tokenizer that rewrites its text
    first (NFKC) can exceed this.

    Args:
        asked: the request.
        body_bytes: length of its body.
        cap: tokens that an answer may hold where the request states no limit; 0 is no bound.
    """
    text = TOOLS_FACTOR * body_bytes + TOOLS_TOKENS if asked.tools else body_bytes
    each = asked.max_tokens if asked.max_tokens is not None else (cap or None)
    return text + TEMPLATE_TOKENS + PART_TOKENS * asked.images, None if each is None else asked.choices * each


def estimated_tokens(body_bytes: int) -> int:
    """Tokens that a body likely holds: a fourth of its bytes, rounded up."""
    return -(-body_bytes // BYTES_PER_TOKEN)


def notes(raw: msgspec.Raw) -> dict[str, str]:
    """The body's metadata, where any of it is for the gateway.

    Raises:
        RequestError: 400, it is no object.
    """
    if raw is UNSAID or b"breakeven_" not in (text := bytes(raw)):
        return {}
    said = decode(_metadata, text, at="metadata") or {}
    return {name: value if isinstance(value, str) else str(value) for name, value in said.items()}


def holds(raw: msgspec.Raw) -> bool:
    """Whether a field says anything."""
    return raw is not UNSAID and bytes(raw) not in _NOTHING


def first_text(messages: bytes) -> bytes:
    """The beginning of the first message's text, else of the list."""
    found = _FIRST_TEXT.search(messages, 0, 2 * PREFIX_BYTES)
    return (found[1] if found else messages)[:PREFIX_BYTES]


def first_prompt(prompt: bytes) -> bytes:
    """The beginning of the first prompt; tokens as they are written."""
    found = _TEXT.match(prompt, 0, 2 * PREFIX_BYTES)
    return found[1][:PREFIX_BYTES] if found else prompt.lstrip(b"[ \t\r\n")[:PREFIX_BYTES]


def parts_beside_text(messages: bytes) -> int:
    """How many pictures, sounds, films and files the messages hold: their keys, however they are escaped.

    Parts stand in lists; most messages hold none, which one search shows.
    """
    if messages.find(b"[", 1) < 0:
        return 0
    if _ESCAPED_LETTER.search(messages):
        messages = msgspec.json.encode(decode(_anything, messages, at="messages"))
    if b"image" in messages or b"audio" in messages or b"video" in messages or b"file" in messages:
        return len(_PART.findall(messages))
    return 0
