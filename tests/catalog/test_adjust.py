"""Laws of changing one figure for a question: that figure changes, no other, and a sentence says both values."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.adjust import adjust
from breakeven.catalog.fields import ACCELERATOR
from breakeven.catalog.load import load
from breakeven.errors import UsageError

MODEL, BOARD = load().model("llama-3.1-8b"), load().accelerator("h100-sxm")


def test_nothing_set_changes_nothing() -> None:
    """Without assignments both stay as they are."""
    assert adjust(MODEL, BOARD, []) == (MODEL, BOARD, ())


@given(st.sampled_from(sorted(ACCELERATOR)), st.floats(0.0, 1.0))
def test_exactly_the_field_that_is_set_changes(field: str, share: float) -> None:
    """A board differs from what it was in the one field, and the sentence names field, both values and source."""
    measure = ACCELERATOR[field]
    value = float(f"{measure.least + share * (measure.most - measure.least):.6g}")
    found = adjust(MODEL, BOARD, [f"accelerator.{field}={value!r}"])
    assert found.accelerator == msgspec.structs.replace(BOARD, **{field: value})
    assert found.model is MODEL
    assert field in found.said[0]
    assert "instead of" in found.said[0]


def test_the_sentence_says_from_what_to_what() -> None:
    """The old value comes with its source, so that nobody takes the new one for a fact."""
    said = adjust(MODEL, BOARD, ["accelerator.memory_bandwidth=4e12"]).said[0]
    assert said.startswith("accelerator h100-sxm: bandwidth_bytes_s = 4e+12 byte/s instead of 3.35e+12 (")
    assert "Epoch AI" in said


def test_a_unit_may_stand_behind_the_figure() -> None:
    """4.8 TB/s is 4.8e12 byte/s, and 80 GB is 80e9 byte."""
    found = adjust(MODEL, BOARD, ["accelerator.bandwidth=4.8 TB/s", "accelerator.memory=80 GB"]).accelerator
    assert (found.bandwidth_bytes_s, found.memory_bytes) == (4.8e12, 80e9)


def test_a_cache_follows_its_heads() -> None:
    """Half the key-value heads cache half the numbers; parameters are not recounted."""
    found = adjust(MODEL, BOARD, ["model.kv_heads=4"]).model
    assert found.kv_numbers_per_token == MODEL.kv_numbers_per_token / 2
    assert found.params == MODEL.params


def test_the_last_word_counts() -> None:
    """A field set twice has its last value."""
    assert adjust(MODEL, BOARD, ["model.layers=8", "model.layers=16"]).model.layers == 16


@pytest.mark.parametrize(
    ("assignment", "problem", "way_out"),
    [
        ("model.kv_heads", "is no assignment", "model.kv_heads=8"),
        ("model.kv_heads=", "is no assignment", "model.kv_heads=8"),
        ("accelerator.memory_bandwith=1e12", "no field 'memory_bandwith'", "accelerator.memory_bandwidth"),
        ("modle.layers=3", "neither accelerator nor model", "did you mean model.layers"),
        ("model.kv_heads=many", "is no number", "model.kv_heads=8"),
        ("model.kv_heads=2.5", "whole number", "model.kv_heads=2"),
        ("model.kv_heads=64", "64 kv_heads and 32 heads", "no more kv_heads than heads"),
        ("accelerator.memory_bandwidth=5", "lies outside 1e+10..1e+14", "byte/s"),
        ("accelerator.memory_bandwidth=5 GB", "is in GB, and byte/s is needed", "byte/s"),
        ("model.attention=sparse", "none of gqa, mla", "gqa"),
        ("model.window_layers=33", "33 window", "together"),
        ("model.experts_per_token=2", "2 experts_per_token of 0 experts", "no fewer"),
        ("model.active_params=1e12", "active_params of", "set both"),
    ],
)
def test_what_cannot_be_meant_is_refused(assignment: str, problem: str, way_out: str) -> None:
    """A wrong name, value or unit is named, with what would be right."""
    with pytest.raises(UsageError) as caught:
        adjust(MODEL, BOARD, [assignment])
    assert problem in caught.value.message
    assert way_out in caught.value.way_out
