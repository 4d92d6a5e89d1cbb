"""What a storage engine must answer: eight named questions, with additive integer answers wherever that is possible.

The memory engine is the definition; every other one equals it on generated records (integers exactly, percentiles to
1e-9). Sums of what is not an integer are taken in fixed units, so that the order of rows never shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.noun import Basis, Noun
from breakeven.schema.policy import Touch, UsedWhen
from breakeven.schema.statement import Latency

DIMENSIONS = ("use_case", "tenant", "model", "day", "deployment", "arm")
"""What a statement is cut by. A day is UTC, of a prediction's own time."""

Fate = Literal[
    "unobserved",
    "not_served",
    "late",
    "not_measurable",
    "unidentified",
    "not_used",
    "used",
    "converted",
]
"""What became of a prediction: the first of these that holds. `used` and `converted` are the useful ones.

Unobserved comes first: a replay that cannot know what the user would have done says nothing about lateness either, and
leaves numerator and denominator of the cost per useful prediction alike.
"""

BASES: tuple[Basis, ...] = ("measured", "fitted", "derived", "assumed", "unknown")
"""From strongest to weakest; a sum has the weakest of its parts."""

DEFAULT_WINDOW_S = 1800.0
"""The attribution window of a use case that the policy does not know."""

NO_HOUR = -1
"""The hour of rows that took no work of metered capacity."""

NANO = 10**9
MICRO = 10**6
ATTO_KWH = 10**15


class Measure(Noun, frozen=True, kw_only=True):
    """How one use case tells that a prediction was used, and for how long a subject's outcome may follow it.

    `touch`: of several predictions of the subject within the window, the first or the last gets the outcome.
    """

    use_case: str
    used_when: UsedWhen
    window_s: float
    touch: Touch = "last"


class Query(Noun, frozen=True, kw_only=True):
    """Which predictions are asked about: `start_s` <= time < `end_s` (Unix seconds); None is no bound or filter.

    Attribution always sees every prediction: a filter never moves an outcome to another one.
    """

    measures: tuple[Measure, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    policy_id: str | None = None
    plan_id: str | None = None
    use_case: str | None = None
    deployment: str | None = None

    @property
    def window_s(self) -> float:
        """The longest attribution window in seconds."""
        return max((measure.window_s for measure in self.measures), default=0.0) or DEFAULT_WINDOW_S


class Cell(Noun, frozen=True, kw_only=True):
    """Sums over the predictions that share dimensions, fate and, where work was taken, deployment and UTC hour.

    `cost_pico_usd` counts priced rows; `work_pico_usd` is the part of it that is a share of metered capacity, by work.
    `basis` is the weakest index in `BASES` among rows that cost something. `revenue_micro` is in millionths,
    `energy_atto_kwh` in 1e-15 kWh.
    """

    deployment: str
    hour: int
    day: int
    use_case: str
    tenant: str
    model: str
    arm: str
    fate: Fate
    measurable: bool
    predictions: int = 0
    answered: int = 0
    cached: int = 0
    fallback: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    in_budget: int = 0
    used: int = 0
    unpriced: int = 0
    cost_pico_usd: int = 0
    work_pico_usd: int = 0
    basis: int = 0
    revenue_micro: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    emulated: int = 0
    energy_rows: int = 0
    energy_atto_kwh: int = 0
    energy_basis: int = 0
    first_s: float = 0.0
    last_s: float = 0.0


class Useful(Noun, frozen=True, kw_only=True):
    """The core question: what the predictions of one use case and UTC day cost, and how many of them were useful.

    `cost_pico_usd` and `unpriced` are of the observed ones, so that cost over `useful` leaves the unobserved out of
    both; idle capacity is not in it. `useful` is None where the use case does not say what use is.
    """

    use_case: str
    day: int
    predictions: int
    observed: int
    unpriced: int
    cost_pico_usd: int
    useful: int | None


class Standby(Noun, frozen=True, kw_only=True):
    """Capacity of one deployment in one UTC hour: what it cost and for how many nanoseconds it was up."""

    deployment: str
    hour: int
    model: str
    cost_pico_usd: int
    up_ns: int
    basis: int


Metric = Literal["ttft_s", "tpot_s", "total_s"]
METRICS: tuple[Metric, ...] = ("ttft_s", "tpot_s", "total_s")
"""The latencies of a statement."""


class Spread(Noun, frozen=True, kw_only=True):
    """Percentiles of one metric over the delivered predictions of one group; dimension "" is everything."""

    dimension: str
    key: str
    metric: Metric
    latency: Latency


class Audit(Noun, frozen=True, kw_only=True):
    """What the records say about themselves. `lost`: sequence numbers that no record carries, in the whole ledger.

    Events are those of the query's period; `unattributed` found no prediction, `denied` were not used for lack of
    consent, `foreign` carry money that is not in USD and is not summed.
    """

    kinds: tuple[tuple[str, int], ...] = ()
    unattributed: int = 0
    denied: int = 0
    foreign: int = 0
    lost: int = 0
    policies: tuple[str, ...] = ()


class Columns(Noun, frozen=True, kw_only=True):
    """Arrivals of one use case as little-endian float64 columns; arrivals in seconds from the first, ascending."""

    arrival_s: bytes = b""
    input_tokens: bytes = b""
    output_tokens: bytes = b""


class Samples(Noun, frozen=True, kw_only=True):
    """Ascending latencies in seconds of delivered predictions; above `SAMPLE_LIMIT` evenly spaced ranks of them."""

    ttft_s: tuple[float, ...] = ()
    tpot_s: tuple[float, ...] = ()
    total_s: tuple[float, ...] = ()


SAMPLE_LIMIT = 20_000

LONGEST_S = 3600.0
"""A request counts as in flight for no longer."""


class Slice(Noun, frozen=True, kw_only=True):
    """What one deployment did in one slice of time, number floor(Unix time / width); only slices with anything in it.

    `busy_ns` is the time of its requests within the slice, whatever became of them: over the slice's width it is the
    mean number in flight. All else is of the requests that ended in it, one for each, however many predictions it
    made. `finished` were answered at the first attempt, `emulated` of them by an emulator; the sums are over them.
    `model_low`, `model_high` are the first and last model asked for, by name.
    """

    deployment: str
    slice: int
    busy_ns: int = 0
    finished: int = 0
    emulated: int = 0
    cached: int = 0
    cancelled: int = 0
    failed: int = 0
    fallback: int = 0
    refused: int = 0
    retried: int = 0
    ttft_n: int = 0
    ttft_ns: int = 0
    tpot_n: int = 0
    tpot_ns: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    model_low: str = ""
    model_high: str = ""


class Loaded(Noun, frozen=True, kw_only=True):
    """What one target said of a deployment in one UTC hour, in sums; of an interval, the hour in which it began.

    `seen_ns` is the time observed, `busy_ns` the part of `known_ns` (where busy was told) in which it worked;
    `energy_rows` intervals told their energy. Tokens are the engine's own counts.
    """

    deployment: str
    hour: int
    source: str
    target: str
    intervals: int = 0
    seen_ns: int = 0
    known_ns: int = 0
    busy_ns: int = 0
    running_ns: int = 0
    finished: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    energy_rows: int = 0
    energy_atto_kwh: int = 0


class Engine(Protocol):
    """Answers over one snapshot of a ledger. Answers are sorted; the same records give the same bytes."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong with the files."""

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""

    def useful(self, query: Query) -> tuple[Useful, ...]:
        """What useful predictions cost, by use case and day: the cheapest of the questions about money."""

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""

    def samples(self, query: Query) -> Samples:
        """Latencies, for intervals that percentiles alone do not give."""

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of so many seconds, at least one; without times no calendar reaches."""

    def loads(self, query: Query) -> tuple[Loaded, ...]:
        """What engines and accelerators said of themselves; only the query's period counts."""


def reach(query: Query) -> tuple[float, float]:
    """The times that a question's predictions and their rivals for an outcome can have, in Unix seconds."""
    low_s = float("-inf") if query.start_s is None else query.start_s - query.window_s
    high_s = float("inf") if query.end_s is None else query.end_s + query.window_s
    return low_s, high_s


Opener = Callable[[Snapshot], Engine]
