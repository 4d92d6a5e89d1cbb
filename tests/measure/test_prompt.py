"""Prompts have the length that was asked for, can be had again, and begin as no other does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.measure.plan import poisson
from breakeven.measure.prompt import NONCE_LETTERS, WORDS, Length, Prompts, Scale, length, scale


def prompts(**fields: object) -> Prompts:
    default = {
        "input": Length(mean=64), "output": Length(mean=8), "scale": Scale(), "seed": 1, "point": 1, "entropy": 7,
    }  # fmt: skip
    return Prompts(**{**default, **fields})


@given(st.integers(1, 1000), st.integers(0, 999), st.integers(0, 50))
def test_a_length_is_written_and_drawn(mean: int, spread: int, index: int) -> None:
    """What is written is read; what is drawn lies within the spread."""
    wanted = Length(mean=mean, spread=min(spread, mean - 1))
    assert length(str(wanted), "--isl") == wanted
    _, tokens = prompts(output=wanted).make(index)
    assert mean - wanted.spread <= tokens <= mean + wanted.spread


@pytest.mark.parametrize("text", ["", "0", "-3", "10:10", "1.5", "8:", "9999999"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    """With the option's name and what was given."""
    with pytest.raises(UsageError, match=f"--isl '{text}' is no length"):
        length(text, "--isl")


@given(st.floats(0, 60), st.floats(0.5, 4), st.integers(100, 5000))
def test_the_server_s_count_is_met(overhead: float, per_word: float, tokens: int) -> None:
    """From two counts of a linear tokenizer, prompts come to the tokens asked for within a word or the rounding."""

    def counted(words: int) -> int:
        return round(overhead + per_word * words)

    found = scale((8, counted(8)), (136, counted(136)))
    words = found.words(tokens)
    assert abs(counted(words) - tokens) <= per_word + 0.02 * tokens + 2


def test_a_count_that_does_not_grow_is_not_used() -> None:
    """A server that counts nothing leaves words as tokens."""
    assert scale((8, 5), (136, 5)) == Scale()


@given(st.integers(0, 999), st.integers(0, 99), st.integers(6, 300))
def test_prompts_can_be_had_again(seed: int, index: int, tokens: int) -> None:
    """The same seed, point and run: the same text. As many words as tokens, where the scale is one to one."""
    made = prompts(seed=seed, input=Length(mean=tokens))
    assert made.make(index) == made.make(index)
    assert len(made.make(index)[0].split()) == tokens


def beginnings(made: Prompts, count: int) -> set[str]:
    return {made.make(index)[0][:NONCE_LETTERS] for index in range(count)}


def test_no_two_prompts_begin_alike() -> None:
    """Not in a run, not in another run with the same seed; the words behind the nonce are the same there."""
    first, second = prompts(entropy=7), prompts(entropy=8)
    assert len(beginnings(first, 300)) == len(beginnings(second, 300)) == 300
    assert not beginnings(first, 300) & beginnings(second, 300)
    assert first.make(3)[0].split()[1:] == second.make(3)[0].split()[1:]


@given(st.integers(0, 40), st.integers(0, 40))
def test_where_caches_may_help_every_prompt_begins_alike(one: int, other: int) -> None:
    """The shorter of two prompts is the beginning of the longer."""
    made = prompts(entropy=None, input=Length(mean=50, spread=40))
    short, long = sorted((made.make(one)[0], made.make(other)[0]), key=len)
    assert long.startswith(short)


def test_words_are_distinct() -> None:
    """Sixty-four of them."""
    assert len(set(WORDS)) == len(WORDS) == 64


@given(st.floats(0.1, 100), st.integers(0, 9))
def test_arrivals_ascend_and_can_be_had_again(rate_rps: float, seed: int) -> None:
    """A seeded Poisson process: its mean gap is 1 / rate within what 2,000 gaps allow."""
    found = poisson(rate_rps, 2000, [seed])
    assert found == poisson(rate_rps, 2000, [seed])
    assert found == sorted(found)
    assert found[-1] / 2000 == pytest.approx(1 / rate_rps, rel=0.12)
