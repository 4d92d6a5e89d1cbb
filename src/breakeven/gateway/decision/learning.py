"""A learned route at work: which side a prompt is for, and why the target that was chosen was."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UnsetType

from breakeven.errors import PolicyError
from breakeven.gateway.decision.strategy.option import Option
from breakeven.metric.routing_pack import unpacked
from breakeven.metric.routing_score import score
from breakeven.schema.lever import RouterWeights
from breakeven.schema.noun import Noun
from breakeven.schema.policy import RouteTarget, UseCase
from breakeven.schema.routing import Routed, Side, Why

LEARNED = "learned"
_AGAIN = "compile the policy again with `breakeven serve`"


class Judge(Noun, frozen=True, kw_only=True):
    """A route's weights, unpacked once per policy, and the targets of each side."""

    weights: RouterWeights
    threshold: float
    strong: frozenset[str]
    weak: frozenset[str]

    def of(self, wanted: Side) -> frozenset[str]:
        """The targets of a side."""
        return self.strong if wanted == "strong" else self.weak


class Verdict(Noun, frozen=True, kw_only=True):
    """The side that a prompt is for; `score` None where there was no prompt, which is for the strong side."""

    score: float | None
    wanted: Side


def judge_of(use_case: UseCase) -> Judge | None:
    """What a use case's route obeys; None where it is not learned.

    Raises:
        PolicyError: it is learned and has no router, or the other way round; or the router does not fit the targets.
    """
    router, strategy = use_case.route.router, use_case.route.strategy
    user = f"the route of use case {use_case.name!r}"
    if isinstance(router, UnsetType) == (strategy == LEARNED):
        has = "no router" if isinstance(router, UnsetType) else "a router"
        message = f"{user} has the strategy {strategy!r} and {has}"
        raise PolicyError(message, _AGAIN)
    if isinstance(router, UnsetType):
        return None
    _check_sides(user, use_case, router.strong, router.weak)
    try:
        weights = unpacked(router.packed, strong="strong", weak="weak", threshold=router.threshold)
    except ValueError as error:
        message = f"{user}: {error}"
        raise PolicyError(message, _AGAIN) from error
    return Judge(
        weights=weights, threshold=router.threshold, strong=frozenset(router.strong), weak=frozenset(router.weak)
    )


def _check_sides(user: str, use_case: UseCase, strong: Sequence[str], weak: Sequence[str]) -> None:
    for target in use_case.route.targets:
        if (target.deployment in strong) == (target.deployment in weak):
            message = f"{user} has the target {target.deployment!r}, and its router {list(strong)} and {list(weak)}"
            raise PolicyError(message, "name it as strong or weak")


def verdict(judge: Judge, said: str | None) -> Verdict:
    """The side for what was said."""
    if said is None:
        return Verdict(score=None, wanted="strong")
    found = score(judge.weights, said)
    return Verdict(score=found, wanted="strong" if found >= judge.threshold else "weak")


def prefer(judge: Judge, found: Verdict, options: Sequence[Option]) -> None:
    """Mark the options of the side that is wanted."""
    wanted = judge.of(found.wanted)
    for option in options:
        option.preferred = option.deployment in wanted


def routed(judge: Judge, found: Verdict, chosen: RouteTarget, options: Sequence[Option]) -> Routed:
    """Why `chosen` was; `options` are what it was chosen among, none where no other might be asked."""
    seen = [option for option in options if option.arm == chosen.arm]
    why = _why(judge, found, chosen.deployment, seen)
    return Routed(score=found.score, threshold=judge.threshold, wanted=found.wanted, why=why)


def _why(judge: Judge, found: Verdict, chosen: str, seen: Sequence[Option]) -> Why:
    if chosen in judge.of(found.wanted):
        return "no_prompt" if found.score is None else "score"
    preferred = [option.feasible for option in seen if option.preferred]
    if not preferred:
        return "unavailable"
    return "slow" if not any(preferred) and any(option.feasible for option in seen) else "explored"
