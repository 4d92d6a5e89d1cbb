"""How fast a proposal answers at each level, end to end: measured before promised, unknown where neither is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from breakeven.config.study.given import Given
from breakeven.config.study.proposal import Measured, Stage
from breakeven.errors import StudyError
from breakeven.metric.latency import percentile
from breakeven.schema.noun import Basis, Figure
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.case import Asked
from breakeven.study.vendor.fact import keyed

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LEAST = {"p50": 1, "p95": 20, "p99": 100}
"""Samples without which a percentile is not one."""
MS = 1000.0
IQR = 4
"""Samples without which quartiles are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Percentiles of the vendor's answer in seconds, each with where it comes from; absent ones are unknown."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    basis: Mapping[str, Basis] = field(default_factory=dict)
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    iqr: float | None = None
    samples: int = 0


class Speed:
    """The latencies of one proposal, read once."""

    def __init__(self, asked: Asked, found: Evaluated) -> None:
        self.asked, self.found = asked, found

    def seconds(self, given: Given | None, *path: str) -> float | None:
        """A duration of the proposal in seconds.

        Raises:
            StudyError: it is no duration.
        """
        known = self.found.scope.wanted(given, "s", *path)
        return None if known is None else float(known.amount.scalar)

    def measured(self, level: str) -> Answer:
        """The vendor's figures at a level.

        Raises:
            StudyError: a percentile lies above a higher one.
        """
        stated = self.asked.proposal.latency.get(level)
        if stated is None:
            return Answer()
        if stated.samples:
            return _sampled(stated)
        found = {name: self.seconds(getattr(stated, name), "latency", level, name) for name in SHARES}
        known = {name: value for name, value in found.items() if value is not None}
        _ascending(known, "latency", level)
        return Answer(
            seconds=known,
            basis=dict.fromkeys(known, "measured"),
            facts={name: (self.key("latency", level, name),) for name in known},
        )

    def promised(self) -> Answer:
        """The percentiles of the SLA.

        Raises:
            StudyError: p95 lies above p99.
        """
        sla = self.asked.proposal.sla
        found = {"p95": self.seconds(sla.p95, "sla", "p95"), "p99": self.seconds(sla.p99, "sla", "p99")}
        known = {name: value for name, value in found.items() if value is not None}
        _ascending(known, "sla")
        facts = {name: (self.key("sla", name),) for name in known}
        return Answer(seconds=known, basis=dict.fromkeys(known, "assumed"), facts=facts)

    def answer(self, level: str) -> Answer:
        """Measured at this level, else promised at any."""
        one, other = self.measured(level), self.promised()
        return Answer(
            seconds={**other.seconds, **one.seconds},
            basis={**other.basis, **one.basis},
            facts={**other.facts, **one.facts},
            iqr=one.iqr,
            samples=one.samples,
        )

    def key(self, *path: str) -> str:
        """The fact of a quantity of the proposal."""
        leaf = self.found.scope.leaves.get(".".join(path))
        return keyed(leaf.fact.key, self.asked.proposal.id) if leaf else ""

    # -- the chain -----------------------------------------------------------------------------------------------------

    def beside(self) -> tuple[float | None, tuple[str, ...], tuple[str, ...]]:
        """Seconds of the stages outside the vendor's figures, their facts, and the stages not known (then None)."""
        stages = {"network": self.asked.proposal.chain.network}
        if self.asked.workload.feature_store is not None:
            stages["feature_retrieval"] = self.asked.proposal.chain.feature_retrieval
        total, facts, unknown = 0.0, [], []
        for name, stage in stages.items():
            added = self._added(name, stage)
            if added is None:
                unknown.append(name.replace("_", " "))
            else:
                total += added
                facts += [self.key("chain", name, "time")] if added else []
        return (None if unknown else total), tuple(facts), tuple(unknown)

    def _added(self, name: str, stage: Stage) -> float | None:
        return 0.0 if stage.included else self.seconds(stage.time, "chain", name, "time")

    def end_to_end(self, level: str, name: str) -> Figure:
        """A percentile with the stages beside the answer added whole, in seconds."""
        answer, (beside, stage_facts, unknown) = self.answer(level), self.beside()
        value = answer.seconds.get(name)
        if value is None:
            return Figure(value=None, unit="s", note=f"{name} at {level} is neither measured nor promised")
        if beside is None:
            note = f"{name} at {level} does not hold {' and '.join(unknown)}, or nobody says that it does"
            return Figure(value=None, unit="s", note=note)
        basis = answer.basis[name]
        how = f"{'measured by the vendor' if basis == 'measured' else 'promised'}{', stages added' if beside else ''}"
        facts = tuple(key for key in (*answer.facts.get(name, ()), *stage_facts) if key)
        return Figure(value=value + beside, unit="s", basis=basis, how=how, facts=facts)

    def spread(self, level: str) -> Figure:
        """p99 / p50 of the vendor's own measured answer."""
        answer = self.measured(level)
        low, high = answer.seconds.get("p50"), answer.seconds.get("p99")
        if not low or high is None:
            lacking = [name for name in ("p50", "p99") if not answer.seconds.get(name)]
            return Figure(value=None, unit="ratio", note=f"{' and '.join(lacking)} at {level} not given")
        facts = tuple(key for name in ("p50", "p99") for key in answer.facts.get(name, ()))
        return Figure(value=high / low, unit="ratio", basis="measured", how="p99 / p50", facts=facts)

    def iqr(self, level: str) -> Figure:
        """(p75 - p25) / p50 of samples."""
        answer = self.measured(level)
        if answer.iqr is None:
            return Figure(value=None, unit="ratio", note=f"no samples at {level}")
        return Figure(value=answer.iqr, unit="ratio", basis="measured", how=f"quartiles of {answer.samples} samples")

    def worst_spread(self) -> Figure:
        """The widest spread of all levels; unknown while it is unknown at any, for that may be the widest."""
        spreads = [self.spread(level) for level in self.asked.workload.levels]
        unknown = [one.note for one in spreads if one.value is None]
        if unknown:
            return Figure(value=None, unit="ratio", note="; ".join(unknown))
        return max(spreads, key=lambda one: one.value or 0.0)


def _sampled(stated: Measured) -> Answer:
    size = 1 / MS if stated.unit == "ms" else 1.0
    ranked = sorted(one * size for one in stated.samples)
    seconds = {
        name: value
        for name, share in SHARES.items()
        if len(ranked) >= LEAST[name] and (value := percentile(ranked, share)) is not None
    }
    low, middle, high = (percentile(ranked, share) or 0.0 for share in (0.25, 0.5, 0.75))
    iqr = (high - low) / middle if len(ranked) >= IQR else None
    return Answer(seconds=seconds, basis=dict.fromkeys(seconds, "measured"), iqr=iqr, samples=len(ranked))


def _ascending(known: dict[str, float], *path: str) -> None:
    names = [name for name in SHARES if name in known]
    for lower, upper in pairwise(names):
        if known[lower] > known[upper]:
            message = f"`{'.'.join(path)}` has {lower} of {known[lower]:g} s above {upper} of {known[upper]:g} s"
            raise StudyError(message, "a higher percentile is not faster: correct one of them", path=(*path, upper))
