"""Counts text with a tokenizer.json, to hold a server's usage against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from breakeven.errors import UsageError

Count = Callable[[str], int]


def load(path: Path) -> Count:
    """A function that counts the tokens of a text, without special ones.

    Raises:
        UsageError: `tokenizers` is not installed, or the file is no tokenizer.
    """
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - optional, and 40 ms to load
    except ImportError as error:
        message = f"--tokenizer {path} needs the package tokenizers, which is not installed"
        raise UsageError(message, "install breakeven[tokenizer], or leave --tokenizer out") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # what the package raises has no type of its own
        message = f"{path} is no tokenizer: {error}"
        raise UsageError(message, "name the tokenizer.json of the model that is served") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def gap(count: Count, pairs: Sequence[tuple[str, int]], what: str) -> str:
    """One sentence on texts and the server's counts of them; the gap is relative to the server's."""
    counted, billed = sum(count(text) for text, _ in pairs), sum(usage for _, usage in pairs)
    if not billed:
        return f"{what}: the server counted nothing"
    mine, theirs = counted / len(pairs), billed / len(pairs)
    return (
        f"{what}: the server counts {theirs:.1f} tokens on average, the tokenizer {mine:.1f} in the text"
        f" ({(mine - theirs) / theirs:+.1%}, {len(pairs)} answers)"
    )
