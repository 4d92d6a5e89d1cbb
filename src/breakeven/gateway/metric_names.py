"""Every metric of the gateway by name, and the values that its labels may have beside those of the policy."""

from __future__ import annotations

from typing import Literal, get_args

from breakeven.gateway.metrics import Across, Bounds, Labels
from breakeven.schema.noun import Noun, Tier
from breakeven.schema.outcome import OutcomeKind
from breakeven.schema.record import AttemptKind, AttemptOutcome, Status

STAGES = ("gateway", "queue", "connect", "inference", "backoff", "post")
"""Stages of every request; those of the policy's latency budgets come on top."""
SHED = "overload"
"""The reason of a prediction that was not admitted."""
CACHES = ("hit", "miss", "stale", "bypass")
REASONS = (
    "deadline", "timeout", "unreachable", "malformed", "backend_error", "stream_error", "truncated", "stalled",
    "client_gone", "no_target", "circuit_open", "controls_down", "not_a_stream", "not_cached", "tracking_incomplete",
    "internal", "upstream_error", "budget_exhausted", "quota_exhausted", "rate_limited", SHED,
    "upstream_400", "upstream_401", "upstream_403", "upstream_404", "upstream_408", "upstream_413", "upstream_422",
    "upstream_429", "upstream_500", "upstream_502", "upstream_503", "upstream_504", "upstream_529",
)  # fmt: skip
REJECTIONS = (
    "invalid_request", "invalid_api_key", "forbidden", "malformed_json", "malformed_http", "http_version",
    "not_implemented", "expectation_failed", "not_found", "method_not_allowed", "model_not_found", "unknown_use_case",
    "no_decision", "target_too_long", "headers_too_large", "header_timeout", "body_too_large", "body_timeout",
    "invalid_event", "not_stored", "unreachable", "client_gone", "internal", "too_large", "not_enabled", "invalid_otlp",
)  # fmt: skip

PREDICTIONS: Bounds = {"tier": get_args(Tier), "status": get_args(Status), "reason": REASONS, "result": CACHES}
ATTEMPTS: Bounds = {"kind": get_args(AttemptKind), "outcome": get_args(AttemptOutcome)}
EVENTS: Bounds = {"kind": get_args(OutcomeKind)}
REJECTED: Bounds = {"reason": REJECTIONS}


class Named(Noun, frozen=True, kw_only=True):
    """A metric. `across`: how its values in several workers become one."""

    name: str
    help: str
    labels: Labels = ()
    kind: Literal["counter", "histogram", "gauge"] = "counter"
    across: Across = "sum"


def _counter(name: str, told: str, *labels: str) -> Named:
    return Named(name=name, help=told, labels=labels)


def _histogram(name: str, told: str, *labels: str) -> Named:
    return Named(name=name, help=told, labels=labels, kind="histogram")


def _gauge(name: str, told: str, *labels: str, across: Across = "max") -> Named:
    return Named(name=name, help=told, labels=labels, kind="gauge", across=across)


NAMED: dict[str, Named] = {
    one.name: one
    for one in (
        _counter("breakeven_predictions_total", "Predictions by how they ended.",
                 "use_case", "tier", "status", "deployment"),
        _counter("breakeven_reasons_total", "Predictions that did not go as meant, by why.", "use_case", "reason"),
        _counter("breakeven_rejected_total", "Requests that were no predictions, by why.", "reason"),
        _counter("breakeven_events_total", "Accepted outcome events by kind.", "kind"),
        _counter("breakeven_in_budget_total", "Predictions inside all their targets.", "use_case"),
        _counter("breakeven_cost_usd_total", "Direct charge and share of capacity by work, without idle.", "use_case"),
        _counter("breakeven_tokens_total", "Tokens consumed at providers.", "use_case", "direction"),
        _histogram("breakeven_request_duration_seconds", "Whole duration of a prediction.", "use_case"),
        _histogram("breakeven_time_to_first_token_seconds", "TTFT of streams.", "use_case"),
        _histogram("breakeven_time_per_output_token_seconds", "TPOT of streams.", "use_case"),
        _histogram("breakeven_chunk_gap_seconds", "The longest gap between chunks of each stream.", "use_case"),
        _histogram("breakeven_stage_seconds", "Stages of predictions, and the client's that came as events.",
                   "use_case", "stage"),
        _counter("breakeven_attempts_total", "Tries at deployments: primaries, retries, hedges, fallbacks.",
                 "deployment", "kind", "outcome"),
        _counter("breakeven_cache_requests_total", "Requests by what the answer cache had.", "use_case", "result"),
        _counter("breakeven_shed_total", "Predictions that were not admitted.", "use_case", "tier"),
        _counter("breakeven_budget_alerts_total", "Times that spending passed a share of a budget.",
                 "budget", "share"),
        _gauge("breakeven_budget_remaining_usd", "What a budget still grants in its period; the least a worker knows.",
               "budget", across="min"),
        _gauge("breakeven_breaker_state", "0 closed, 1 half open, 2 open; the worst of the workers.", "deployment"),
        _gauge("breakeven_concurrency_limit", "Requests that a deployment is given at once.",
               "deployment", across="sum"),
        _gauge("breakeven_in_flight", "Requests at a deployment now.", "deployment", across="sum"),
        _gauge("breakeven_policy_info", "The policy in force; always 1.", "policy_id", "plan_id"),
        _gauge("breakeven_policy_rejected",
               "1 while the policy file cannot be used and the last good one is in force."),
        _gauge("breakeven_drill_active", "1 while a drill is on at a deployment.", "deployment", "fault"),
        _counter("breakeven_journal_errors_total", "Failures of the journal's disk."),
        _counter("breakeven_access_log_dropped_total", "Lines of the access log that could not be written."),
        _counter("process_cpu_seconds_total", "User and system CPU time of all workers in seconds."),
        _gauge("process_resident_memory_bytes", "Resident memory of all workers in bytes.", across="sum"),
    )
}  # fmt: skip
