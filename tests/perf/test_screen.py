"""Closed forms against the simulation they stand in for, inside the regime that they are stated for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.assembly.drawing import draw
from breakeven.catalog.load import load
from breakeven.config.traffic import Lengths, Traffic
from breakeven.perf import effects, roofline, screen
from breakeven.perf.curve import step_curve
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import Fitted, Size
from breakeven.perf.simulate import simulate
from breakeven.perf.sizing import demand_of

MIXED = Lengths(mean=1000, p50=700, p95=3000), Lengths(mean=250, p50=150, p95=800)
PLACES = [("llama-3.1-8b", "h100-sxm", 1, "bf16"), ("qwen3-235b-a22b", "h200-sxm", 8, "fp8")]


def known(model: str, board: str, tp: int, precision: str) -> tuple[Size, Fitted]:
    entry, accelerator = load().model(model), load().accelerator(board)
    place = effects.place(accelerator, engine="vllm", precision=precision, model=model, boards=tp)
    size = roofline.size(entry, accelerator, tp, precision, engine="vllm")
    return size, roofline.columns(effects.resolve(PRIOR, place))


def demand(rate: float, prompt: float, output: float) -> screen.Demand:
    return screen.Demand(*(np.asarray(one) for one in (rate, prompt, output, prompt, 0.0, 1.0, 256.0)))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0])
@pytest.mark.parametrize("lengths", [(500.0, 200.0), (3000.0, 300.0), MIXED], ids=["short", "long", "mixed"])
@pytest.mark.parametrize("rho", [0.2, 0.65])
def test_below_the_knee_it_agrees_with_the_simulation(
    place: tuple[str, str, int, str], lengths: tuple[float | Lengths, float | Lengths], rho: float
) -> None:
    """Mean TPOT within 12 %, mean TTFT within 20 %, both 95th percentiles within 25 %, at the stated load."""
    size, fitted = known(*place)
    prompt, output = (each.mean if isinstance(each, Lengths) else each for each in lengths)
    rate = rho * float(screen.capacity_rps(size, fitted, demand(1.0, prompt, output)))
    asked = Traffic(rate=rate, input_tokens=lengths[0], output_tokens=lengths[1], requests=1500)
    came = draw(asked, name="drawn")
    found = screen.open_loop(size, fitted, demand_of(came, rate, sequences=256, chunk=2048))
    curve = step_curve(
        load().model(place[0]), load().accelerator(place[1]), place[2], place[3], engine="vllm",
        context_mean=prompt + output,
    )  # fmt: skip
    run = simulate(came, curve, 1)
    tpot, ttft = (values[~np.isnan(values)] for values in (run.column("tpot_s"), run.column("ttft_s")))
    assert found.rho == pytest.approx(rho, rel=0.1)
    assert found.tpot_s == pytest.approx(tpot.mean(), rel=0.12)
    assert found.ttft_s == pytest.approx(ttft.mean(), rel=0.20)
    assert found.tpot_p95_s == pytest.approx(np.percentile(tpot, 95), rel=0.25)
    assert found.ttft_p95_s == pytest.approx(np.percentile(ttft, 95), rel=0.25)


@given(rate=st.floats(0.01, 200), prompt=st.floats(1, 20000), output=st.floats(1, 2000))
@settings(max_examples=60)
def test_near_saturation_there_is_no_point_but_an_interval(rate: float, prompt: float, output: float) -> None:
    """Above rho 0.9 latencies are NaN, and the ends of the interval are in order."""
    size, fitted = known(*PLACES[0])
    found = screen.open_loop(size, fitted, demand(rate, prompt, output))
    assert bool(found.stable) == bool(found.rho <= 0.9)
    assert np.isnan(found.ttft_p95_s) == (not found.stable)
    fast, slow = screen.bounds(size, fitted, demand(rate, prompt, output), -0.3, 0.3)
    assert fast.rho <= slow.rho
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        assert getattr(fast, name) <= getattr(slow, name) or np.isinf(getattr(slow, name))


@given(rate=st.floats(0.01, 5), more=st.floats(1.0, 1.5))
def test_more_load_is_never_faster(rate: float, more: float) -> None:
    """Load, batch and the mean wait grow with the rate, as long as there is a point."""
    size, fitted = known(*PLACES[0])
    less, much = (screen.open_loop(size, fitted, demand(each, 800.0, 200.0)) for each in (rate, rate * more))
    assert less.rho <= much.rho
    if much.stable:
        assert less.batch <= much.batch * (1 + 1e-6)
        assert less.tpot_s <= much.tpot_s * (1 + 1e-6)


def test_an_idle_replica_has_no_wait() -> None:
    """Without load a token takes a step of one sequence, and a first token the prompt's own steps."""
    size, fitted = known(*PLACES[0])
    found = screen.open_loop(size, fitted, demand(1e-9, 1000.0, 200.0))
    alone = roofline.step_s(size, fitted, roofline.batch(size, np.asarray(1.0), np.asarray(1100.0)))
    assert found.tpot_s == pytest.approx(float(alone), rel=1e-6)
    assert found.rho == pytest.approx(0, abs=1e-6)


def test_many_at_once_are_each_alone() -> None:
    """A column of configurations gives what each gives by itself."""
    places = [known(*place) for place in PLACES]
    together = roofline.stack([size for size, _ in places])
    fitted = Fitted(*(np.array(column) for column in zip(*(one for _, one in places), strict=True)))
    found = screen.open_loop(together, fitted, demand(1.5, 700.0, 150.0))
    for row, (size, own) in enumerate(places):
        single = screen.open_loop(size, own, demand(1.5, 700.0, 150.0))
        assert [float(column[row]) for column in found] == pytest.approx([float(column) for column in single])
