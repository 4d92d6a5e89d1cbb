"""More inference for a better answer: several samples and a verifier, or tokens of thought; where to stop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from breakeven.config.lever.quality import Reasoning, Samples
from breakeven.config.lever.span import Amount, Span
from breakeven.errors import EvidenceError
from breakeven.planner.levers.judge import About, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.schema.lever import Lever

MOST_SAMPLES = 1 << 20
MTOK = 1e6
FLATTEST, STEEPEST, STEPS, ROUNDS = 0.02, 4.0, 40, 5

SAMPLES = About(
    name="samples",
    title="Best of several samples",
    how="worth of a solved prediction x extra coverage - extra samples x their cost",
    conditions=(
        "the verifier always finds a right sample where there is one; without such a verifier coverage is not solved",
        "the chance of one sample is spread over prompts as Beta(a, b), which published curves fit",
        "samples of one prompt are independent",
    ),
    unswept=("predictions_per_month", "loss_usd"),
)
REASONING = About(
    name="reasoning",
    title="Tokens of thought",
    how="worth x (share useful at the stop - now) - price x (tokens at the stop - now)",
    conditions=(
        "the share useful follows q - A T^-b between the measured points; beyond them it is a guess",
        "tokens are billed one by one, or their time is taken by other work",
    ),
    basis="fitted",
    unswept=("predictions_per_month", "loss_usd"),
)


_log_gamma = np.vectorize(math.lgamma, otypes=[float])


def coverage(a: Floats, b: Floats, samples: Floats) -> Floats:
    """Share of prompts that at least one of k samples solves: 1 - B(a, b + k) / B(a, b), difficulty ~ Beta(a, b)."""
    log = _log_gamma(b + samples) + _log_gamma(a + b) - _log_gamma(a + b + samples) - _log_gamma(b)
    return np.asarray(-np.expm1(log))


def best_samples(a: Floats, b: Floats, cost: Floats, worth: Floats) -> Floats:
    """The number k* up to which one more sample is worth its cost; at least 1.

    The k-th sample adds (1 - coverage(k - 1)) a / (a + b + k - 1), which falls with k: bisection finds the last one
    that brings as much as it costs.
    """
    shape = np.broadcast_shapes(*(one.shape for one in (a, b, cost, worth)))
    low, high = np.ones(shape), np.full(shape, float(MOST_SAMPLES))
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        pays = worth * (1 - coverage(a, b, middle - 1)) * a / (a + b + middle - 1) >= cost
        wide = high - low > 1
        low, high = np.where(wide & pays, middle, low), np.where(wide & ~pays, middle, high)
    return low


def samples(question: Samples, stakes: Stakes) -> Lever:
    """One sample against k of them, k stated or the best: marginal coverage x worth = cost of a sample."""
    spans = spans_of(question)
    worth, fixed = spans.pop("solved_usd"), question.samples

    def effect(v: Values) -> Effect:
        return samples_effect(v, fixed)

    return judge(SAMPLES, spans, replace(stakes, value_usd=worth, loss_usd=Amount(value=0.0, basis="derived")), effect)


def samples_effect(v: Values, fixed: int | None) -> Effect:
    """Cost k c, share solved coverage(k)."""
    a, b, cost = v["difficulty_a"], v["difficulty_b"], v["sample_usd"]
    best = best_samples(a, b, cost, v["value_usd"])
    count = best if fixed is None else np.asarray(float(fixed))
    solved, first = coverage(a, b, count), coverage(a, b, np.ones(()))
    return Effect(
        cost=(cost, cost * count),
        latency=(v.get("sample_s"), v.get("sample_s")),
        quality=(first, solved),
        extra=lambda: {
            "samples": Extra(count, "samples", "drawn"),
            "best_samples": Extra(best, "samples", "the last that brings as much as it costs"),
            "usd_per_solved": Extra(count * cost / solved, "USD", "k c / coverage(k)"),
        },
    )


class Curve(NamedTuple):
    """The share useful after T tokens of thought: q - A T^-b."""

    ceiling: float
    gap: float
    power: float

    def at(self, tokens: Floats) -> Floats:
        """The share useful."""
        return np.asarray(self.ceiling - self.gap * tokens**-self.power)

    def stop(self, worth: Floats, price: Floats) -> Floats:
        """The tokens at which the next one brings its price: worth x A b T^-(b+1) = price; 0 where none ever does."""
        gap = max(self.gap, 0.0)
        return np.asarray((worth * gap * self.power / price) ** (1 / (self.power + 1)))


def fit(points: Sequence[tuple[float, float]]) -> Curve:
    """Least squares: q and A are linear once b is known, b is searched on a finer and finer grid.

    Raises:
        EvidenceError: there are fewer than four different numbers of tokens, or one is not positive.
    """
    tokens = np.array([point[0] for point in points])
    shares = np.array([point[1] for point in points])
    if len(set(tokens.tolist())) < 4 or tokens.min() <= 0:  # noqa: PLR2004 - three parameters, and one to check
        message = f"a curve of thought needs four different numbers of tokens above 0, got {sorted(set(tokens))}"
        raise EvidenceError(message, "measure the share useful at four budgets of tokens or more")
    low, high = FLATTEST, STEEPEST
    for _ in range(ROUNDS):
        powers = np.geomspace(low, high, STEPS)
        errors = [_linear(tokens, shares, power)[1] for power in powers]
        best = int(np.argmin(errors))
        low, high = powers[max(0, best - 1)], powers[min(STEPS - 1, best + 1)]
    (ceiling, gap), _ = _linear(tokens, shares, float(powers[best]))
    return Curve(ceiling=ceiling, gap=gap, power=float(powers[best]))


def _linear(tokens: Floats, shares: Floats, power: float) -> tuple[tuple[float, float], float]:
    x = np.stack([np.ones_like(tokens), -(tokens**-power)], axis=1)
    found, *_ = np.linalg.lstsq(x, shares, rcond=None)
    return (float(found[0]), float(found[1])), float(((x @ found - shares) ** 2).sum())


def reasoning(question: Reasoning, stakes: Stakes) -> Lever:
    """The budget at which worth x dq/dT = price, against the tokens spent now.

    Raises:
        EvidenceError: see `fit`.
    """
    curve = fit(question.points)
    spans = spans_of(question)
    worth = spans.pop("useful_usd")
    without = _without_one(question.points)

    def effect(v: Values) -> Effect:
        return reasoning_effect(v, curve, without)

    return judge(REASONING, spans, replace(stakes, value_usd=worth, loss_usd=Span(value=0.0, basis="derived")), effect)


def _without_one(points: Sequence[tuple[float, float]]) -> tuple[Curve, ...]:
    """The curve with each point left out, where enough are left."""
    left = ([*points[:at], *points[at + 1 :]] for at in range(len(points)))
    return tuple(fit(some) for some in left if len({tokens for tokens, _ in some}) >= 4)  # noqa: PLR2004 - see `fit`


def reasoning_effect(v: Values, curve: Curve, without: Sequence[Curve] = ()) -> Effect:
    """Both sides on the fitted curve."""
    price = v["usd_per_mtok"] / MTOK
    now, stop = v["tokens"], curve.stop(v["value_usd"], price)
    stop = np.maximum(stop, 1.0)
    seconds = v.get("s_per_token")
    extra = {
        "stop_tokens": Extra(stop, "tokens", "worth x A b T^-(b+1) = price of a token"),
        "ceiling_share": Extra(np.asarray(curve.ceiling), "share", "q of q - A T^-b"),
        "gap": Extra(np.asarray(curve.gap), "ratio", "A"),
        "power": Extra(np.asarray(curve.power), "ratio", "b"),
    }
    if without:
        stops = np.stack([np.broadcast_to(one.stop(v["value_usd"], price), stop.shape) for one in without])
        extra["stop_tokens_least"] = Extra(stops.min(0), "tokens", "with one point left out")
        extra["stop_tokens_most"] = Extra(stops.max(0), "tokens", "with one point left out")
    return Effect(
        cost=(now * price, stop * price),
        latency=(None, None) if seconds is None else (now * seconds, stop * seconds),
        quality=(curve.at(now), curve.at(stop)),
        extra=lambda: extra,
    )
