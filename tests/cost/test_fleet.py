"""From demand to machines, prices per token and energy.

The worked example is NVIDIA's published method, "LLM Inference Benchmarking: How Much Does Your LLM Inference Cost?"
(2025), with second-hand inputs.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.energy import it_kw, month_kwh, replica_power_w, wh_per_output_token
from breakeven.cost.fleet import instances_needed, peak_rps, servers_needed, usd_per_mtok, usd_per_mtok_split


def test_nvidia_example() -> None:
    """120,000 requests a day with a fifth in the peak hour need one server; a year of it costs 87,500 USD."""
    rate = peak_rps(120_000, 0.2)
    assert rate == pytest.approx(6.7, rel=0.01)
    instances = instances_needed(rate, 2.5)
    assert instances == 3
    assert servers_needed(instances, 2, 8) == 1
    yearly = 320_000 / 4 + 3_000 + 4_500
    assert yearly == 87_500
    requests, runs = 120_000 * 365, 30_000 * 365
    assert yearly / requests * 1000 == pytest.approx(2.0, rel=0.02)
    assert yearly / runs == pytest.approx(0.008, rel=0.02)
    per_input, per_output = usd_per_mtok_split(yearly, 12_700 * runs, 1_300 * runs, 3)
    assert per_input == pytest.approx(0.48, rel=0.02)
    assert per_output == pytest.approx(1.44, rel=0.02)
    assert yearly / ((12_700 + 1_300) * runs) * 1e6 == pytest.approx(0.57, rel=0.02)


@given(replicas=st.integers(0, 1000), each=st.integers(1, 16), held=st.integers(1, 16))
def test_servers_hold_the_replicas(replicas: int, each: int, held: int) -> None:
    """The servers suffice, and one fewer would not."""
    servers = servers_needed(replicas, each, held)
    assert servers * held >= replicas * each
    assert servers == 0 or (servers - 1) * held < replicas * each


@given(price=st.floats(0.01, 100), rate=st.floats(1, 1e5), use=st.floats(0.01, 1))
def test_idle_capacity_makes_tokens_dearer(price: float, rate: float, use: float) -> None:
    """A token costs 1/utilisation times what it costs at full use."""
    full, part = usd_per_mtok(price, rate), usd_per_mtok(price, rate, use)
    assert full is not None
    assert part == pytest.approx(full / use)


def test_no_tokens_have_no_price() -> None:
    """Capacity that makes nothing has no price per token, rather than a low one."""
    assert usd_per_mtok(3.0, 0.0) is None
    assert usd_per_mtok(3.0, 100.0, 0.0) is None


def test_energy_of_a_server_month() -> None:
    """8 x 700 W at a server ratio of 1.34 is 7.504 kW; with PUE 1.4 a month of 730 h takes 7,669 kWh."""
    kw = it_kw(700, 8, 1.34)
    assert kw == pytest.approx(7.504)
    assert month_kwh(kw, 1.4) == pytest.approx(7_669.088)


def test_ecologits_regression_of_a_70b_model() -> None:
    """At batch 64 a model of 70 billion active parameters takes 0.080 Wh per 1,000 tokens and accelerator."""
    assert wh_per_output_token(70, 64) * 1000 == pytest.approx(0.080, abs=0.001)


@given(tdp=st.floats(50, 2000), count=st.integers(1, 16), idle=st.floats(0, 1))
def test_idle_never_draws_more_than_busy(tdp: float, count: int, idle: float) -> None:
    """Idle power is a share of busy power, and busy power is at least the accelerators' own."""
    low, high = replica_power_w(tdp, count, server_power_ratio=1.3, idle_power_ratio=idle)
    assert 0 <= low <= high
    assert high >= tdp * count
