"""A known deployment, emulated and measured: its base and per-sequence costs come back, and carry over to open loops.

Why this cannot flake on a busy machine. Tokens fall due on an absolute schedule, so that an answer's TPOT is wrong by
no more than one stall of the machine over its 31 gaps, and sees another number in flight only for the steps that its
neighbours need to come back. Both bounds are computed from the worst stall that a heartbeat saw during the run, and are
the intervals: a machine that stalls widens them, and is not called wrong. On a calm one they are a few per cent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest

from breakeven.app import load as app
from breakeven.measure import campaign
from breakeven.measure.plan import Plan
from breakeven.measure.prompt import Length
from breakeven.schema.load import LoadPoint
from breakeven.schema.performance import StepCurve

BASE_S, EACH_S = 0.004, 0.0005
CURVE = StepCurve(
    prefill_s_per_token=1e-7, step_base_s=BASE_S, step_per_sequence_s=EACH_S, step_per_context_s=0.0, max_sequences=64,
    kv_tokens=200_000,
)  # fmt: skip
OUTPUT = 32
GAPS = OUTPUT - 1
AROUND = 3
"""Steps of an answer in which a neighbour that ends and comes back may be missing: its last, the wait, its prompt."""


class Heart:
    """A thread that wakes every few milliseconds; `stall_s` is how late it ever was."""

    stall_s = 0.0

    def beat(self, stop: threading.Event) -> None:
        while not stop.is_set():
            before = time.monotonic()
            stop.wait(0.002)
            self.stall_s = max(self.stall_s, time.monotonic() - before - 0.002)


@contextmanager
def beating() -> Iterator[Heart]:
    heart, stop = Heart(), threading.Event()
    thread = threading.Thread(target=heart.beat, args=(stop,), daemon=True)
    thread.start()
    yield heart
    stop.set()
    thread.join()


class Run(NamedTuple):
    closed: dict[int, LoadPoint]
    open: LoadPoint
    stall_s: float


@pytest.fixture(scope="module")
def run(emulated: Any) -> Run:
    """Closed loops of 1, 4 and 16, and an open one at 30 requests a second."""
    with emulated(CURVE) as url, beating() as heart:
        lengths = {"input": Length(mean=16), "output": Length(mean=OUTPUT)}
        closed = {
            clients: campaign.run(
                Plan(url=url, closed=(clients,), requests=max(5, 2 * clients), seconds=20.0, **lengths),
                app.frame(url, {}),
            ).points[0]
            for clients in (1, 4, 16)
        }
        opened = Plan(url=url, open=(30.0,), requests=40, warm_up=10, seconds=20.0, **lengths)
        return Run(closed, campaign.run(opened, app.frame(url, {})).points[0], heart.stall_s)


def interval_s(run: Run, clients: int) -> float:
    """How far a median TPOT with so many clients may be off."""
    step_s = BASE_S + EACH_S * clients
    missed = (AROUND + run.stall_s / step_s) / GAPS
    return run.stall_s / GAPS + EACH_S * (clients - 1) * min(1.0, missed) + 2e-4


def fitted(run: Run) -> tuple[float, float, float, float]:
    """Base and per-sequence seconds by least squares, each with its interval."""
    clients = np.array(list(run.closed), dtype=float)
    slopes = np.linalg.pinv(np.column_stack([np.ones_like(clients), clients]))
    tpot = np.array([point.tpot_s.p50 for point in run.closed.values() if point.tpot_s])
    bounds = np.array([interval_s(run, count) for count in run.closed])
    return (*(slopes @ tpot).tolist(), *(np.abs(slopes) @ bounds).tolist())


def test_base_and_per_sequence_costs_come_back(run: Run) -> None:
    """The line through TPOT at 1, 4 and 16 in flight has the curve's two numbers within its intervals."""
    base, each, base_off, each_off = fitted(run)
    assert base == pytest.approx(BASE_S, abs=base_off)
    assert each == pytest.approx(EACH_S, abs=each_off)


def test_every_load_was_measured_whole(run: Run) -> None:
    """Nothing failed, answers have the length asked for, and never more were in flight than clients."""
    for clients, point in run.closed.items():
        assert (point.failed, point.output_tokens) == (0, OUTPUT)
        assert point.in_flight is not None
        assert point.in_flight <= clients * (1 + 1e-9)
    assert (run.open.failed, run.open.sent, run.open.output_tokens) == (0, 50, OUTPUT)


def test_what_closed_loops_told_holds_in_the_open_one(run: Run) -> None:
    """An open loop's TPOT lies between steps of one and of the most that its arrivals can put in flight."""
    base, each, base_off, each_off = fitted(run)
    assert run.open.tpot_s is not None
    assert run.open.in_flight is not None
    off = base_off + each_off + interval_s(run, 1)
    assert base + each - off <= run.open.tpot_s.p50
    assert (
        run.open.tpot_s.p50 <= base + each * 3 * max(1.0, run.open.in_flight) + off + 3 * each_off * run.open.in_flight
    )
