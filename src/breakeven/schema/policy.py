"""The compiled policy: everything a gateway worker needs, as data, and nothing else."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from breakeven.schema.noun import Basis, Noun, Placement, Tier
from breakeven.schema.routing import Router
from breakeven.schema.tracking import TrackingPlan

BackendKind = Literal["openai", "oip", "onnx"]
FallbackStep = str
"""A step of a failure chain: `deployment:NAME`, or one of FALLBACKS."""
FALLBACKS: tuple[str, ...] = ("cached", "segment", "rules", "default", "error")
TO = "deployment:"
"""What a step begins with that tries another deployment."""
Period = Literal["hour", "day", "month", "total"]
Fault = Literal["slow", "fail", "garble", "absent"]
TrackingGap = Literal["serve", "approximate", "suppress"]
UsedWhen = Literal["exposure", "delivered", "outcome", "unmeasured"]
Touch = Literal["first", "last"]


class Backend(Noun, frozen=True, kw_only=True):
    """Where a wire protocol is spoken. `api_key_env` names a variable; empty passes the client's Authorization on.

    `deadline_header` tells the backend the milliseconds left ("" tells nothing). `stall_s`: with requests waiting and
    no byte from it for so long, its deployments count as frozen. `max_batch`, `max_delay_s`, `threads` are for models
    in this process.
    """

    name: str
    kind: BackendKind
    base_url: str = ""
    api_key_env: str = ""
    model_path: str = ""
    timeout_s: float = 60.0
    max_batch: int = 32
    max_delay_s: float = 0.002
    threads: int = 2
    deadline_header: str = "x-breakeven-deadline-ms"
    stall_s: float = 10.0


class TokenTier(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Compiled prices of a request whose input is longer than `above_input_tokens`, each complete."""

    above_input_tokens: int
    input_pico_usd: int | None = None
    cached_input_pico_usd: int | None = None
    cache_write_pico_usd: int | None = None
    output_pico_usd: int | None = None


class TokenPrice(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Compiled price in pico-USD per token; None is unpriced. `price_id` is the catalog entry.

    `tiers` ascend by input length; the last that the input exceeds prices the whole request.
    """

    price_id: str
    input_pico_usd: int | None = None
    cached_input_pico_usd: int | None = None
    cache_write_pico_usd: int | None = None
    output_pico_usd: int | None = None
    request_pico_usd: int | None = None
    tiers: tuple[TokenTier, ...] = ()


class CapacityPrice(Noun, frozen=True, kw_only=True):
    """Owned or reserved capacity, charged for the seconds it is up, shared by work."""

    price_id: str
    replicas: int
    pico_usd_per_replica_s: int
    basis: Basis = "derived"
    power_idle_w: float | None = None
    power_busy_w: float | None = None


class WorkCurve(Noun, frozen=True, kw_only=True):
    """Coefficients that turn a request into replica-seconds of work: prefill seconds per token, and TPOT by batch.

    `tpot_s` holds (sequences in flight, seconds per output token) points, ascending; between them it is linear.
    `row_s` is the time per scored row of a classic model, `request_s` per request.
    """

    prefill_s_per_token: float = 0.0
    tpot_s: tuple[tuple[float, float], ...] = ()
    row_s: float = 0.0
    request_s: float = 0.0


class PolicyDeployment(Noun, frozen=True, kw_only=True):
    """One target a route may choose. `model` is what is asked of the backend ("" keeps the client's).

    `quality` is the operator's score, on the scale of the use cases' floors. `max_in_flight` bounds what one worker has
    in flight here; 0 leaves it to the measured limit.
    """

    name: str
    backend: str
    model: str = ""
    placement: Placement = "unknown"
    tokens: TokenPrice | None = None
    capacity: CapacityPrice | None = None
    work: WorkCurve | None = None
    emulated: bool = False
    grid_gco2_per_kwh: float | None = None
    region: str = ""
    quality: float | None = None
    max_in_flight: int = 0


class RouteTarget(Noun, frozen=True, kw_only=True):
    """A deployment and its weight in a weighted route; `arm` is the experiment arm it stands for."""

    deployment: str
    weight: float = 1.0
    arm: str = ""


class Route(Noun, frozen=True, kw_only=True):
    """How a use case chooses among targets.

    The targets' weights choose the arm (with `sticky` a subject keeps its arm), the strategy a target within it.
    `explore` is the share of requests that go to a uniformly random target, for what can be learned from it. `router`
    is what the strategy `learned` obeys; left out elsewhere, so that policies without one keep their ids.
    """

    strategy: str
    targets: tuple[RouteTarget, ...]
    sticky: bool = True
    explore: float = 0.0
    router: Router | UnsetType = UNSET


class Retry(Noun, frozen=True, kw_only=True):
    """Second tries. `ratio`: retries allowed per request sent, over time; `attempts` bounds those of one request."""

    ratio: float = 0.1
    attempts: int = 2
    backoff_s: float = 0.025


class Hedge(Noun, frozen=True, kw_only=True):
    """A second try beside a slow first, in tiers that allow it; the first to answer wins.

    It goes out past this `quantile` of the deployment's time to its first byte (or `after_s`), for at most `ratio` of
    the requests sent.
    """

    quantile: float = 0.95
    ratio: float = 0.02
    after_s: float | None = None


class Breaker(Noun, frozen=True, kw_only=True):
    """When a deployment is left alone: `failures` (a share) of at least `least` tries in `window_s`.

    Then one probe is let through every `probe_s`.
    """

    failures: float = 0.5
    least: int = 5
    window_s: float = 10.0
    probe_s: float = 1.0


class Rule(Noun, frozen=True, kw_only=True):
    """An answer where all of `when` hold: region, device_class, channel, or a label by name. Empty always holds."""

    answer: str
    when: dict[str, str] = {}


class Segments(Noun, frozen=True, kw_only=True):
    """Answers prepared for each value of `by`: region, device_class, channel, or a label by name."""

    by: str
    answers: dict[str, str]


class Decision(Noun, frozen=True, kw_only=True):
    """How candidates become a tensor and scores become a choice, for `/v1/decisions/{use_case}`.

    Each row holds the request's `features` by name, then the candidate's `candidate_features`. `input` and `output`
    name the model's tensors; `column` is the score's place in a row of the output. `explore` is the share of requests
    that get a uniformly random candidate.
    """

    features: tuple[str, ...] = ()
    candidate_features: tuple[str, ...] = ()
    input: str = "input"
    output: str = ""
    column: int = -1
    datatype: Literal["FP32", "FP64"] = "FP32"
    explore: float = 0.0


class UseCase(Noun, frozen=True, kw_only=True):
    """What the gateway must keep for one use case. `stages` are the slots of the latency budget in seconds.

    `client_stages` are those of them that happen outside (event capture, render) and are told through `/events`; the
    gateway ends early by the slots of those that follow it. `personal_data` forbids caching. `max_output_tokens` is
    what a request that states no limit may generate; 0 leaves it to the model.
    """

    name: str
    route: Route
    tier: Tier = "important"
    budget_s: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    stages: dict[str, float] = {}
    client_stages: tuple[str, ...] = ()
    used_when: UsedWhen = "unmeasured"
    window_s: float = 1800.0
    failure: tuple[FallbackStep, ...] = ("error",)
    default_body: str = ""
    segments: Segments | None = None
    rules: tuple[Rule, ...] = ()
    retry: Retry | None = None
    hedge: Hedge | None = None
    ack_durable: bool = False
    cache_ttl_s: float = 0.0
    personal_data: bool = False
    store_prompts: bool = False
    models: tuple[str, ...] = ()
    value_per_outcome_usd: float | None = None
    quality_floor: float | None = None
    data_locality: tuple[str, ...] = ()
    on_tracking_incomplete: TrackingGap = "serve"
    max_output_tokens: int = 0
    decision: Decision | None = None
    touch: Touch = "last"


class TierRule(Noun, frozen=True, kw_only=True):
    """What a tier is granted. `share`: it is admitted while less than this share of a limit is in flight.

    `fail_open`: while a control cannot be asked (budgets' file, journal's disk) requests are served all the same.
    """

    tier: Tier
    share: float
    explore: bool
    hedge: bool
    fail_open: bool


TIER_RULES: tuple[TierRule, ...] = (
    TierRule(tier="critical", share=1.0, explore=False, hedge=True, fail_open=True),
    TierRule(tier="important", share=0.85, explore=True, hedge=False, fail_open=True),
    TierRule(tier="opportunistic", share=0.6, explore=True, hedge=False, fail_open=False),
)
"""Where the policy says nothing. Shares descend, so that shedding is strictly by tier."""


class Budget(Noun, frozen=True, kw_only=True):
    """Money that may be spent in a period (UTC), by a tenant or use case ("" is each and all together).

    Hard: reserved at the worst case before anything is sent, never overspent. Soft: reserved at the estimate.
    `on_exhausted`: refuse; cap `max_tokens` to what is left; or walk the failure chain. `alert_at` are shares.
    """

    name: str
    limit_pico_usd: int
    period: Period = "day"
    tenant: str = ""
    use_case: str = ""
    hard: bool = True
    on_exhausted: Literal["refuse", "cap", "fallback"] = "refuse"
    alert_at: tuple[float, ...] = (0.8, 1.0)


class Quota(Noun, frozen=True, kw_only=True):
    """What a tenant may ask for; 0 is no bound.

    Rates are token buckets with room for `burst_s` seconds of the rate, tokens for a minute of it at least.
    """

    requests_per_s: float = 0.0
    tokens_per_min: float = 0.0
    requests_per_day: int = 0
    burst_s: float = 2.0
    max_in_flight: int = 0


class Drill(Noun, frozen=True, kw_only=True):
    """A fault that is played on a deployment between two instants of wall time, for a share of its requests."""

    id: str
    deployment: str
    fault: Fault
    from_s: float
    until_s: float
    share: float = 1.0
    delay_s: float = 1.0


class Tenant(Noun, frozen=True, kw_only=True):
    """A tenant; `key_sha256` are hex digests of its keys. `use_cases` it may ask for; empty is all.

    `event_key_sha256` are digests of keys that may send events and nothing else, such as those of web pages.
    """

    name: str
    key_sha256: tuple[str, ...] = ()
    quota: Quota = Quota()
    use_cases: tuple[str, ...] = ()
    event_key_sha256: tuple[str, ...] = ()


class Policy(Noun, frozen=True, kw_only=True):
    """What the gateway obeys. `id` is the hash of the rest, less drills, which pass."""

    id: str
    use_cases: tuple[UseCase, ...]
    deployments: tuple[PolicyDeployment, ...]
    backends: tuple[Backend, ...]
    tenants: tuple[Tenant, ...] = ()
    budgets: tuple[Budget, ...] = ()
    tiers: tuple[TierRule, ...] = TIER_RULES
    breaker: Breaker = Breaker()
    drills: tuple[Drill, ...] = ()
    default_use_case: str = ""
    plan_id: str = ""
    max_body_bytes: int = 8 * 1024 * 1024
    cors_origins: tuple[str, ...] = ()
    access_log: str = "off"
    otlp: bool = False
    tracking: TrackingPlan = TrackingPlan()
    source: str = ""
    version: int = 1
