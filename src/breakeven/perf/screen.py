"""Closed forms for thousands of configurations in one call: which are worth simulating.

Offline and closed loop are those of `perf.steady`. The open loop, requests arriving at a rate whatever the answers do:

- A replica decodes b sequences, its steps last s(b), a mean prompt adds a(b) seconds to them. Of every second the share
  rate x a goes to prompts, so a token takes s(b) / (1 - rate x a), and by Little's law b = rate x output x that: a
  fixed point, found by two steps and Aitken's extrapolation. An answer begins when its own prompt is read, so that it
  meets the prompts that came meanwhile at once: rate x (that time) x a more.
- rho = rate x (a + output x s / b), at b = what fits; or the share of time that prompts are read, if that is more.
- A first token waits for the step that runs, for the prompts before its own, and for a place. Prompts are one server of
  `chunk` tokens a step, in order of arrival: Allen and Cunneen's approximation of G/G/1 (exact for M/G/1), wait =
  u / (1 - u) x service x (variation of gaps + variation of prompts) / 2. Places are G/G/c by Sakasegawa (1977).
- The 95th percentile of the wait takes it for exponential where there is one; independent parts are joined as
  variances. The spread of TPOT is that of the share of an answer's time in which prompts are read, and of how many
  others decode.

Regime: rho up to 0.7, Poisson or steadier arrivals, first in first out, a cache without preemption. There means of TPOT
are within 12 % of the simulation and means of TTFT within 20 %, 95th percentiles within 25 % (that of TPOT only where
an answer lasts longer than its prompt; `tests/perf/test_screen.py`). Above rho 0.9 there is no point, only the interval
of `bounds`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.perf.roofline import Column, Fitted, Size, batch, step_s
from breakeven.perf.steady import PREFILL_CHUNK, Load, fits, reach

KNEE_RHO = 0.9
_NINETY_FIVE = 1.645
"""95 % of a normal distribution lies below so many standard deviations above its mean."""
_ALONE = 0.05
"""Chance beyond the 95th percentile."""


class Demand(NamedTuple):
    """What one replica gets: requests per second, mean tokens, and variations squared (variance / mean squared).

    `prompt_p95` is the 95th percentile of prompts; `sequences` the most that the engine decodes at once, `chunk` the
    tokens of a step.
    """

    rate: Column
    prompt: Column
    output: Column
    prompt_p95: Column
    prompt_cv2: Column
    gap_cv2: Column
    sequences: Column
    chunk: Column = np.asarray(PREFILL_CHUNK)


class Open(NamedTuple):
    """A replica in an open loop, seconds; latencies are NaN where not `stable` (rho above 0.9)."""

    rho: Column
    stable: NDArray[np.bool_]
    batch: Column
    tpot_s: Column
    tpot_p95_s: Column
    ttft_s: Column
    ttft_p95_s: Column
    e2e_s: Column


LATENCIES = ("tpot_s", "tpot_p95_s", "ttft_s", "ttft_p95_s", "e2e_s")


class _Steps(NamedTuple):
    """At a number of decoding sequences: seconds of a step without prompts, and what a mean prompt adds to steps."""

    plain: Column
    added: Column


def open_loop(at: Size, fitted: Fitted, demand: Demand) -> Open:
    """Load, latencies and their 95th percentiles of each configuration."""
    return _masked(_raw(at, fitted, demand))


def bounds(at: Size, fitted: Fitted, demand: Demand, log_low: float, log_high: float) -> tuple[Open, Open]:
    """The fast and the slow end: steps exp(`log_low`) and exp(`log_high`) times as long.

    Infinite latencies where the load is above capacity then; they have values near saturation, where points have none.
    """
    fast, slow = (_raw(at, fitted._replace(scale=fitted.scale * np.exp(log)), demand) for log in (log_low, log_high))
    # Above capacity a token takes a full step, which the closed form just below it can exceed.
    ends = {name: np.fmax(getattr(fast, name), getattr(slow, name)) for name in LATENCIES}
    return fast, slow._replace(**ends)


def capacity_rps(at: Size, fitted: Fitted, demand: Demand) -> Column:
    """Requests per second that a replica cannot exceed: 1 / (a + output x s / b), with as many sequences as fit."""
    held = _held(at, fitted, demand)
    full = _steps(at, fitted, demand, held)
    found: Column = 1.0 / (full.added + np.maximum(1.0, demand.output) * full.plain / held)
    return found


def _held(at: Size, fitted: Fitted, demand: Demand) -> Column:
    room = fits(at, fitted, Load(demand.prompt, demand.output, np.asarray(1.0)))
    return np.asarray(np.minimum(room, demand.sequences))


def _steps(at: Size, fitted: Fitted, demand: Demand, decoding: Column) -> _Steps:
    each = demand.prompt + demand.output / 2
    chunk = np.minimum(demand.prompt, demand.chunk)
    plain = step_s(at, fitted, batch(at, decoding, each))
    loaded = step_s(at, fitted, batch(at, decoding, each, chunk, chunk * reach(at, demand.prompt)))
    return _Steps(plain, (loaded - plain) * demand.prompt / np.maximum(chunk, 1.0))


def _raw(at: Size, fitted: Fitted, demand: Demand) -> Open:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        held = _held(at, fitted, demand)
        full = _steps(at, fitted, demand, held)
        rho = demand.rate * (full.added + np.maximum(1.0, demand.output) * full.plain / held)
        busy, steps, slope = _fixed_point(at, fitted, demand, held, full)
        prompts = _prompts(demand, steps)
        rho = np.maximum(rho, prompts.load)
        tpot = np.where(rho < 1, _token(demand, steps), full.plain)
        lasts = np.maximum(demand.output - 1, 0) * tpot
        wait, spread = _first(demand, steps, prompts, busy)
        place = np.where(rho < 1, _place(demand, busy / held, held, lasts), np.inf)
        ttft = np.where(rho < 1, fitted.request_s + wait + prompts.own + place, np.inf)
        others = _NINETY_FIVE * slope * np.sqrt(busy)
        longer = np.sqrt(_met(demand, steps, prompts, lasts) ** 2 + others**2)
    return Open(
        rho=rho, stable=np.asarray(rho <= KNEE_RHO), batch=busy, tpot_s=tpot, tpot_p95_s=tpot + longer, ttft_s=ttft,
        ttft_p95_s=ttft + spread, e2e_s=ttft + lasts,
    )  # fmt: skip


def _fixed_point(at: Size, fitted: Fitted, demand: Demand, held: Column, full: _Steps) -> tuple[Column, _Steps, Column]:
    """Sequences that decode on average, the steps at that number, and by how much one more lengthens them."""
    one = _steps(at, fitted, demand, np.ones_like(held))
    slope = np.where(held > 1, (full.plain - one.plain) / np.maximum(held - 1, 1), 0.0)
    share = demand.rate * demand.output
    left = np.maximum(1e-9, 1 - demand.rate * one.added - share * slope)
    first = np.clip(share * (one.plain - slope) / left, 0.0, held)
    second = np.clip(share * _token(demand, _steps(at, fitted, demand, np.maximum(first, 1.0))), 0.0, held)
    steps = _steps(at, fitted, demand, np.maximum(second, 1.0))
    third = np.clip(share * _token(demand, steps), 0.0, held)
    ratio = np.clip((third - second) / np.where(second == first, np.inf, second - first), -0.9, 0.9)
    busy = np.clip(second + (third - second) / (1 - ratio), 0.0, held)
    shift = np.maximum(busy, 1.0) - np.maximum(second, 1.0)
    return busy, _Steps(steps.plain + slope * shift, steps.added), slope


class _Prompts(NamedTuple):
    """Prompts as one queue: chunks of each, share of time it is busy, and seconds: of service, own steps, waiting."""

    chunks: Column
    load: Column
    service: Column
    own: Column
    queue: Column


def _prompts(demand: Demand, steps: _Steps) -> _Prompts:
    chunks = demand.prompt / demand.chunk
    service = chunks * steps.plain + steps.added
    load = np.minimum(demand.rate * service, 0.999)
    queue = load / (1 - load) * service * (demand.gap_cv2 + demand.prompt_cv2) / 2
    return _Prompts(chunks, load, service, np.maximum(1.0, chunks) * steps.plain + steps.added, queue)


def _token(demand: Demand, steps: _Steps) -> Column:
    """Mean seconds per token: what the prompts that came while one's own was read add, and those that come later."""
    prompts = _prompts(demand, steps)
    behind = prompts.own + prompts.queue * np.minimum(1.0, prompts.chunks)
    first = demand.rate * behind * steps.added / np.maximum(demand.output, 1.0)
    found: Column = (steps.plain + first) / np.maximum(1e-9, 1 - demand.rate * steps.added)
    return found


def _met(demand: Demand, steps: _Steps, prompts: _Prompts, lasts: Column) -> Column:
    """How much longer than the mean a token takes in an answer that met more prompts than 95 % did.

    The share of an answer's time in which prompts are read varies as that of a server's busy time over a window.
    """
    busy = np.minimum(demand.rate * prompts.own, 0.999)
    together = prompts.own * (1 + demand.prompt_cv2) / (1 - busy) ** 2 / np.maximum(lasts, 1e-9)
    most = np.minimum(1.0, busy + _NINETY_FIVE * np.sqrt(busy * (1 - busy) * np.minimum(1.0, together)))
    loaded = prompts.own / np.maximum(1.0, prompts.chunks)

    def token(share: Column) -> Column:
        return np.asarray(1.0 / ((1 - share) / steps.plain + share / loaded))

    return np.asarray(token(most) - token(busy))


def _first(demand: Demand, steps: _Steps, prompts: _Prompts, busy: Column) -> tuple[Column, Column]:
    """Of a first token: mean wait for the step and for other prompts, and the 95th percentile beyond the mean.

    Prompts shorter than a chunk share their step with those that come while the step before runs.
    """
    queue, load = prompts.queue, prompts.load
    plain_share = np.maximum(0.0, 1 - demand.rate * prompts.own) * -np.expm1(-busy)
    residual = plain_share * steps.plain / 2
    company = demand.rate * steps.plain * steps.added * np.maximum(0.0, 1 - prompts.chunks)
    tail = np.where(load > _ALONE, queue / load * np.log(np.maximum(load, _ALONE) / _ALONE), 0.0) - queue
    longer = (demand.prompt_p95 / np.maximum(demand.prompt, 1.0) - 1) * prompts.service
    step = (0.45 * plain_share * steps.plain) ** 2 + _NINETY_FIVE**2 * company * steps.added
    return residual + queue + company, np.sqrt(np.maximum(tail, 0.0) ** 2 + longer**2 + step)


def _place(demand: Demand, share: Column, held: Column, lasts: Column) -> Column:
    """Mean wait for one of `held` places, of which `share` are taken on average."""
    taken = np.minimum(share, 0.999)
    crowd = taken ** np.sqrt(2 * (held + 1)) / (held * (1 - taken))
    wait: Column = crowd * lasts * (demand.gap_cv2 + 1) / 2
    return wait


def _masked(found: Open) -> Open:
    latencies = {
        name: np.where(found.stable, getattr(found, name), np.nan)
        for name in ("tpot_s", "tpot_p95_s", "ttft_s", "ttft_p95_s", "e2e_s")
    }
    return found._replace(**latencies)
