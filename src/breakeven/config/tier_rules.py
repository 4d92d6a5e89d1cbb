"""What a tier forbids, and that tiers descend."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from breakeven.config.problem import Complaint, Path
from breakeven.config.reading import Rule
from breakeven.config.rule import mapping, number
from breakeven.config.tree import Value, items
from breakeven.schema.policy import TIER_RULES, TierRule

_STANDING = {rule.tier: rule for rule in TIER_RULES}


def _shares(value: Value) -> Iterator[Complaint]:
    written = mapping(value, "tiers")
    for upper, lower in pairwise(TIER_RULES):
        first, second = _share(written, upper), _share(written, lower)
        if second > first:
            at = lower if number(mapping(written, lower.tier), "share") is not None else upper
            message = f"the share of {lower.tier} is {second:g}, more than {first:g} of {upper.tier}"
            hint = "let shares descend from critical to opportunistic, so that the least important is shed first"
            yield Complaint(path=("tiers", at.tier, "share"), message=message, hint=hint)


def _share(tiers: dict[str, Value], standing: TierRule) -> float:
    written = number(mapping(tiers, standing.tier), "share")
    return standing.share if written is None else written


def _forbidden(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        tier = str(entry.get("tier", "important"))
        if tier not in _STANDING:
            continue
        for key in ("route", "decision"):
            share = number(mapping(entry, key), "explore")
            if share and not _allows(value, tier, "explore"):
                yield _complaint((*path, key, "explore"), entry, tier, "explore", f"explores {share:g} of its requests")
        if isinstance(entry.get("hedge"), dict) and not _allows(value, tier, "hedge"):
            yield _complaint((*path, "hedge"), entry, tier, "hedge", "hedges")


def _allows(value: Value, tier: str, what: str) -> bool:
    written = mapping(mapping(value, "tiers"), tier).get(what)
    return written if isinstance(written, bool) else bool(getattr(_STANDING[tier], what))  # type: ignore[index]


def _complaint(path: Path, entry: dict[str, Value], tier: str, what: str, does: str) -> Complaint:
    message = f"use case `{entry.get('name')}` {does}, which its tier {tier} forbids"
    hint = f"remove it, or allow it with `tiers: {{{tier}: {{{what}: true}}}}`"
    return Complaint(path=path, message=message, hint=hint, on_key=True)


TIER_CHECKS: tuple[Rule, ...] = (_shares, _forbidden)
