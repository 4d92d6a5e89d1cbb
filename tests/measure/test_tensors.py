"""v2 requests are filled as the model's metadata says, and can be made again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import BackendError, UsageError
from breakeven.measure.tensors import FILLS, Input, declared, infer, shaped


@given(st.sampled_from(sorted(FILLS)), st.integers(1, 9), st.lists(st.integers(1, 4), max_size=2), st.integers(0, 9))
def test_every_declared_type_is_filled(datatype: str, rows: int, rest: list[int], seed: int) -> None:
    """As many values as the shape holds, JSON all of it, and the same for the same seed."""
    inputs = shaped([Input(name="x", datatype=datatype, shape=(-1, *rest))], rows)
    made = infer("http://h/v2/models/m/infer", inputs, [seed], ())
    [tensor] = json.loads(made.body)["inputs"]
    size = rows
    for axis in rest:
        size *= axis
    assert (tensor["name"], tensor["datatype"], tensor["shape"]) == ("x", datatype, [rows, *rest])
    assert len(tensor["data"]) == size
    assert made == infer("http://h/v2/models/m/infer", inputs, [seed], ())


def test_free_axes_are_one_and_the_first_is_the_batch() -> None:
    """Further free axes are taken as 1; an axis that is fixed elsewhere is refused with both numbers."""
    assert shaped([Input(name="x", datatype="FP32", shape=(-1, -1, 3))], 5)[0].shape == (5, 1, 3)
    assert shaped([Input(name="x", datatype="FP32", shape=(8, 3))], 8)[0].shape == (8, 3)
    with pytest.raises(UsageError, match="'x' takes batches of 8, and 5 were asked for"):
        shaped([Input(name="x", datatype="FP32", shape=(8, 3))], 5)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (None, UsageError, "declares no inputs of a model 'm'"),
        (b'{"name":"m","inputs":[]}', UsageError, "declares no inputs"),
        (b"<html>", BackendError, "cannot be read"),
        (b'{"inputs":[{"name":"x","datatype":"COMPLEX","shape":[-1]}]}', UsageError, "'x' of 'm' is COMPLEX"),
    ],
)
def test_metadata_that_does_not_do_is_named(body: bytes | None, kind: type[Exception], words: str) -> None:
    """Nothing is made up about a model that does not say what it takes."""
    with pytest.raises(kind, match=words):
        declared(body, "m", "http://h")
