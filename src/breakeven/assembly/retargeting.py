"""The policies that a log of choices is judged by: weights of targets, or its learned route at another threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import UnsetType

from breakeven.assembly import files
from breakeven.errors import EvidenceError
from breakeven.schema.record import Prediction
from breakeven.schema.routing import Router

Target = Callable[[Prediction], tuple[str, Mapping[str, float]] | None]
"""A prediction's class (predictions of one class and eligible set are treated alike) and the weight of each choice.

None where the policy has no say.
"""


def by_weights(weights: Mapping[str, float]) -> Target:
    """The same weights whatever was asked."""
    return lambda _: ("", weights)


def by_threshold(data_dir: Path, use_case: str, threshold: float) -> Target:
    """The learned route that was in force, at another threshold: by the score that each record holds.

    Raises:
        EvidenceError: no policy of the data directory had a learned route for the use case.
    """
    routers = _routers(data_dir, use_case)
    if not routers:
        message = f"no policy at {data_dir} had a learned route for use case {use_case!r}"
        raise EvidenceError(message, "serve one, with `explore` above 0, or name --weights")

    def target(one: Prediction) -> tuple[str, Mapping[str, float]] | None:
        router = routers.get(one.policy_id)
        if router is None or one.routed is None:
            return None
        score = one.routed.score
        up = score is None or score >= threshold
        wanted, other = (router.strong, router.weak) if up else (router.weak, router.strong)
        there = [name for name in one.eligible if name in wanted] or [name for name in one.eligible if name in other]
        return "strong" if up else "weak", dict.fromkeys(there, 1.0)

    return target


def _routers(data_dir: Path, use_case: str) -> dict[str, Router]:
    found: dict[str, Router] = {}
    for policy in files.policies(data_dir):
        for case in policy.use_cases:
            router = case.route.router
            if case.name == use_case and not isinstance(router, UnsetType):
                found[policy.id] = router
    return found
