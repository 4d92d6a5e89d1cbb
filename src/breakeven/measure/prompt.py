"""Prompts of a wanted length that no cache has seen: seeded words behind a fresh nonce."""

from __future__ import annotations

import re

import numpy as np

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun

WORDS = (
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child",
    "world", "school", "state", "family", "student", "group", "country", "problem", "hand", "part",
    "place", "case", "week", "company", "system", "program", "question", "work", "government", "number",
    "night", "point", "home", "water", "room", "mother", "area", "money", "story", "fact",
    "month", "lot", "right", "study", "book", "eye", "job", "word", "business", "issue",
    "side", "kind", "head", "house", "service", "friend", "father", "power", "hour", "game",
    "line", "end", "member", "law",
)  # fmt: skip
"""Common words, most of them one token in most vocabularies."""

NONCE_LETTERS = 10
"""Forty-seven bits. Letters rather than words: two prompts that share their first token may be led to the same slot."""
_LONGEST = 1_000_000


class Length(Noun, frozen=True, kw_only=True):
    """Tokens of a prompt or an answer: `mean`, uniform over whole numbers from mean - spread to mean + spread."""

    mean: int
    spread: int = 0

    def draw(self, random: np.random.Generator) -> int:
        """One length; without a spread the mean, and nothing is drawn."""
        return int(random.integers(self.mean - self.spread, self.mean + self.spread + 1)) if self.spread else self.mean

    def __str__(self) -> str:
        return f"{self.mean}:{self.spread}" if self.spread else str(self.mean)


def length(text: str, name: str) -> Length:
    """`128`, or `128:32` for 96 to 160.

    Raises:
        UsageError: it is neither, or reaches below 1 or above a million.
    """
    match = re.fullmatch(r"\s*(\d{1,9})(?::(\d{1,9}))?\s*", text)
    mean, spread = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    if mean - spread < 1 or mean + spread > _LONGEST:
        message = f"{name} {text!r} is no length in tokens"
        raise UsageError(message, f"write 128, or 128:32 for 96 to 160; from 1 to {_LONGEST}")
    return Length(mean=mean, spread=spread)


class Scale(Noun, frozen=True, kw_only=True):
    """How the server counts: tokens = `overhead` (its template) + `per_word` x words."""

    overhead: float = 0.0
    per_word: float = 1.0

    def words(self, tokens: int) -> int:
        """Words that come to about so many tokens, at least one."""
        return max(1, round((tokens - self.overhead) / self.per_word))


def scale(short: tuple[int, int], long: tuple[int, int]) -> Scale:
    """From two prompts as (words, tokens counted by the server); plain words where the counts do not grow."""
    (few, low), (many, high) = short, long
    per_word = (high - low) / (many - few)
    return Scale(overhead=max(0.0, low - few * per_word), per_word=per_word) if per_word > 0 else Scale()


class Prompts(Noun, frozen=True, kw_only=True):
    """The prompts of one point, by index. The same `seed` and `point` give the same lengths and words.

    `entropy` is of the run: every prompt begins with letters drawn from it, so that no cache has seen its beginning.
    None is the opposite: every prompt is the beginning of one text, so that caches help as much as they can.
    """

    input: Length
    output: Length
    scale: Scale
    seed: int
    point: int
    entropy: int | None

    def make(self, index: int) -> tuple[str, int]:
        """Text, and the output tokens to ask for."""
        lengths = np.random.default_rng([self.seed, self.point, index, 1])
        words = self.scale.words(self.input.draw(lengths))
        return self.text(words, index), self.output.draw(lengths)

    def text(self, words: int, index: int) -> str:
        """So many words."""
        if self.entropy is None:
            return " ".join(_words(words, [self.seed]))
        letters = np.random.default_rng([self.entropy, self.point, index]).integers(0, 26, NONCE_LETTERS)
        nonce = "".join(chr(ord("a") + letter) for letter in letters)
        return " ".join([nonce, *_words(words - 1, [self.seed, self.point, index])])


def _words(count: int, seed: list[int]) -> list[str]:
    return [WORDS[number] for number in np.random.default_rng(seed).integers(0, len(WORDS), max(0, count))]
