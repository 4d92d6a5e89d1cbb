"""Usage is held against a tokenizer, and the gap is said; without the package the option says what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from breakeven.errors import UsageError
from breakeven.measure.tokenizing import gap, load


def by_word(text: str) -> int:
    return len(text.split())


def test_the_gap_is_relative_to_what_the_server_counted() -> None:
    """Four words where the server counts five: a fifth less."""
    said = gap(by_word, [("a b c d", 5), ("a b c d", 5)], "answers")
    assert said == (
        "answers: the server counts 5.0 tokens on average, the tokenizer 4.0 in the text (-20.0%, 2 answers)"
    )
    assert gap(by_word, [("a", 0)], "answers") == "answers: the server counted nothing"


def test_without_the_package_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional package is named with its way out."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match="needs the package tokenizers"):
        load(Path("tokenizer.json"))


def test_a_tokenizer_is_read_from_its_file(tmp_path: Path) -> None:
    """A file of one word a token counts words; what is no tokenizer is refused by name."""
    tokenizers = pytest.importorskip("tokenizers", reason="the optional package tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"))  # noqa: S106 - a word
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    assert load(tmp_path / "tokenizer.json")("a b a") == 3
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(UsageError, match=r"broken\.json is no tokenizer"):
        load(tmp_path / "broken.json")
