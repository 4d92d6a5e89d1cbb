"""The smallest deployment: it does, one replica fewer does not, and easier targets never need more."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.assembly.drawing import draw
from breakeven.catalog.load import load
from breakeven.config.traffic import Traffic
from breakeven.perf import attain, effects, roofline, sizing
from breakeven.perf.curve import step_curve
from breakeven.perf.prior import PRIOR
from breakeven.perf.simulate import simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace

BOARDS = ("h100-sxm", "l40s")
TENSOR = (1, 2, 4)
MOST = 16


def layouts() -> tuple[list[sizing.Layout], list[StepCurve]]:
    catalog = load()
    model = catalog.model("llama-3.1-8b")
    found, curves = [], []
    for board in BOARDS:
        accelerator = catalog.accelerator(board)
        for tp in TENSOR:
            place = effects.place(accelerator, engine="vllm", precision="bf16", model=model.id, boards=tp)
            own = effects.resolve(PRIOR, place)
            size = roofline.size(model, accelerator, tp, "bf16", engine="vllm")
            found.append(sizing.Layout(f"{board}/{tp}", tp, size, own))
            curves.append(step_curve(model, accelerator, tp, "bf16", own, engine="vllm"))
    return found, curves


LAYOUTS, CURVES = layouts()


def asked(ttft: float | None, tpot: float | None) -> Objective:
    return Objective(use_case="x", ttft_s=ttft, tpot_s=tpot)


def came(rate: float) -> Trace:
    return draw(Traffic(rate=rate, input_tokens=600, output_tokens=60, requests=250), name="x")


def sized(trace: Trace, rate: float, target: Objective) -> sizing.Sizing:
    demand = sizing.demand_of(trace, rate, sequences=256, chunk=2048)
    return sizing.size(LAYOUTS, CURVES.__getitem__, demand, trace, target, most_boards=MOST)


def share(trace: Trace, layout: int, replicas: int, target: Objective) -> float:
    return attain.share_in_budget(simulate(trace, CURVES[layout], replicas), target)


@given(rate=st.floats(5, 120), ttft=st.floats(0.1, 1), tpot=st.floats(0.008, 0.05))
@settings(max_examples=12)
def test_the_choice_does_and_one_replica_fewer_does_not(rate: float, ttft: float, tpot: float) -> None:
    """Simulated again, the choice keeps its targets; with one replica fewer it does not."""
    trace, target = came(rate), asked(ttft, tpot)
    best = sized(trace, rate, target).best
    if best is not None:
        assert share(trace, best.layout, best.replicas, target) >= target.attainment
        assert best.boards == LAYOUTS[best.layout].boards * best.replicas <= MOST
        if best.replicas > 1:
            assert share(trace, best.layout, best.replicas - 1, target) < target.attainment


@given(rate=st.floats(5, 120), ttft=st.floats(0.1, 1), tpot=st.floats(0.008, 0.05), easier=st.floats(1, 3))
@settings(max_examples=8)
def test_easier_targets_never_need_more(rate: float, ttft: float, tpot: float, easier: float) -> None:
    """More time for a token or a first token needs as many accelerators or fewer."""
    trace = came(rate)
    hard, easy = (sized(trace, rate, asked(ttft * by, tpot * by)).best for by in (1.0, easier))
    if hard is not None:
        assert easy is not None
        assert easy.boards <= hard.boards


def test_nothing_smaller_does() -> None:
    """Tried one by one, no deployment of fewer accelerators keeps the targets."""
    rate, target = 60.0, asked(0.3, 0.02)
    trace = came(rate)
    best = sized(trace, rate, target).best
    assert best is not None
    assert best.boards > 1
    for layout, one in enumerate(LAYOUTS):
        for replicas in range(1, (best.boards - 1) // one.boards + 1):
            assert share(trace, layout, replicas, target) < target.attainment


def test_the_impossible_has_no_best() -> None:
    """A token faster than any board makes one: none, and what was tried is told."""
    assert sized(came(20.0), 20.0, asked(None, 1e-5)).best is None


def test_what_is_reached_is_the_target_that_would_do() -> None:
    """Held against what was reached, exactly the attainment asked for is inside."""
    trace, target = came(30.0), asked(0.1, 0.01)
    run = simulate(trace, CURVES[0], 1)
    reached = sizing.reached(run, target)
    for name in ("ttft_s", "tpot_s"):
        inside = np.mean(run.column(name) <= reached[name])
        assert target.attainment <= inside <= target.attainment + 0.01
