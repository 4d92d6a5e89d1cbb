"""Telemetry turns derived work into measured work: money still adds up, and idle is what was seen idle."""

from __future__ import annotations

import pytest

from breakeven.ledger.engine.port import Loaded, Standby
from breakeven.ledger.measured import ENOUGH_PERCENT, of
from breakeven.schema.record import EngineLoad

HOUR_S = 3600
RATE = 10**9


def load(make, busy: float, start: float = 0.0, end: float = HOUR_S, **more: object) -> EngineLoad:
    plain = {"id": f"{start}", "deployment": "gpu", "target": "a:9400", "source": "dcgm", "busy": busy}
    return EngineLoad(**plain | {"start_s": make.t0 + start, "end_s": make.t0 + end} | more)


def ledger(make, *loads: EngineLoad, work_s: float = 600.0) -> list:
    """Two predictions of one subject use case that took 600 s each of an hour, as their coefficients say."""
    each = {"work_s": work_s, "cost_pico_usd": round(work_s * RATE), "cost_basis": "derived"}
    rows = [make.prediction(n, **each) for n in (1, 2)] + [make.outcome(n, prediction_id=f"p{n:06d}") for n in (1, 2)]
    return [*rows, make.capacity(0, HOUR_S, pico_usd_per_replica_s=RATE), *loads]


@pytest.mark.parametrize("busy", [0.0, 0.25, 0.5, 1.0])
def test_idle_is_what_was_seen_idle(make, busy: float) -> None:
    """Whatever the coefficients say of the requests, idle is the capacity's cost x the share that stood still."""
    found = make.statement(ledger(make, load(make, busy)))
    capacity = HOUR_S * RATE
    assert found.capacity_pico_usd == capacity
    assert found.idle_pico_usd == round(capacity * (1 - busy))
    assert found.measured_pico_usd == round(capacity * busy) - 1200 * RATE
    assert found.over_attributed_pico_usd == 0
    assert found.conserved


def test_the_whole_stays_the_whole(make) -> None:
    """Measuring moves money between work and idle; the total is the capacity's, with telemetry and without."""
    without, with_ = make.statement(ledger(make)), make.statement(ledger(make, load(make, 0.9)))
    assert without.cost_total_pico_usd == with_.cost_total_pico_usd
    assert without.cost_per_useful_prediction_usd.value == with_.cost_per_useful_prediction_usd.value
    assert {step.name for step in with_.waterfall} == {"idle", "measured_work", "used"}
    usage = [one.total.worth.cost_per_useful_usage_usd.value for one in (without, with_)]
    assert usage[1] == pytest.approx(usage[0] * 0.9 * HOUR_S / 1200)


def test_measured_work_says_so(make) -> None:
    """The basis of what was derived becomes measured, and stays derived without telemetry."""
    bases = [
        next(step.basis for step in make.statement(records).waterfall if step.name == "used")
        for records in (ledger(make), ledger(make, load(make, 0.5)))
    ]
    assert bases == ["derived", "measured"]


def test_an_hour_seen_in_part_stays_derived(make) -> None:
    """Below the share that is enough, nothing is scaled from what was not watched."""
    enough = HOUR_S * ENOUGH_PERCENT / 100
    assert make.statement(ledger(make, load(make, 0.5, 0, enough - 1))).measured_pico_usd == 0
    assert make.statement(ledger(make, load(make, 0.5, 0, enough))).measured_pico_usd != 0


def test_work_beyond_capacity_is_no_more_once_it_is_measured(make) -> None:
    """Coefficients that claim two hours of one are corrected, not just reported."""
    found = make.statement(ledger(make, load(make, 0.5), work_s=float(HOUR_S)))
    assert found.over_attributed_pico_usd == 0
    assert found.measured_pico_usd == -HOUR_S * RATE * 3 // 2
    assert found.conserved


def test_measured_energy_stands_for_the_deployment(make) -> None:
    """The accelerators' counter holds idle too; it replaces what was estimated for the requests, and is not added."""
    records = [*ledger(make, load(make, 0.5, energy_kwh=0.7))]
    records[0] = make.prediction(1, work_s=1.0, cost_pico_usd=RATE, energy_kwh=0.1, energy_basis="assumed")
    energy = make.statement(records).total.energy_kwh
    assert energy.value == pytest.approx(0.7)
    assert energy.basis == "measured"


def test_the_best_source_counts_alone() -> None:
    """Accelerators know better than an engine's gauge; two replicas are averaged over both their times."""
    hour = 10**9 * HOUR_S
    seen = {"deployment": "gpu", "hour": 7, "intervals": 1, "seen_ns": hour, "known_ns": hour}
    rows = [
        Loaded(**seen, source="vllm", target="a", busy_ns=hour),
        Loaded(**seen, source="dcgm", target="a", busy_ns=hour // 2),
        Loaded(**seen, source="dcgm", target="b", busy_ns=hour // 4),
    ]
    stood = Standby(deployment="gpu", hour=7, model="m", cost_pico_usd=800, up_ns=hour, basis=0)
    assert of(rows, [stood]).work_pico_usd == {("gpu", 7): 300}
    assert of(rows[:1], [stood]).work_pico_usd == {("gpu", 7): 800}
