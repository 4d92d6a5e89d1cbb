"""`policy.yaml`: use cases, latency budgets, routes, failure chains."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Name, NotNegative, Positive, Section, Share, Stage, Text
from breakeven.config.policy_rules import RULES, known_deployments, known_strategies
from breakeven.config.problem import Problem
from breakeven.config.reading import Rule
from breakeven.errors import PolicyError
from breakeven.schema.noun import Tier
from breakeven.schema.policy import FallbackStep, UsedWhen


class LatencySection(Section):
    """Targets in milliseconds; left out is no target. `stages` are the slots of the budget."""

    budget_ms: Positive | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    attainment: Share = 0.95
    stages: dict[Stage, NotNegative] = {}


class TargetSection(Section):
    """A deployment a route may choose; `arm` names the experiment arm it stands for."""

    deployment: Name
    weight: NotNegative = 1.0
    arm: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""


class RouteSection(Section):
    """How a use case chooses. With `sticky` a subject keeps its arm."""

    targets: Annotated[tuple[TargetSection, ...], Field(min_length=1)]
    strategy: Name = "weighted"
    sticky: bool = True


class UseCaseSection(Section):
    """One use case. `models` are the model names clients ask for that lead here."""

    name: Name
    route: RouteSection
    tier: Tier = "important"
    models: tuple[Text, ...] = ()
    latency: LatencySection = LatencySection()
    used_when: UsedWhen = "unmeasured"
    attribution_window_s: NotNegative = 1800.0
    failure: Annotated[tuple[FallbackStep, ...], Field(min_length=1)] = ("error",)
    default_answer: str = ""
    cache_ttl_s: NotNegative = 0.0
    ack: Literal["fast", "durable"] = "fast"
    store_prompts: bool = False


class PolicyFile(Section):
    """`policy.yaml`. `plan_id` is set by the plan that wrote the routes."""

    version: Literal[1] = 1
    plan_id: str = ""
    default_use_case: str = ""
    use_cases: Annotated[tuple[UseCaseSection, ...], Field(min_length=1)]

    def use_case(self, name: str) -> UseCaseSection | None:
        """The use case of that name; None when there is none."""
        return next((entry for entry in self.use_cases if entry.name == name), None)


def load(
    text: str,
    filename: str = "policy.yaml",
    *,
    deployments: Collection[str] | None = None,
    strategies: Collection[str] | None = None,
) -> PolicyFile:
    """A policy file from YAML text. With `deployments` and `strategies` (names) its references are checked too.

    Raises:
        PolicyError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(PolicyFile, text, filename, _rules(deployments, strategies), PolicyError)


def problems(
    text: str, *, deployments: Collection[str] | None = None, strategies: Collection[str] | None = None
) -> list[Problem]:
    """Everything that is wrong with the text, in its order."""
    return reading.check(PolicyFile, text, _rules(deployments, strategies))[1]


def read(
    path: Path, *, deployments: Collection[str] | None = None, strategies: Collection[str] | None = None
) -> PolicyFile:
    """A policy file from disk.

    Raises:
        PolicyError: it cannot be read, or `load` refuses it.
    """
    text = reading.read_text(path, PolicyError)
    return load(text, str(path), deployments=deployments, strategies=strategies)


def _rules(deployments: Collection[str] | None, strategies: Collection[str] | None) -> tuple[Rule, ...]:
    found = RULES
    if deployments is not None:
        found = (*found, known_deployments(deployments))
    return found if strategies is None else (*found, known_strategies(strategies))
