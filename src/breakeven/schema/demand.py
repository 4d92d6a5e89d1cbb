"""The profile of demand: what a trace, a series of counts or three numbers say of the requests to come."""

from __future__ import annotations

from breakeven.schema.noun import Basis, Noun
from breakeven.schema.workload import Shape


class Series(Noun, frozen=True, kw_only=True):
    """Counts per window of `step_s` seconds, little-endian float64; NaN where nothing was collected (not zero demand).

    `start_s` is the first window's second on a clock whose day begins at a multiple of 86,400; None where the source
    does not say what time it was. `within_idc` is variance / mean of the requests inside a window as the source states
    it; None where it does not.
    """

    name: str
    step_s: float
    counts: bytes
    start_s: float | None = None
    within_idc: float | None = None
    source: str = ""


class Lengths(Noun, frozen=True, kw_only=True):
    """Tokens of a request: mean, percentiles and the most seen."""

    mean: float
    p50: float
    p95: float
    p99: float
    most: float


class Mix(Noun, frozen=True, kw_only=True):
    """The joint law of a request's lengths.

    `pairs` are (input, output, seen) tokens of at most 512 requests that stand for all, each as likely: `seen` are the
    leading tokens of the prompt whose blocks came before. `correlation` is Spearman's, of input and output; None where
    the source has only the two laws apart, or one of them is constant.
    """

    input: Lengths
    output: Lengths
    correlation: float | None
    pairs: tuple[tuple[float, float, float], ...]


class Split(Noun, frozen=True, kw_only=True):
    """How the requests of a window of `window_s` fall on its `parts` equal parts.

    Dirichlet-multinomial of this total concentration: the smaller, the more they clump; None as independent requests.
    """

    window_s: float
    parts: int
    concentration: float | None


class Change(Noun, frozen=True, kw_only=True):
    """A lasting change of the rate, seconds from the start."""

    at_s: float
    before_rps: float
    after_rps: float


class Stretch(Noun, frozen=True, kw_only=True):
    """A stretch of time, seconds from the start."""

    start_s: float
    end_s: float


class Callers(Noun, frozen=True, kw_only=True):
    """Who asked: distinct subjects and sessions, requests of a session, and the share of the busiest subject."""

    subjects: int
    sessions: int
    session_requests_mean: float
    session_requests_p95: float
    busiest_share: float


class Targets(Noun, frozen=True, kw_only=True):
    """What an answer must keep, seconds; None where nothing is asked."""

    ttft_s: float | None = None
    tpot_s: float | None = None
    e2e_s: float | None = None


class Profile(Noun, frozen=True, kw_only=True):
    """Demand as far as it is known: enough to state it, to draw it again, and to foresee it.

    Rates are requests per second: mean over the span without what is missing, 95th percentile and maximum over windows
    of `window_s`. `dispersion` holds (window_s, variance / mean of counts; Poisson 1), `autocorrelation` (lag_s, of
    counts). `counts` are requests per `step_s`, None where missing; `splits` say how they lie inside. `daily` are 24
    and `weekly` 7 factors of mean 1 (medians; from the start where the clock is unknown); empty where the span does not
    show them. `tiers` are shares. `n` is 0 and the basis assumed where nobody measured it.
    """

    name: str
    shape: Shape
    rate_mean_rps: float
    rate_p95_rps: float
    rate_max_rps: float
    window_s: float
    step_s: float
    counts: tuple[float | None, ...]
    n: int = 0
    span_s: float = 0.0
    start_s: float | None = None
    splits: tuple[Split, ...] = ()
    dispersion: tuple[tuple[float, float], ...] = ()
    autocorrelation: tuple[tuple[float, float], ...] = ()
    gap_variation: float | None = None
    daily: tuple[float, ...] = ()
    weekly: tuple[float, ...] = ()
    changes: tuple[Change, ...] = ()
    missing: tuple[Stretch, ...] = ()
    quirks: tuple[str, ...] = ()
    mix: Mix | None = None
    prefix_share: float | None = None
    block_tokens: int = 0
    callers: Callers | None = None
    tiers: tuple[tuple[str, float], ...] = ()
    targets: Targets = Targets()
    evidence: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""
    basis: Basis = "measured"


class Foreseen(Noun, frozen=True, kw_only=True):
    """Demand to come: for each quantile level the requests per second of consecutive windows of `step_s`.

    `start_s` is where the first begins, seconds from the start of the history. `coverage` holds (level, share of past
    windows that stayed under that quantile when it had been foreseen before them), over `tested` window and lead pairs;
    empty where the history is too short to try.
    """

    step_s: float
    start_s: float
    quantiles: tuple[tuple[float, tuple[float, ...]], ...]
    method: str
    coverage: tuple[tuple[float, float], ...] = ()
    tested: int = 0
    warnings: tuple[str, ...] = ()

    def at(self, level: float) -> tuple[float, ...]:
        """The path of one of the levels.

        Raises:
            KeyError: it was not asked for.
        """
        return dict(self.quantiles)[level]
