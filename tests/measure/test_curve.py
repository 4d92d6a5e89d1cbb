"""A batch curve measures the model that it names, and turns into work."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, save

from breakeven.demo.logs import ranker_path
from breakeven.errors import UsageError
from breakeven.measure.curve import Curve, Point, batch_curve, work_curve


def test_a_curve_has_a_point_per_batch_in_order() -> None:
    """Each batch size is measured, whatever the order it was asked in; the fastest is no slower than the median."""
    found = batch_curve(ranker_path(), (8, 1, 80), repeats=5)
    assert (found.model, found.threads) == ("ranker", 1)
    assert [point.batch for point in found.points] == [1, 8, 80]
    assert all(0 < point.fastest_s <= point.median_s and point.repeats == 5 for point in found.points)


def test_the_median_is_of_the_clock_it_was_given() -> None:
    """With a clock that steps two seconds a call, every call takes two seconds."""
    ticks = count(0, 2)
    found = batch_curve(ranker_path(), (1, 2), repeats=3, clock=lambda: float(next(ticks)))
    assert [point.median_s for point in found.points] == [2.0, 2.0]


def curve(batches: list[int], times: list[float]) -> Curve:
    points = [Point(batch=b, median_s=s, fastest_s=s, repeats=1) for b, s in zip(batches, times, strict=True)]
    return Curve(model="m", threads=1, points=tuple(points))


@given(
    st.lists(st.integers(1, 4096), min_size=2, max_size=12, unique=True),
    st.floats(1e-8, 1e-2),
    st.floats(1e-7, 1e-1),
)
def test_a_straight_curve_is_recovered(batches: list[int], row_s: float, request_s: float) -> None:
    """Where time is exactly request + rows x row, work has those coefficients and prices each batch rightly."""
    found = work_curve(curve(batches, [request_s + batch * row_s for batch in batches]))
    for batch in batches:
        assert found.request_s + batch * found.row_s == pytest.approx(request_s + batch * row_s, rel=1e-6)


@given(st.lists(st.tuples(st.integers(1, 999), st.floats(1e-6, 1)), min_size=1, max_size=9, unique_by=lambda p: p[0]))
def test_work_is_never_negative(points: list[tuple[int, float]]) -> None:
    """Whatever was measured, even a falling curve, neither part of the work is negative."""
    found = work_curve(curve([batch for batch, _ in points], [time_s for _, time_s in points]))
    assert found.row_s >= 0
    assert found.request_s >= -1e-12


def test_a_missing_or_broken_model_is_one_clear_error(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(UsageError, match=r"there is no model file .*absent\.onnx"):
        batch_curve(tmp_path / "absent.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match=r"cannot load .*broken\.onnx"):
        batch_curve(tmp_path / "broken.onnx")


def test_an_input_that_cannot_be_made_up_is_named(tmp_path: Path) -> None:
    """Text inputs have no zeros."""
    given_text = helper.make_tensor_value_info("text", TensorProto.STRING, ["N"])
    result = helper.make_tensor_value_info("out", TensorProto.STRING, ["N"])
    graph = helper.make_graph([helper.make_node("Identity", ["text"], ["out"])], "g", [given_text], [result])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    save(model, tmp_path / "text.onnx")
    with pytest.raises(UsageError, match=r"input 'text' is a tensor\(string\)"):
        batch_curve(tmp_path / "text.onnx", (1,))
