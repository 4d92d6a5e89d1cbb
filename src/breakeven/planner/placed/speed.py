"""How fast an API of measured latency answers, and a device that runs the model by itself."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from breakeven.cost.case import price_key
from breakeven.perf.roofline import Column
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance
from breakeven.schema.placed import Device, Latency
from breakeven.schema.workload import Trace

Z95 = 1.6448536269514722
POINTS = 2000
WAITS = 64
"""Points of the distribution of the wait from which quantiles are read."""
ROUNDING = 1 + 1e-9
UNKNOWN = "not known of what sells answers"
LOGNORMAL = "log-normal through the measured p50 and p95; low: slow first tokens and slow answers never coincide"
ALONE = "prompt tokens / prompt speed, answer tokens / answer speed, of the trace's requests"


class Tokens(NamedTuple):
    """Prompt and answer tokens of each request; an answer has one at least."""

    prompt: Column
    output: Column


def tokens_of(trace: Trace) -> Tokens:
    """The token columns of a trace."""
    return Tokens(np.frombuffer(trace.input_tokens), np.maximum(1.0, np.frombuffer(trace.output_tokens)))


class Answered(NamedTuple):
    """Seconds of requests on a device, by request, without a wait; and the wait's chance and mean where there is one.

    `rho` is the offered share of the device; 1 or more is never answered.
    """

    ttft_s: Column
    tpot_s: float
    e2e_s: Column
    rho: float
    waits: float = 0.0
    wait_s: float = 0.0

    def in_budget(self, objective: Objective) -> float:
        """Share of the requests that meet every target."""
        if self.rho >= 1 and self.waits:
            return 0.0
        left = self._left(objective)
        if objective.tpot_s is not None and self.tpot_s > objective.tpot_s * ROUNDING:
            left = np.where(self.e2e_s > self.ttft_s, -1.0, left)
        if not self.waits:
            return float((left >= 0).mean())
        inside = 1.0 - self.waits * np.exp(-np.maximum(left, 0.0) * self.waits / self.wait_s)
        return float(np.where(left >= 0, inside, 0.0).mean())

    def _left(self, objective: Objective) -> Column:
        """How long each request may wait and still meet its targets; negative where it cannot."""
        left = np.full_like(self.ttft_s, math.inf)
        if objective.ttft_s is not None:
            left = np.minimum(left, objective.ttft_s * ROUNDING - self.ttft_s)
        if objective.budget_s is not None:
            left = np.minimum(left, objective.budget_s * ROUNDING - self.e2e_s)
        return left

    def quantiles(self, seconds: Column, *at: float) -> list[float]:
        """Quantiles of a time and the wait before it."""
        if not self.waits:
            return [float(np.quantile(seconds, one)) for one in at]
        if self.rho >= 1:
            return [math.inf for _ in at]
        beyond = 1.0 - (np.arange(WAITS) + 0.5) / WAITS
        waits = self.wait_s / self.waits * np.log(np.maximum(1.0, self.waits / beyond))
        every = seconds[:, None] + waits[None, :]
        return [float(np.quantile(every, one)) for one in at]


def answered(device: Device, of: Tokens, rate_rps: float, faster: float = 1.0) -> Answered:
    """What one device does to a trace's requests, at so many a second and so many times its measured speed.

    With places for several, requests arrive by chance and wait for one: M/G/n with Erlang's chance to wait, the mean
    wait of Allen and Cunneen, (1 + cv^2) / 2 of that of M/M/n, and exponential beyond.
    """
    tpot = 1.0 / (device.answer_tokens_per_s * faster)
    ttft = of.prompt / (device.prompt_tokens_per_s * faster)
    e2e = ttft + (of.output - 1.0) * tpot
    mean, places = float(e2e.mean()), max(1, device.at_once)
    rho = rate_rps * mean / places
    if not device.at_once or mean <= 0:
        return Answered(ttft, tpot, e2e, rho)
    if rho >= 1:
        return Answered(ttft, tpot, e2e, rho, 1.0, math.inf)
    chance = erlang_c(places, rate_rps * mean)
    varied = 1.0 + float(e2e.var()) / mean**2
    return Answered(ttft, tpot, e2e, rho, chance, max(chance * mean / (places * (1 - rho)) * varied / 2, 1e-300))


def erlang_c(places: int, offered: float) -> float:
    """Chance that an arrival finds all places taken; `offered` is their mean number needed, below `places`."""
    blocked = 1.0
    for one in range(1, places + 1):
        blocked = offered * blocked / (one + offered * blocked)
    busy = offered / places
    return blocked / (1.0 - busy * (1.0 - blocked))


def on_device(offer: Offer, device: Device, of: Tokens, objective: Objective, rate_rps: float) -> Performance:
    """The performance of a class of devices that answer `rate_rps` together; the objective is without the network."""
    each = rate_rps / device.devices
    base, slow, fast = (answered(device, of, each, x) for x in (1.0, device.speed_low, device.speed_high))
    keys = tuple(price_key(offer, f"device/{name}") for name in ("prompt_tokens_per_s", "answer_tokens_per_s"))
    how = ALONE + (f"; wait for one of {device.at_once} places, M/G/n" if device.at_once else "")

    def figure(unit: str, *bounds: float) -> Figure:
        value, low, high = (one if math.isfinite(one) else None for one in bounds)
        return Figure(value=value, unit=unit, basis="derived", low=low, high=high, how=how, facts=keys)

    ordered = (base, fast, slow)
    ttft = [one.quantiles(one.ttft_s, 0.5, 0.95) for one in ordered]
    e2e = [one.quantiles(one.e2e_s, 0.95)[0] for one in ordered]
    tpot = figure("s", *(one.tpot_s for one in ordered))
    share = figure("share", *(one.in_budget(objective) for one in (base, slow, fast)))
    return Performance(
        deployment="",
        ttft_p50_s=figure("s", *(one[0] for one in ttft)),
        ttft_p95_s=figure("s", *(one[1] for one in ttft)),
        tpot_p50_s=tpot,
        tpot_p95_s=tpot,
        e2e_p95_s=figure("s", *e2e),
        goodput_rps=_times(share, rate_rps),
        goodput_share=share,
        max_goodput_rps=Figure(value=None, unit="requests/s", note="devices are as many as there are"),
        power_w=Figure(value=None, unit="W", note="see the bill"),
        rho=base.rho,
        stable=base.rho < 1,
        in_flight_mean=rate_rps * (float(base.e2e_s.mean()) + (base.wait_s if math.isfinite(base.wait_s) else 0.0)),
    )


def as_measured(offer: Offer, latency: Latency, of: Tokens, objective: Objective, rate_rps: float) -> Performance:
    """The performance of what sells answers, from its measured latency."""
    keys = {
        name: price_key(offer, f"latency/{name}") for name in ("ttft_p50_s", "ttft_p95_s", "tpot_p50_s", "tpot_p95_s")
    }
    said = {name: _told(getattr(latency, name), latency, key) for name, key in keys.items()}
    share = _measured_share(latency, of, objective, tuple(keys.values()))
    e2e = _lognormal(latency.ttft_p50_s, latency.ttft_p95_s)[:, None] + _lognormal(
        latency.tpot_p50_s, latency.tpot_p95_s
    )[:, None] * (np.quantile(of.output, (np.arange(WAITS) + 0.5) / WAITS) - 1.0)
    return Performance(
        deployment="",
        ttft_p50_s=said["ttft_p50_s"],
        ttft_p95_s=said["ttft_p95_s"],
        tpot_p50_s=said["tpot_p50_s"],
        tpot_p95_s=said["tpot_p95_s"],
        e2e_p95_s=Figure(
            value=float(np.quantile(e2e, 0.95)), unit="s", basis="derived", how=LOGNORMAL, facts=tuple(keys.values())
        ),
        goodput_rps=_times(share, rate_rps),
        goodput_share=share,
        max_goodput_rps=Figure(value=None, unit="requests/s", note=UNKNOWN),
        power_w=Figure(value=None, unit="W", note=UNKNOWN),
        rho=0.0,
        stable=True,
        in_flight_mean=rate_rps * float(e2e.mean()),
    )


def _told(value: float, latency: Latency, key: str) -> Figure:
    counted = f" of {latency.n:,} requests" if latency.n else ""
    return Figure(
        value=value, unit="s", basis="measured", how=f"measured{counted}, {latency.source}, {latency.as_of}",
        facts=(key,),
    )  # fmt: skip


def _measured_share(latency: Latency, of: Tokens, objective: Objective, facts: tuple[str, ...]) -> Figure:
    """Share in budget where a slow first token and a slow answer come together, and at worst where they never do."""
    ttft = _lognormal(latency.ttft_p50_s, latency.ttft_p95_s)
    tpot = _lognormal(latency.tpot_p50_s, latency.tpot_p95_s)
    met: list[Column] = []
    if objective.ttft_s is not None:
        met.append((ttft <= objective.ttft_s * ROUNDING).astype(np.float64))
    if objective.tpot_s is not None:
        met.append((tpot <= objective.tpot_s * ROUNDING).astype(np.float64))
    if objective.budget_s is not None:
        longest = (objective.budget_s * ROUNDING - ttft) / tpot + 1.0
        within = np.searchsorted(np.sort(of.output), longest, side="right") / len(of.output)
        met.append(np.where(ttft <= objective.budget_s * ROUNDING, within, 0.0))
    whole = np.minimum.reduce([np.ones(POINTS), *met])
    worst = max(0.0, 1.0 - sum(1.0 - float(one.mean()) for one in met))
    value = float(whole.mean())
    return Figure(value=value, unit="share", basis="derived", low=worst, high=value, how=LOGNORMAL, facts=facts)


@cache
def _scores() -> Column:
    return np.array([NormalDist().inv_cdf((at + 0.5) / POINTS) for at in range(POINTS)])


def _lognormal(middle: float, high: float) -> Column:
    return np.asarray(middle * np.exp(_scores() * (math.log(high / middle) / Z95)))


def _times(share: Figure, rate_rps: float) -> Figure:
    value, low, high = (None if one is None else one * rate_rps for one in (share.value, share.low, share.high))
    return Figure(
        value=value, unit="requests/s", basis=share.basis, low=low, high=high, how=share.how, facts=share.facts
    )
