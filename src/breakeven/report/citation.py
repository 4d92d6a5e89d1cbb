"""Footnotes: a number for each fact, and for what a plan or study itself measured, was asked, or counts by."""

from __future__ import annotations

from collections.abc import Iterable

from breakeven.errors import FactError
from breakeven.quantity import HOURS_PER_MONTH, format_count
from breakeven.report import number
from breakeven.report.document import Source, cite
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option, Plan
from breakeven.schema.tco import Tco


class Citations(Noun, frozen=True, kw_only=True):
    """The footnotes of one document, by key."""

    sources: tuple[Source, ...]

    def mark(self, key: str) -> int:
        """The number of a key.

        Raises:
            FactError: the key has no footnote, so the number that cites it has no source.
        """
        for source in self.sources:
            if source.key == key:
                return source.mark
        message = f"a number rests on {key!r}, which is none of the document's {len(self.sources)} sources"
        raise FactError(message, "carry every cited fact in the plan or the study")

    def cite(self, text: str, keys: Iterable[str]) -> str:
        """A text with the marks of its keys, each once, ascending."""
        return cite(text, (self.mark(key) for key in keys))

    def marks(self, keys: Iterable[str]) -> str:
        """The marks alone."""
        return self.cite("", keys)

    @staticmethod
    def keys_of(option: Option) -> tuple[str, ...]:
        """The facts an option's cost and its share in budget rest on."""
        keys = [key for line in option.bill.lines for key in line.facts]
        if option.performance is not None:
            keys.extend(option.performance.goodput_share.facts)
        return tuple(dict.fromkeys(keys))


def citations(plan: Plan) -> Citations:
    """Footnotes: workload, objective, convention, then the facts by key."""
    own = (_workload(plan), _objective(plan), _convention(plan))
    facts = tuple(fact_source(fact, mark) for mark, fact in enumerate(plan.facts, len(own) + 1))
    return Citations(sources=own + facts)


def study_citations(tco: Tco) -> Citations:
    """Footnotes of a study: the study itself, for what it states without a fact, then its facts in their order."""
    written = Source(
        mark=1,
        key="study",
        value=tco.id,
        source=tco.source or tco.title,
        as_of=tco.as_of,
        basis="as written",
    )
    return Citations(sources=(written, *(fact_source(fact, mark) for mark, fact in enumerate(tco.facts, 2))))


def fact_source(fact: Fact, mark: int) -> Source:
    """A fact as a footnote."""
    return Source(
        mark=mark,
        key=fact.key,
        value=number.number(fact.value, fact.unit),
        source=fact.source,
        as_of=fact.as_of,
        url=fact.url,
        licence=fact.licence,
        basis=fact.basis,
        note=fact.note,
    )


def _workload(plan: Plan) -> Source:
    load = plan.workload
    value = f"{format_count(load.n)} requests over {load.span_s:.4g} s"
    source = load.source or f"the ledger's predictions of {plan.use_case}"
    return Source(mark=1, key="workload", value=value, source=source, as_of=plan.as_of, basis="measured")


def _objective(plan: Plan) -> Source:
    asked = plan.objective
    named = (("TTFT", asked.ttft_s), ("TPOT", asked.tpot_s), ("whole answer", asked.budget_s))
    targets = ", ".join(f"{name} {limit:g} s" for name, limit in named if limit is not None) or "no latency target"
    value = f"{targets} for {number.share(asked.attainment)} of requests"
    return Source(mark=2, key="objective", value=value, source="the policy's use case", as_of=plan.as_of, basis="asked")


def _convention(plan: Plan) -> Source:
    value = f"{HOURS_PER_MONTH:g} hours a month"
    return Source(
        mark=3, key="convention", value=value, source="8,760 hours / 12", as_of=plan.as_of, basis="convention"
    )
