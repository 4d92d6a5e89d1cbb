"""Facts of several proposals side by side: each with a key that says whose word it is."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from breakeven.config.study.proposal import WorkloadFile
from breakeven.schema.fact import Fact
from breakeven.study.vendor.case import OFFER, READS, STORE

WORKLOAD = (
    "demand.",
    "conventions.",
    "fx/",
    f"options.{OFFER}.fleet.counts.{STORE}",
    f"options.{OFFER}.fleet.counts.{READS}",
)

HELD = "held_peak"


def keyed(key: str, proposal: str) -> str:
    """A study's key as `workload/demand.requests` or `proposal/ID/option.api.input`; a catalog's stays as it is."""
    own = f"study/{proposal}/"
    if not key.startswith(own):
        return key
    rest = key.removeprefix(own)
    if rest.startswith("workload."):
        return f"workload/{rest.removeprefix('workload.')}"
    if rest == "demand.peak_to_mean":
        return f"proposal/{proposal}/{HELD}"
    if rest.startswith(WORKLOAD):
        rest = rest.replace(f"options.{OFFER}.fleet.counts.{STORE}", "feature_store.size")
        return f"workload/{rest.replace(f'options.{OFFER}.fleet.counts.{READS}', 'feature_store.reads')}"
    return f"proposal/{proposal}/{rest.replace(f'options.{OFFER}.', 'option.')}"


def facts_of(found: Iterable[Fact], proposal: str, workload: WorkloadFile) -> dict[str, Fact]:
    """Facts by their keys; what the engine derived for itself, such as the held peak, is the workload's word."""
    named = {keyed(fact.key, proposal): fact for fact in found}
    return {key: _owned(msgspec.structs.replace(fact, key=key), workload) for key, fact in named.items()}


def _owned(fact: Fact, workload: WorkloadFile) -> Fact:
    if not fact.key.endswith(f"/{HELD}"):
        return fact
    note = "busiest rate / mean rate, from the levels"
    return msgspec.structs.replace(fact, source=workload.source, as_of=workload.as_of, url="", licence="", note=note)
