"""How fast the APIs in use answered, as the ledger measured it: what a plan may rest a latency target on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import resolve
from breakeven.assembly.project import Project
from breakeven.config.policy_file import UseCaseSection
from breakeven.ledger.anew import anew
from breakeven.ledger.arm import observe
from breakeven.ledger.store import open_ledger
from breakeven.schema.placed import Latency

FEWEST = 100
"""Answers below which five lie above the 95th percentile at most, and nothing is said of it."""
SELLS_ANSWERS = frozenset({"api", "provisioned"})


@anew
def latencies(loaded: Project, data_dir: Path, section: UseCaseSection, day: str) -> dict[str, Latency]:
    """Of the APIs and provisioned units on a use case's route, by offer; what an emulator said is left out."""
    if not data_dir.exists():
        return {}
    engine, found = open_ledger(data_dir), dict[str, Latency]()
    for name in dict.fromkeys(target.deployment for target in section.route.targets):
        entry = loaded.deployment(name)
        offer = resolve.offer_of(entry, loaded.catalog, day)
        if offer is None or entry.placement not in SELLS_ANSWERS:
            continue
        seen = observe(engine, section.name, name)
        if not seen.emulated and min(len(seen.ttft_s), len(seen.tpot_s)) >= FEWEST:
            found[offer.id] = _latency(seen.ttft_s, seen.tpot_s, day)
    return found


def _latency(ttft_s: Sequence[float], tpot_s: Sequence[float], day: str) -> Latency:
    (ttft, ttft_p95), (tpot, tpot_p95) = (_points(one) for one in (ttft_s, tpot_s))
    return Latency(
        ttft_p50_s=ttft, ttft_p95_s=ttft_p95, tpot_p50_s=tpot, tpot_p95_s=tpot_p95, source="the ledger", as_of=day,
        n=len(ttft_s),
    )  # fmt: skip


def _points(ascending: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile; no less than a microsecond, which a clock may not tell."""
    last = len(ascending) - 1
    middle, high = (max(1e-6, ascending[round(share * last)]) for share in (0.5, 0.95))
    return middle, high
