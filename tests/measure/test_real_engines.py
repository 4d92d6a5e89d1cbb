"""The script for two real engines: its fit recovers what is straight, and the rows we ship say what the page says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.schema.measurement import read_rows

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "examples/measure/smollm2_two_engines.csv"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """bench/real_engines.py as a module."""
    spec = importlib.util.spec_from_file_location("real_engines", ROOT / "bench/real_engines.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules["real_engines"] = made
    spec.loader.exec_module(made)
    return made


@given(base=st.floats(1e-4, 1), slope=st.floats(0, 1), at=st.lists(st.integers(1, 64), min_size=3, unique=True))
def test_a_straight_curve_predicts_what_is_held_back(
    script: ModuleType, base: float, slope: float, at: list[int]
) -> None:
    """Whatever concurrency is left out of exactly straight seconds, the fit says it."""
    points = {float(x): base + slope * x for x in at}
    found = script.held_back(points, float(at[0]))
    assert found["error"] == pytest.approx(0, abs=1e-6)
    assert found["base_s"] == pytest.approx(base, rel=1e-4, abs=1e-6)


@given(base=st.floats(0.1, 1), gap=st.floats(0.01, 1), at=st.floats(1.5, 15))
def test_curves_cross_where_their_lines_do(script: ModuleType, base: float, gap: float, at: float) -> None:
    """Two straight curves that meet at a concurrency, one flat: both ways of finding it agree."""
    rising = {x: base + gap / at * x for x in (1.0, 2.0, 4.0, 8.0, 16.0)}
    flat = dict.fromkeys(rising, base + gap)
    assert script.crossing(rising, flat) == pytest.approx(at, rel=1e-6)
    assert script.meeting(script.line(rising), script.line(flat)) == pytest.approx(at, rel=1e-4)


def test_the_rows_that_ship_hold_both_engines(script: ModuleType) -> None:
    """Six concurrencies of two engines; the one held back is predicted, and so is where they cross over."""
    rows = read_rows(SHIPPED.read_text())
    found = script.judged(rows, script.HELD_BACK)
    assert sorted(found["engines"]) == ["llama.cpp", "vllm"]
    assert {row.load for row in rows} == set(script.CLOSED)
    for engine in found["engines"].values():
        assert abs(engine["tpot"]["error"]) < 0.25
        assert abs(engine["answer"]["error"]) < 0.25
    assert found["crossover_predicted"] == pytest.approx(found["crossover_measured"], rel=0.5)
