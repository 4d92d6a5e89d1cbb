"""A use case of `policy.yaml` as the gateway obeys it: base units, and every choice made."""

from __future__ import annotations

from msgspec import UNSET

from breakeven.config.policy_file import RouteSection, UseCaseSection
from breakeven.config.policy_parts import DecisionSection, HedgeSection, RetrySection, RuleSection, SegmentsSection
from breakeven.schema.policy import Decision, Hedge, Retry, Route, RouteTarget, Rule, Segments, UseCase
from breakeven.schema.routing import Router


def use_case(entry: UseCaseSection, router: Router | None = None) -> UseCase:
    """The compiled use case; `router` is what its route obeys where that is learned."""
    latency = entry.latency
    return UseCase(
        name=entry.name,
        route=_route(entry.route, router),
        tier=entry.tier,
        budget_s=seconds(latency.budget_ms),
        ttft_s=seconds(latency.ttft_ms),
        tpot_s=seconds(latency.tpot_ms),
        stages={name.removesuffix("_ms"): slot_ms / 1000 for name, slot_ms in sorted(latency.stages.items())},
        client_stages=latency.client_stages,
        used_when=entry.used_when,
        window_s=float(entry.attribution_window_s),
        failure=entry.failure,
        default_body=entry.default_answer,
        segments=_segments(entry.segments),
        rules=tuple(_rule(rule) for rule in entry.rules),
        retry=_retry(entry.retry),
        hedge=_hedge(entry.hedge),
        ack_durable=entry.ack == "durable",
        cache_ttl_s=float(entry.cache_ttl_s),
        personal_data=entry.personal_data,
        store_prompts=entry.store_prompts,
        models=entry.models,
        value_per_outcome_usd=_real(entry.value_per_outcome_usd),
        quality_floor=_real(entry.quality_floor),
        data_locality=entry.data_locality,
        on_tracking_incomplete=entry.on_tracking_incomplete,
        max_output_tokens=entry.max_output_tokens,
        decision=_decision(entry.decision),
        touch=entry.touch,
    )


def seconds(milliseconds: float | None) -> float | None:
    """Milliseconds as seconds; None stays None."""
    return None if milliseconds is None else milliseconds / 1000


def _real(number: float | None) -> float | None:
    return None if number is None else float(number)


def _route(entry: RouteSection, router: Router | None) -> Route:
    targets = tuple(
        RouteTarget(deployment=target.deployment, weight=float(target.weight), arm=target.arm)
        for target in entry.targets
    )
    return Route(
        strategy=entry.strategy,
        targets=targets,
        sticky=entry.sticky,
        explore=float(entry.explore),
        router=UNSET if router is None else router,
    )


def _retry(entry: RetrySection | str) -> Retry | None:
    if not isinstance(entry, RetrySection):
        return None
    return Retry(ratio=float(entry.ratio), attempts=entry.attempts, backoff_s=entry.backoff_ms / 1000)


def _hedge(entry: HedgeSection | None) -> Hedge | None:
    if entry is None:
        return None
    return Hedge(quantile=float(entry.quantile), ratio=float(entry.ratio), after_s=seconds(entry.after_ms))


def _segments(entry: SegmentsSection | None) -> Segments | None:
    return None if entry is None else Segments(by=entry.by, answers=dict(sorted(entry.answers.items())))


def _rule(entry: RuleSection) -> Rule:
    return Rule(answer=entry.answer, when=dict(sorted(entry.when.items())))


def _decision(entry: DecisionSection | None) -> Decision | None:
    if entry is None:
        return None
    return Decision(
        features=entry.features,
        candidate_features=entry.candidate_features,
        input=entry.input,
        output=entry.output,
        column=entry.column,
        datatype=entry.datatype,
        explore=float(entry.explore),
    )
