"""A lever: one way to spend less (or get more) per useful prediction, what it is worth, and when it is not."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Figure, Noun

Judged = Literal["net value", "cost per useful prediction", "cost per prediction"]
"""What a verdict is about: profit where value and quality are known, else what is left to go by."""

LeverVerdict = Literal["pays", "loses money", "not sure", "changes nothing"]


class Side(Noun, frozen=True, kw_only=True):
    """One side of a lever. USD and seconds per prediction; quality is the share of predictions that are useful."""

    cost_usd: Figure
    cost_per_useful_usd: Figure
    latency_s: Figure
    quality: Figure


class Flip(Noun, frozen=True, kw_only=True):
    """The value of one input, the others as stated, beyond which the verdict turns.

    `pays` says on which side of `value` the lever pays; `stated` is the input as it was given.
    """

    input: str
    unit: str
    stated: float
    value: float
    pays: Literal["above", "below"]


class Found(Noun, frozen=True, kw_only=True):
    """A further figure of a lever: an optimum, a share, a month."""

    name: str
    figure: Figure


class Lever(Noun, frozen=True, kw_only=True):
    """What a lever is worth.

    `saving` is in USD per prediction, by what `judged` says; positive pays. `saving_share` is the saving over the
    baseline's cost per prediction (or per useful one). `surely` is the share of draws of the inputs' ranges in which it
    pays, None where no input has a range. `conditions` are what must hold for it; each is stated, not checked, unless
    a flip gives its limit.
    """

    name: str
    title: str
    verdict: LeverVerdict
    sentence: str
    judged: Judged
    baseline: Side
    changed: Side
    saving: Figure
    saving_share: Figure
    saving_usd_per_month: Figure
    surely: float | None = None
    conditions: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    found: tuple[Found, ...] = ()

    def figure(self, name: str) -> Figure:
        """The further figure of that name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one.figure for one in self.found}[name]


class Claim(Noun, frozen=True, kw_only=True):
    """A rule of thumb as a result: for which values of one input it holds, the others as stated.

    `holds_when` are stretches of `varied` within `searched`; `holds` says whether it does at the stated value.
    """

    name: str
    claim: str
    varied: str
    unit: str
    stated: float
    searched: tuple[float, float]
    holds_when: tuple[tuple[float, float], ...]
    holds: bool
    given: tuple[str, ...] = ()
    by: str = ""


class RouterWeights(Noun, frozen=True, kw_only=True):
    """A router as plain arrays by bucket, scored by `metric.routing_score`; score >= `threshold` goes to `strong`.

    `threshold` None: no threshold passed its test. `quantiles` are scores of the calibration sample, evenly spaced from
    the least to the greatest, by which a share of calls becomes a threshold.
    """

    strong: str
    weak: str
    threshold: float | None
    intercept: float
    idf: tuple[float, ...]
    weights: tuple[float, ...]
    quantiles: tuple[float, ...] = ()
    version: int = 1


class Tested(Noun, frozen=True, kw_only=True):
    """A threshold that passed a fixed sequence of tests: P(loss > `budget`) <= `level` over calibration samples.

    `threshold` None: not even the safest passed, everything goes to the strong model. `weak_share` and `loss` are those
    of the calibration sample; `bound` names the test.
    """

    threshold: float | None
    weak_share: float
    loss: float
    budget: float
    level: float
    n: int
    bound: Literal["exact", "betting", "empirical-bernstein", "clopper-pearson"]
