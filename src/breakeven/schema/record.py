"""The record of a prediction, and of the capacity that stood by for it: what the journal and the ledger hold."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Basis, Noun, Placement, Tier
from breakeven.schema.routing import Routed

Status = Literal["answered", "cached", "fallback", "refused", "failed", "cancelled"]
"""How a prediction ended; exactly one each (invariant 1)."""

AttemptOutcome = Literal["ok", "timeout", "error", "unreachable", "cancelled", "skipped"]
AttemptKind = Literal["primary", "retry", "hedge", "fallback"]
Consent = Literal["granted", "denied", "unknown"]


class Tokens(Noun, frozen=True, kw_only=True, gc=False):
    """Token counts of one kind; `input` includes `cached_input`, `output` includes `reasoning`."""

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0


class Attempt(Noun, frozen=True, kw_only=True, gc=False):
    """One try at a target: intended against executed, with the reason."""

    deployment: str
    kind: AttemptKind
    outcome: AttemptOutcome
    reason: str = ""
    start_s: float = 0.0
    duration_s: float = 0.0


class Prediction(Noun, frozen=True, kw_only=True, tag="prediction", gc=False):
    """One answer for one subject; written once, at the end of the request.

    `time_s` is wall time in Unix seconds, for ordering only; durations are monotonic seconds. `eligible`,
    `propensities` and `chosen` are what a later off-policy evaluation needs, `routed` what a learned router said. Token
    quantities are kept apart: served to the client, consumed at the provider, billable, priced. `cost_pico_usd` is the
    direct charge plus the share of capacity by work, None when unpriced. `subject` is a keyed hash. A decision chose
    `action` among `actions`, with `action_propensities`. `drill` is the drill that touched it.
    `protocol` is the API that was asked: chat, completion, embedding, infer, decide. `parent_span_id` is the caller's.
    """

    prediction_id: str
    request_id: str
    node: str
    sequence: int
    time_s: float
    use_case: str
    tenant: str = "default"
    tier: Tier = "important"
    trace_id: str = ""
    parent_span_id: str = ""
    region: str = ""
    device_class: str = ""
    channel: str = ""
    labels: dict[str, str] = {}
    subject: str = ""
    subject_kind: str = ""
    session: str = ""
    consent: Consent = "unknown"
    policy_id: str = ""
    plan_id: str = ""
    arm: str = ""
    eligible: tuple[str, ...] = ()
    propensities: tuple[float, ...] = ()
    chosen: str = ""
    seed: int = 0
    deployment: str = ""
    model: str = ""
    placement: Placement = "unknown"
    emulated: bool = False
    cache: str = "off"
    attempts: tuple[Attempt, ...] = ()
    status: Status = "answered"
    reason: str = ""
    http_status: int = 200
    protocol: str = "chat"
    stream: bool = False
    stages: dict[str, float] = {}
    total_s: float = 0.0
    ttft_s: float | None = None
    tpot_s: float | None = None
    chunk_gap_max_s: float | None = None
    budget_s: float | None = None
    ttft_target_s: float | None = None
    tpot_target_s: float | None = None
    in_budget: bool = False
    served: Tokens = Tokens()
    consumed: Tokens = Tokens()
    billable: Tokens = Tokens()
    priced: Tokens = Tokens()
    tokens_basis: Basis = "unknown"
    rows_scored: int = 0
    cost_pico_usd: int | None = None
    price_id: str = ""
    cost_basis: Basis = "unknown"
    work_s: float | None = None
    in_flight: float = 0.0
    energy_kwh: float | None = None
    energy_basis: Basis = "unknown"
    features_hash: str = ""
    prompt: str = ""
    action: str = ""
    actions: tuple[str, ...] = ()
    action_propensities: tuple[float, ...] = ()
    drill: str = ""
    routed: Routed | None = None
    version: int = 1


class Capacity(Noun, frozen=True, kw_only=True, tag="capacity", gc=False):
    """Capacity of one deployment that stood by over an interval of wall time, whether used or not."""

    id: str
    deployment: str
    start_s: float
    end_s: float
    replicas: int
    pico_usd_per_replica_s: int
    price_id: str = ""
    basis: Basis = "derived"
    placement: Placement = "unknown"
    model: str = ""
    policy_id: str = ""
    emulated: bool = False
    power_idle_w: float | None = None
    version: int = 1

    @property
    def cost_pico_usd(self) -> int:
        """What the interval costs in pico-USD."""
        return round((self.end_s - self.start_s) * self.replicas * self.pico_usd_per_replica_s)


class EngineLoad(Noun, frozen=True, kw_only=True, tag="engine"):
    """What one engine or its accelerators said of themselves between two scrapes, `start_s` to `end_s` (Unix seconds).

    `source` is whose metrics they are, `target` the replica they are of. `busy` is the share of the interval in which
    it worked, 0 to 1; `running` and `waiting` are mean requests, tokens and `finished` are those of the interval;
    `power_w` and `energy_kwh` are sums over `accelerators`. None is what it does not say.
    """

    id: str
    deployment: str
    target: str
    source: str
    start_s: float
    end_s: float
    busy: float | None = None
    running: float | None = None
    waiting: float | None = None
    finished: int | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    kv_cache_use: float | None = None
    accelerators: int | None = None
    power_w: float | None = None
    energy_kwh: float | None = None
    version: int = 1
