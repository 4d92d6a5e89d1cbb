"""A deliberate bug in each metric makes a law fail: the laws see what they are there to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from breakeven.ledger import figures
from breakeven.ledger.engine import attribute, fate
from breakeven.metric import energy, goodput, latency, unit_cost, usefulness

NAMES = (
    *("percentile", "tpot", "in_budget", "used", "useful", "cost_per_useful", "share_out", "goodput", "carbon"),
    "conversion",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_law_holds(laws: dict[str, Callable[[], None]], name: str) -> None:
    """Each metric keeps its law as it is defined."""
    laws[name]()


def test_every_law_is_tried(laws: dict[str, Callable[[], None]]) -> None:
    """No law goes unchecked, and none lacks a planted bug."""
    assert set(NAMES) == set(laws) == {name for _, _, name, _ in BUGS}


def nearest_rank(ascending: Sequence[float], share: float) -> float | None:
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else None


def floor_shares(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    return {key: amount * weight // sum(weights.values()) for key, weight in weights.items()}


def equal_shares(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    each, rest = divmod(amount, len(weights))
    return {key: each + (position < rest) for position, key in enumerate(sorted(weights))}


def always_in_budget(status: str, **_: object) -> bool:
    return status in usefulness.DELIVERED


def strictly_in_budget(status: str, *, total_s: float, budget_s: float | None, **_: object) -> bool:
    return status in usefulness.DELIVERED and (budget_s is None or total_s < budget_s)


def used_when_delivered(_rule: str, *, delivered: bool, **_: object) -> bool | None:
    return delivered


def used_when_unknown(rule: str, *, delivered: bool, exposed: bool, outcome: bool) -> bool | None:
    return delivered and (exposed or outcome or rule == "delivered")


def identified_in_time(*, inside: bool, identified: bool, **_: object) -> bool:
    return inside and identified


BUGS = [
    (latency, "percentile", "percentile", nearest_rank),
    (latency, "tpot_s", "tpot", lambda total, first, tokens: (total - first) / tokens),
    (latency, "tpot_s", "tpot", lambda total, _, tokens: total / (tokens - 1)),
    (usefulness, "in_budget", "in_budget", always_in_budget),
    (usefulness, "in_budget", "in_budget", strictly_in_budget),
    (usefulness, "used", "used", used_when_delivered),
    (usefulness, "used", "used", used_when_unknown),
    (usefulness, "used", "useful", used_when_delivered),
    (usefulness, "useful", "useful", identified_in_time),
    (fate, "identified", "useful", lambda _: True),
    (unit_cost, "cost_per_useful_usd", "cost_per_useful", lambda cost, _, useful: cost / useful / 1e12),
    (unit_cost, "cost_per_useful_usd", "cost_per_useful", lambda cost, left, _: (cost - left) / 4e12),
    (unit_cost, "share_out", "share_out", floor_shares),
    (unit_cost, "share_out", "share_out", equal_shares),
    (goodput, "goodput_rps", "goodput", lambda in_budget, span_s: (in_budget + 1) / span_s),
    (goodput, "goodput_rps", "goodput", lambda in_budget, span_s: in_budget / (span_s + 1)),
    (energy, "carbon_gco2", "carbon", lambda kwh, grid: kwh * grid / 1000),
    (attribute, "CONVERSIONS", "conversion", frozenset({"exposure"})),
    (figures, "wilson", "conversion", lambda successes, n: (0.0, successes / n)),
]


@pytest.mark.parametrize(("module", "attribute_name", "law", "bug"), BUGS)
def test_a_planted_bug_breaks_its_law(
    monkeypatch: pytest.MonkeyPatch,
    laws: dict[str, Callable[[], None]],
    module: object,
    attribute_name: str,
    law: str,
    bug: object,
) -> None:
    """The law that guards a metric fails when the metric is wrong."""
    monkeypatch.setattr(module, attribute_name, bug)
    with pytest.raises((AssertionError, StopIteration)):
        laws[law]()
