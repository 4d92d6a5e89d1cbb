"""What became of the requests that a drill touched, and whether the failure policy held."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.policy import Drill

DrillVerdict = Literal["held", "broken", "not_enough_evidence"]
PromiseName = Literal["in_time", "recorded", "chain", "amplification"]


class Ending(Noun, frozen=True, kw_only=True):
    """How requests ended: `answered by NAME`, `cached`, a step of the failure chain, `refused`, `failed`, ..."""

    how: str
    requests: int


class CaseDrilled(Noun, frozen=True, kw_only=True):
    """The touched requests of one use case. `overrun_s` is the worst beyond a request's budget, 0 where none was.

    `budget_s` is the smallest of their budgets; None where no request had one.
    """

    use_case: str
    requests: int
    in_budget: int
    p50_s: float
    p99_s: float
    budget_s: float | None = None
    overrun_s: float | None = None


class Kept(Noun, frozen=True, kw_only=True):
    """One promise: whether it was kept (None: nothing could be judged), and the figures that say so.

    `breaches` are the first few requests that broke it.
    """

    promise: PromiseName
    kept: bool | None
    said: str
    breaches: tuple[str, ...] = ()


class Drilled(Noun, frozen=True, kw_only=True):
    """The report of one drill.

    `touched` requests met the fault; `beside` are the others of their use cases in its time, which a breaker may have
    kept away from it. `tries` were made at deployments for the touched ones, `amplification` is first tries and
    retries per first try over all of them, touched and beside; hedges and steps of the failure chain are counted apart.
    `sent` were sent by the drill itself, `answers` of them came back. `cost_pico_usd` sums the priced touched requests.
    `interrupted` by whoever began it, before its end.
    """

    drill: Drill
    ended_s: float
    verdict: DrillVerdict
    why: str
    touched: int = 0
    beside: int = 0
    beside_in_budget: int = 0
    in_budget: int = 0
    endings: tuple[Ending, ...] = ()
    cases: tuple[CaseDrilled, ...] = ()
    tries: int = 0
    retries: int = 0
    hedges: int = 0
    fallbacks: int = 0
    amplification: float | None = None
    cost_pico_usd: int = 0
    unpriced: int = 0
    sent: int = 0
    answers: int = 0
    interrupted: bool = False
    promises: tuple[Kept, ...] = ()
    notes: tuple[str, ...] = ()
    version: int = 1
