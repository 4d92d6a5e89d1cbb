"""`policy.yaml`: use cases, latency budgets, routes, failure chains."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Chance, Name, NotNegative, Positive, Section, Share, Stage, Step, Text
from breakeven.config.policy_beside import beside_rules
from breakeven.config.policy_parts import (
    BreakerSection,
    BudgetSection,
    DecisionSection,
    HedgeSection,
    RetryChoice,
    RetrySection,
    RouterSection,
    RuleSection,
    SegmentsSection,
    TiersSection,
)
from breakeven.config.policy_rules import RULES, known_strategies
from breakeven.config.problem import Problem
from breakeven.config.reading import Rule
from breakeven.config.settings import Settings
from breakeven.config.tracking_section import TrackingSection
from breakeven.errors import PolicyError
from breakeven.schema.noun import Tier
from breakeven.schema.policy import Touch, TrackingGap, UsedWhen


class LatencySection(Section):
    """Targets in milliseconds; left out is no target. One budget from the event to what is done with the answer."""

    budget_ms: Annotated[Positive | None, Field(description="the whole budget; a later answer is not useful")] = None
    ttft_ms: Annotated[Positive | None, Field(description="time to the first token")] = None
    tpot_ms: Annotated[Positive | None, Field(description="time per output token after the first")] = None
    attainment: Annotated[Share, Field(description="share of requests that must meet the targets")] = 0.95
    stages: Annotated[
        dict[Stage, NotNegative], Field(description="slots of the budget by stage, such as {retrieval_ms: 200}")
    ] = {}
    client_stages: Annotated[
        tuple[Text, ...],
        Field(description="stages that happen at the client and are told through `/events`, such as [render]"),
    ] = ()


class TargetSection(Section):
    """A deployment a route may choose."""

    deployment: Annotated[Name, Field(description="a deployment of breakeven.yaml")]
    weight: Annotated[NotNegative, Field(description="its part of the traffic, relative to the others'")] = 1.0
    arm: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$", description="the experiment arm it stands for")] = ""


class RouteSection(Section):
    """How a use case chooses: weights choose the arm, the strategy a target within it."""

    targets: Annotated[tuple[TargetSection, ...], Field(min_length=1, description="what may be chosen")]
    strategy: Annotated[Name, Field(description="how a target is chosen; see the strategies")] = "weighted"
    sticky: Annotated[bool, Field(description="whether a subject keeps its arm")] = True
    explore: Annotated[
        Chance, Field(description="share of requests that go to a target at random, for what is learned from it")
    ] = 0.0
    router: Annotated[RouterSection | None, Field(description="what the strategy `learned` obeys")] = None


class UseCaseSection(Section):
    """One use case: what it asks for, where it goes, and what happens when that fails."""

    name: Annotated[Name, Field(description="as requests, reports and budgets call it")]
    route: Annotated[RouteSection, Field(description="where its requests go")]
    tier: Annotated[Tier, Field(description="who goes first under load")] = "important"
    models: Annotated[tuple[Text, ...], Field(description="model names clients ask for that lead here")] = ()
    latency: Annotated[LatencySection, Field(description="how fast an answer must be")] = LatencySection()
    used_when: Annotated[UsedWhen, Field(description="what makes an answer count as used")] = "unmeasured"
    attribution_window_s: Annotated[
        NotNegative, Field(description="how long after an answer an outcome counts as its own")
    ] = 1800.0
    touch: Annotated[
        Touch, Field(description="of a subject's several answers within that window, the one an outcome belongs to")
    ] = "last"
    on_tracking_incomplete: Annotated[
        TrackingGap,
        Field(
            description="no subject, consent or event path: serve; approximate without a model; or suppress with 422"
        ),
    ] = "serve"
    value_per_outcome_usd: Annotated[
        NotNegative | None, Field(description="what one outcome is worth, in USD, where events state no value")
    ] = None
    quality_floor: Annotated[
        Chance | None, Field(description="deployments of less `quality` may not answer, also in the failure chain")
    ] = None
    data_locality: Annotated[
        tuple[Text, ...], Field(description="the regions that may see its requests; left out is any")
    ] = ()
    personal_data: Annotated[bool, Field(description="requests hold personal data: answers are never kept")] = False
    failure: Annotated[
        tuple[Step, ...],
        Field(min_length=1, description="what happens when the route fails or the time is gone, step by step"),
    ] = ("error",)
    default_answer: Annotated[
        str,
        Field(description="the step `default`: words for a chat, JSON for tensors and embeddings, a candidate's name"),
    ] = ""
    segments: Annotated[SegmentsSection | None, Field(description="the answers of the step `segment`")] = None
    rules: Annotated[tuple[RuleSection, ...], Field(description="the answers of the step `rules`")] = ()
    retry: Annotated[RetryChoice, Field(description="second tries; `off` for none")] = RetrySection()
    hedge: Annotated[HedgeSection | None, Field(description="second tries beside slow ones; left out is none")] = None
    cache_ttl_s: Annotated[NotNegative, Field(description="how long an answer to the very same request is kept")] = 0.0
    max_output_tokens: Annotated[
        int, Field(ge=0, le=10_000_000, description="what a request that states no limit may generate; 0: the model's")
    ] = 0
    decision: Annotated[DecisionSection | None, Field(description="how candidates are scored")] = None
    ack: Annotated[Literal["fast", "durable"], Field(description="durable: answered once the record is on disk")] = (
        "fast"
    )
    store_prompts: Annotated[bool, Field(description="keep prompts and answers in the ledger")] = False


class PolicyFile(Section):
    """`policy.yaml`: what each use case asks for, and what all of them may spend."""

    version: Annotated[Literal[1], Field(description="version of this grammar")] = 1
    plan_id: Annotated[str, Field(description="the plan that wrote the routes; set by `breakeven apply`")] = ""
    default_use_case: Annotated[str, Field(description="the use case of requests that name none")] = ""
    use_cases: Annotated[
        tuple[UseCaseSection, ...], Field(min_length=1, description="what answers are for, at least one")
    ]
    budgets: Annotated[tuple[BudgetSection, ...], Field(description="money that may be spent")] = ()
    tiers: Annotated[TiersSection, Field(description="what each tier is granted")] = TiersSection()
    breaker: Annotated[BreakerSection, Field(description="when a deployment is left alone")] = BreakerSection()
    tracking: Annotated[TrackingSection, Field(description="what events must hold")] = TrackingSection()

    def use_case(self, name: str) -> UseCaseSection | None:
        """The use case of that name; None when there is none."""
        return next((entry for entry in self.use_cases if entry.name == name), None)


def load(
    text: str,
    filename: str = "policy.yaml",
    *,
    beside: Settings | None = None,
    strategies: Collection[str] | None = None,
) -> PolicyFile:
    """A policy file from YAML text.

    Args:
        text: of the file.
        filename: as messages call it.
        beside: `breakeven.yaml`, against which names, quality and regions are checked too.
        strategies: the names of all there are, against which routes are checked too.

    Raises:
        PolicyError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(PolicyFile, text, filename, _rules(beside, strategies), PolicyError)


def problems(text: str, *, beside: Settings | None = None, strategies: Collection[str] | None = None) -> list[Problem]:
    """Everything that is wrong with the text, in its order."""
    return reading.check(PolicyFile, text, _rules(beside, strategies))[1]


def read(path: Path, *, beside: Settings | None = None, strategies: Collection[str] | None = None) -> PolicyFile:
    """A policy file from disk.

    Raises:
        PolicyError: it cannot be read, or `load` refuses it.
    """
    return load(reading.read_text(path, PolicyError), str(path), beside=beside, strategies=strategies)


def _rules(beside: Settings | None, strategies: Collection[str] | None) -> tuple[Rule, ...]:
    found = RULES if beside is None else (*RULES, *beside_rules(beside))
    return found if strategies is None else (*found, known_strategies(strategies))
