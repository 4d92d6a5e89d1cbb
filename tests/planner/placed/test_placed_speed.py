"""How fast devices and measured APIs are: closed forms against a queue that is played, and against their own points."""

from __future__ import annotations

import heapq

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.planner.placed.speed import Tokens, answered, as_measured, erlang_c, on_device
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.placed import Device, Latency

RNG = np.random.default_rng(3)
TOKENS = Tokens(
    np.round(RNG.lognormal(6.0, 0.6, 500)).clip(1, 4000), np.round(RNG.lognormal(4.5, 0.7, 500)).clip(1, 900)
)
PHONE = Device(
    prompt_tokens_per_s=400.0, answer_tokens_per_s=25.0, devices=10, share=1.0, owned_by="users", electricity="users"
)
BOX = msgspec.structs.replace(PHONE, at_once=4)
OFFER = Offer(
    id="d", provider="us", kind="edge", valid_from="2026-11-01", source="our measurement", model="m", device=PHONE
)
WARM = Latency(ttft_p50_s=0.3, ttft_p95_s=0.9, tpot_p50_s=0.01, tpot_p95_s=0.03, source="our probe", as_of="2026-11-01")


def asked(**targets: float) -> Objective:
    return Objective(use_case="tutor", **targets)


def played(device: Device, rate_rps: float, n: int = 60_000) -> tuple[np.ndarray, np.ndarray]:
    """Time to the first token and to the last of a queue for so many places, request by request."""
    rng = np.random.default_rng(11)
    at = np.cumsum(rng.exponential(1 / rate_rps, n))
    which = rng.integers(0, len(TOKENS.prompt), n)
    first = TOKENS.prompt[which] / device.prompt_tokens_per_s
    whole = first + (TOKENS.output[which] - 1) / device.answer_tokens_per_s
    free = [0.0] * device.at_once
    waited = np.empty(n)
    for one in range(n):
        begins = max(at[one], heapq.heappop(free))
        waited[one] = begins - at[one]
        heapq.heappush(free, begins + whole[one])
    return waited + first, waited + whole


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_the_queue_of_a_box_is_near_the_one_that_is_played(busy: float) -> None:
    """The share in budget is within 4 points of a simulated queue of the same requests, at any load."""
    mean = float(answered(BOX, TOKENS, 0.0001).e2e_s.mean())
    rate = busy * BOX.at_once / mean
    ttft, e2e = played(BOX, rate)
    for objective in (asked(ttft_s=2.0), asked(ttft_s=8.0), asked(budget_s=15.0)):
        limits = (objective.ttft_s or np.inf, objective.budget_s or np.inf)
        simulated = float(((ttft <= limits[0]) & (e2e <= limits[1])).mean())
        assert answered(BOX, TOKENS, rate).in_budget(objective) == pytest.approx(simulated, abs=0.04)


def test_nobody_waits_for_their_own_device() -> None:
    """Times are those of the trace's lengths, whatever the rate, and the first token comes once the prompt is read."""
    slow, fast = answered(PHONE, TOKENS, 0.001), answered(PHONE, TOKENS, 0.1)
    assert np.array_equal(slow.ttft_s, TOKENS.prompt / 400.0)
    assert slow.in_budget(asked(ttft_s=1.0)) == fast.in_budget(asked(ttft_s=1.0))
    assert slow.in_budget(asked(ttft_s=1.0)) == pytest.approx(float((TOKENS.prompt <= 400.0).mean()))


def test_a_token_slower_than_its_target_leaves_answers_of_one_token() -> None:
    """A time per token that is missed is missed by every answer that has a second token."""
    found = answered(PHONE, TOKENS, 0.001).in_budget(asked(tpot_s=0.02))
    assert found == pytest.approx(float((TOKENS.output <= 1).mean()))


@given(st.floats(0.01, 0.9), st.floats(0.01, 0.9), st.integers(1, 8))
def test_more_load_is_never_faster(one: float, other: float, places: int) -> None:
    """The chance to wait rises with the load, and a place more lowers it."""
    low, high = sorted((one, other))
    assert 0.0 <= erlang_c(places, low * places) <= erlang_c(places, high * places) + 1e-12 <= 1.0 + 1e-12
    assert erlang_c(places + 1, low * places) <= erlang_c(places, low * places) + 1e-12


def test_a_box_that_is_offered_too_much_answers_nothing_in_time() -> None:
    """At a load of one or more the queue grows without end."""
    found = on_device(OFFER, BOX, TOKENS, asked(ttft_s=5.0), rate_rps=1000.0)
    assert not found.stable
    assert found.rho > 1
    assert found.goodput_share.value == 0


def test_slower_devices_bound_the_interval() -> None:
    """The interval of the share is that of the slowest and the fastest devices."""
    found = on_device(OFFER, PHONE, TOKENS, asked(ttft_s=1.0), rate_rps=1.0)
    low, value, high = found.goodput_share.low, found.goodput_share.value, found.goodput_share.high
    assert low is not None
    assert low < (value or 0.0) < (high or 0.0)
    assert low == pytest.approx(answered(PHONE, TOKENS, 0.1, 0.8).in_budget(asked(ttft_s=1.0)))


@pytest.mark.parametrize(("at", "share"), [(0.3, 0.5), (0.9, 0.95), (0.2, 0.27)])
def test_measured_latency_goes_through_its_points(at: float, share: float) -> None:
    """At the measured median half of the requests are in time, at the p95 95 of 100; between by a log-normal."""
    offer = Offer(id="a", provider="us", kind="api", valid_from="2026-11-01", source="list", model="m", latency=WARM)
    found = as_measured(offer, WARM, TOKENS, asked(ttft_s=at), 1.0)
    assert found.goodput_share.value == pytest.approx(share, abs=0.01)
    assert found.ttft_p95_s.basis == "measured"
    assert "our probe, 2026-11-01" in found.ttft_p95_s.how


def test_two_measured_targets_are_bounded_by_the_worst_case() -> None:
    """How slow first tokens and slow answers go together nobody measured: at worst they never coincide."""
    offer = Offer(id="a", provider="us", kind="api", valid_from="2026-11-01", source="list", model="m", latency=WARM)
    share = as_measured(offer, WARM, TOKENS, asked(ttft_s=0.9, tpot_s=0.03), 1.0).goodput_share
    assert share.value == pytest.approx(0.95, abs=0.001)
    assert share.low == pytest.approx(0.90, abs=0.001)


def test_quantiles_of_a_queue_hold_its_wait() -> None:
    """The p95 of the first token lies within a tenth of that of a played queue."""
    rate = 0.7 * BOX.at_once / float(answered(BOX, TOKENS, 0.0001).e2e_s.mean())
    ttft, _ = played(BOX, rate)
    found = answered(BOX, TOKENS, rate)
    assert found.quantiles(found.ttft_s, 0.95)[0] == pytest.approx(float(np.quantile(ttft, 0.95)), rel=0.1)
