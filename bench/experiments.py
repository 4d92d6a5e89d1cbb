"""How often experiments and off-policy evaluations are wrong: thousands of simulated ones with a known truth.

    python bench/experiments.py [--runs 1000] [--json]

A/A and A/B tests on cost per useful prediction (lognormal costs, subjects with several predictions and their own rate
of use), looked at on 60 days; a sample-ratio check at every look; off-policy estimates from logs with exploration, in
the setting of two models (half of the traffic to the strong one, a quarter under the target) and of a ranking with
clicks. Everything goes through the functions that `breakeven lift` and `breakeven ope` call.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from breakeven.audit import normal
from breakeven.audit.lift import ratio_check, sequence
from breakeven.audit.lift.moments import Moments, difference, moments
from breakeven.audit.offpolicy.judge import evaluate
from breakeven.audit.offpolicy.log import Choices, Weighed

Floats = NDArray[np.float64]

ALPHA = 0.05
LOOKS, SUBJECTS = 60, 7_980
CHUNK = 25
Z = normal.quantile(1 - ALPHA / 2)


def subjects(random: np.random.Generator, shape: tuple[int, ...], lift: float = 0.0) -> tuple[Floats, Floats]:
    """What each subject cost and how many of its predictions were useful; `lift` is the relative gain in use."""
    rows = 1 + random.poisson(1.5, size=shape)
    ends = np.cumsum(rows.ravel())
    costs = random.lognormal(-6.0, 1.0, size=int(ends[-1]))
    cost = np.add.reduceat(costs, np.concatenate(([0], ends[:-1]))).reshape(shape)
    rate = np.minimum(random.beta(1.2, 2.8, size=shape) * (1 + lift), 1.0)
    return cost, random.binomial(rows, rate).astype(np.float64)


def running(cost: Floats, useful: Floats) -> Moments:
    """Moments at every look of many runs (`run, subject`), subjects arriving evenly over the looks."""
    by_look = (len(cost), LOOKS, -1)
    y, d = cost.reshape(by_look), useful.reshape(by_look)
    n = np.cumsum(np.full((1, LOOKS), y.shape[2], dtype=np.float64), axis=1)

    def mean(values: Floats) -> Floats:
        return values.sum(axis=2).cumsum(axis=1) / n

    my, md = mean(y), mean(d)
    whole = n / (n - 1)
    return Moments(
        n=n, y=my, d=md,
        yy=(mean(y * y) - my * my) * whole, yd=(mean(y * d) - my * md) * whole, dd=(mean(d * d) - md * md) * whole,
    )  # fmt: skip


def looks(random: np.random.Generator, runs: int, lift: float = 0.0) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Estimates, standard errors and subjects an arm of chunks of runs, at every look."""
    for first in range(0, runs, CHUNK):
        many = min(CHUNK, runs - first)
        arms = [running(*subjects(random, (many, SUBJECTS), gain)) for gain in (0.0, lift)]
        found = difference(*arms)
        yield found.estimate, found.se, sequence.per_arm(arms[0].n, arms[1].n)


def stopped(random: np.random.Generator, runs: int, lift: float = 0.0) -> dict[str, float]:
    """Share of runs in which something was shown: at any look, or at the last one only."""
    peeked = once = always = 0
    widths = []
    for estimate, se, m in looks(random, runs, lift):
        z, bound = np.abs(estimate / se), sequence.multiplier(m, ALPHA)
        peeked += int((z > Z).any(axis=1).sum())
        once += int((z[:, -1] > Z).sum())
        always += int((z > bound).any(axis=1).sum())
        widths.append(float(bound[0, -1]) / Z)
    return {"peeking": peeked / runs, "once": once / runs, "sequence": always / runs, "width": float(np.mean(widths))}


def returning(random: np.random.Generator, runs: int, people: int = 1_000) -> dict[str, float]:
    """A/A runs in which the same subjects come back every day: looks that are far from independent."""
    peeked = always = 0
    for first in range(0, runs, CHUNK):
        many = min(CHUNK, runs - first)
        shape = (2, many, people)
        rate, size = random.beta(1.2, 2.8, size=shape), random.lognormal(0, 0.5, size=shape)
        cost, useful = np.zeros(shape), np.zeros(shape)
        shown = np.zeros((2, many), dtype=bool)
        for _ in range(LOOKS):
            rows = random.poisson(0.3, size=shape)
            cost += rows * size * random.lognormal(-6.0, 0.8, size=shape)
            useful += random.binomial(rows, rate)
            arms = [across(cost[arm], useful[arm]) for arm in (0, 1)]
            found = difference(*arms)
            z = np.abs(found.estimate / found.se)
            shown |= np.array([z > Z, z > sequence.multiplier(sequence.per_arm(arms[0].n, arms[1].n), ALPHA)])
        peeked, always = peeked + int(shown[0].sum()), always + int(shown[1].sum())
    return {"peeking": peeked / runs, "sequence": always / runs}


def across(y: Floats, d: Floats) -> Moments:
    """Moments over the last axis."""
    n = np.asarray(float(y.shape[-1]))
    my, md = y.mean(axis=-1), d.mean(axis=-1)
    whole = n / (n - 1)
    yd = (y * d).mean(axis=-1) - my * md
    return Moments(n=n, y=my, d=md, yy=y.var(axis=-1) * whole, yd=yd * whole, dd=d.var(axis=-1) * whole)


def standard_errors(random: np.random.Generator, resamples: int = 400) -> dict[str, float]:
    """The standard error of cost per useful by the delta method, by resampling subjects, and without clusters."""
    cost, useful = subjects(random, (4_000,))
    one = moments(cost, useful)
    picks = random.integers(0, len(cost), size=(resamples, len(cost)))
    boot = cost[picks].sum(axis=1) / useful[picks].sum(axis=1)
    # The use rate of predictions as if each were alone, against subjects.
    rows = 1 + random.poisson(1.5, size=4_000)
    used = random.binomial(rows, random.beta(0.6, 1.4, size=4_000)).astype(np.float64)
    share = used.sum() / rows.sum()
    clustered = moments(used, rows.astype(np.float64))
    return {
        "delta": float(np.sqrt(one.variance / one.n)),
        "bootstrap": float(boot.std(ddof=1)),
        "use_rate_clustered": float(np.sqrt(clustered.variance / clustered.n)),
        "use_rate_ignoring_clusters": float(np.sqrt(share * (1 - share) / rows.sum())),
    }


def ratio_alarms(random: np.random.Generator, runs: int, share: float) -> float:
    """Share of runs in which the sample-ratio check blocks at any of the looks."""
    alarms = 0
    for _ in range(runs):
        treated = np.cumsum(random.binomial(2 * SUBJECTS // LOOKS, share, size=LOOKS))
        total = np.arange(1, LOOKS + 1) * (2 * SUBJECTS // LOOKS)
        pairs = zip(total.tolist(), treated.tolist(), strict=True)
        alarms += any(ratio_check.p_always(n - one, one, 0.5) < ratio_check.LIMIT for n, one in pairs)
    return alarms / runs


def two_models(random: np.random.Generator, n: int, explore: float) -> tuple[Weighed, float]:
    """A router's log: 20 strata by difficulty, half of them to the strong model; the target sends a quarter."""
    stratum = random.integers(0, 20, size=n)
    hard = np.arange(20) / 19
    quality = np.column_stack([0.85 - 0.35 * hard, 0.90 - 0.15 * hard])
    strong, wanted = np.arange(20) >= 10, np.arange(20) >= 15
    logged = (1 - explore) * np.column_stack([~strong, strong]) + explore / 2
    target = np.column_stack([~wanted, wanted]).astype(np.float64)
    action = (random.random(n) < logged[stratum, 1]).astype(np.intp)
    reward = (random.random(n) < quality[stratum, action]).astype(np.float64)
    log = Choices(stratum=stratum, action=action, propensity=logged[stratum, action], reward=reward)
    return Weighed(log=log, target=target), float((target * quality).sum(axis=1).mean())


def ranking(random: np.random.Generator, n: int) -> tuple[Weighed, float]:
    """A uniformly random log of 30 items at three places, clicked in some 5 %; the target prefers some of them."""
    quality = 0.1 * random.beta(2, 2, size=(3, 30))
    target = random.dirichlet(np.full(30, 0.5), size=3)
    stratum, action = random.integers(0, 3, size=n), random.integers(0, 30, size=n)
    reward = (random.random(n) < quality[stratum, action]).astype(np.float64)
    log = Choices(stratum=stratum, action=action, propensity=np.full(n, 1 / 30), reward=reward)
    return Weighed(log=log, target=target), float((target * quality).sum(axis=1).mean())


def coverage(random: np.random.Generator, runs: int, draw: object) -> dict[str, float]:
    """How often each 95 % interval holds the truth where the gate passes, and how often it does not pass."""
    inside = dict.fromkeys(("ips", "snips", "dr"), 0)
    errors, passed = [], 0
    for _ in range(runs):
        seen, truth = draw(random)  # type: ignore[operator]
        found = evaluate(seen)
        if found.dr is None:
            continue
        passed += 1
        errors.append(found.dr - truth)
        for name in inside:
            inside[name] += found.estimates[name].low <= truth <= found.estimates[name].high
    shares = {name: count / passed if passed else None for name, count in inside.items()}
    rmse = float(np.sqrt(np.mean(np.square(errors)))) if errors else None
    return {**shares, "rmse_dr": rmse, "refused": 1 - passed / runs}  # type: ignore[dict-item]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    random, runs = np.random.default_rng(given.seed), given.runs
    same, better = stopped(random, runs), stopped(random, max(100, runs // 4), lift=0.1)
    found = {
        "runs": runs,
        "looks": LOOKS,
        "false_positives": {"peeking": same["peeking"], "once": same["once"], "sequence": same["sequence"]},
        "false_positives_returning": returning(random, runs),
        "power_10_percent": better["sequence"],
        "width_ratio": same["width"],
        "standard_errors": standard_errors(random),
        "sample_ratio": {
            "false_alarms": ratio_alarms(random, runs, 0.5),
            "found_at_52_percent": ratio_alarms(random, max(100, runs // 4), 0.52),
        },
        "coverage": {
            "two_models_explore_10_percent": coverage(random, runs, lambda draw: two_models(draw, 5_000, 0.1)),
            "two_models_explore_20_percent": coverage(random, runs, lambda draw: two_models(draw, 5_000, 0.2)),
            "two_models_explore_2_percent": coverage(random, runs, lambda draw: two_models(draw, 5_000, 0.02)),
            "two_models_just_above_the_gate": coverage(random, runs, lambda draw: two_models(draw, 5_000, 0.023)),
            "ranking_5_percent_clicks": coverage(random, runs, lambda draw: ranking(draw, 10_000)),
        },
    }
    print(json.dumps(found, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
