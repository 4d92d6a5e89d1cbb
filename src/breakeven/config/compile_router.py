"""A learned route's weights, read and checked, and the router that they and `policy.yaml` make."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import msgspec

from breakeven.config.policy_file import UseCaseSection
from breakeven.config.policy_parts import RouterSection
from breakeven.config.settings import DeploymentSettings
from breakeven.errors import PolicyError
from breakeven.metric.routing_pack import packed
from breakeven.schema.lever import RouterWeights
from breakeven.schema.routing import Router

MOST_BYTES = 16 * 1024 * 1024
MOST_BUCKETS = 1 << 18
MOST_QUANTILES = 10_001
MOST_VALUE = 1e6
"""Larger numbers than any idf or weight learned from shares; sums of them stay finite."""
VERSION = 1
WAY_OUT = "write it anew with `breakeven lever router FILE --weights OUT.json`"


def weights_of(data: bytes, where: str) -> RouterWeights:
    """Weights from the bytes of their file; `where` is what messages call it.

    Raises:
        PolicyError: they are too large, malformed, of another version, or hold what no weight can be.
    """
    if len(data) > MOST_BYTES:
        message = f"{where} has more than {MOST_BYTES} bytes"
        raise PolicyError(message, WAY_OUT)
    try:
        found = msgspec.json.decode(data, type=RouterWeights)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{where} holds no router's weights: {error}"
        raise PolicyError(message, WAY_OUT) from error
    _check(found, where)
    return found


def _check(found: RouterWeights, where: str) -> None:
    if found.version != VERSION:
        raise _wrong(where, "version", found.version, f"{VERSION} is known")
    if not 1 <= len(found.idf) <= MOST_BUCKETS:
        raise _wrong(where, "idf", f"{len(found.idf)} numbers", f"1 to {MOST_BUCKETS} can be")
    if len(found.weights) != len(found.idf):
        raise _wrong(where, "weights", f"{len(found.weights)} numbers", f"`idf` has {len(found.idf)}")
    if len(found.quantiles) > MOST_QUANTILES:
        raise _wrong(where, "quantiles", f"{len(found.quantiles)} numbers", f"at most {MOST_QUANTILES} can be")
    if list(found.quantiles) != sorted(found.quantiles):
        raise _wrong(where, "quantiles", "out of order", "they ascend")
    lone = {"intercept": (found.intercept,), "threshold": () if found.threshold is None else (found.threshold,)}
    for name, numbers in (lone | {one: getattr(found, one) for one in ("idf", "weights", "quantiles")}).items():
        for position, number in enumerate(numbers):
            if not abs(number) <= MOST_VALUE:
                raise _wrong(where, name if name in lone else f"{name}[{position}]", number, f"at most {MOST_VALUE:g}")


def _wrong(where: str, field: str, value: object, wanted: str) -> PolicyError:
    message = f"{where}: `{field}` is {value}, and {wanted}"
    return PolicyError(message, WAY_OUT)


def router_of(
    entry: UseCaseSection, data: bytes, where: str, deployments: Mapping[str, DeploymentSettings]
) -> Router | None:
    """The router of a use case; None where its route has none.

    Args:
        entry: the use case.
        data: the bytes of the weights' file.
        where: what messages call that file.
        deployments: by name.

    Raises:
        PolicyError: the weights are wrong, a target is neither strong nor weak or both, or no threshold follows.
    """
    section = entry.route.router
    if section is None:
        return None
    weights = weights_of(data, where)
    strong, weak = _sides(entry, section, weights, where, deployments)
    return Router(
        strong=strong,
        weak=weak,
        threshold=_threshold(section, weights, where),
        packed=packed(weights, sha256=hashlib.sha256(data).hexdigest()),
    )


def _sides(
    entry: UseCaseSection,
    section: RouterSection,
    weights: RouterWeights,
    where: str,
    deployments: Mapping[str, DeploymentSettings],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    targets = tuple(dict.fromkeys(target.deployment for target in entry.route.targets))
    strong = section.strong or _named(weights.strong, targets, deployments, without=section.weak)
    weak = section.weak or _named(weights.weak, targets, deployments, without=section.strong)
    about = f"use case `{entry.name}`: {where} tells strong `{weights.strong}` from weak `{weights.weak}`"
    hint = "name targets under `router`, as `strong: [NAME]` and `weak: [NAME]`"
    for target in targets:
        if (target in strong) == (target in weak):
            side = "both" if target in strong else "neither"
            message = f"{about}, and target `{target}` is {side}"
            raise PolicyError(message, hint)
    for side, found in (("strong", strong), ("weak", weak)):
        if not found:
            message = f"{about}, and no target is {side}"
            raise PolicyError(message, hint)
    return strong, weak


def _named(
    model: str, targets: tuple[str, ...], deployments: Mapping[str, DeploymentSettings], *, without: tuple[str, ...]
) -> tuple[str, ...]:
    """The targets that a model of the weights names: by deployment, by the model asked for, or by the catalog's."""
    return tuple(target for target in targets if model in _names(target, deployments) and target not in without)


def _names(target: str, deployments: Mapping[str, DeploymentSettings]) -> set[str]:
    found = deployments.get(target)
    return {target} if found is None else {target, found.model, found.catalog_model} - {""}


def _threshold(section: RouterSection, weights: RouterWeights, where: str) -> float:
    if section.threshold is not None:
        return float(section.threshold)
    if section.strong_share is not None:
        return quantile(weights.quantiles, 1.0 - section.strong_share, where)
    if weights.threshold is None:
        message = f"{where}: `threshold` is null, none passed its test"
        raise PolicyError(message, "state `threshold` or `strong_share` under `router`, or learn from more prompts")
    return weights.threshold


def quantile(quantiles: tuple[float, ...], share: float, where: str) -> float:
    """The score below which a share of the calibration sample lies, straight between two that are known.

    Raises:
        PolicyError: the weights hold no scores of a calibration sample.
    """
    if len(quantiles) < 2:  # noqa: PLR2004 - the least and the greatest
        message = f"{where}: `quantiles` holds {len(quantiles)} scores, and `strong_share` goes by them"
        raise PolicyError(message, f"state a `threshold`, or {WAY_OUT}")
    place = share * (len(quantiles) - 1)
    below = min(math.floor(place), len(quantiles) - 2)
    low, high = quantiles[below], quantiles[below + 1]
    return low + (place - below) * (high - low)
