"""What a computed study warns of: old figures, fleets that are too small, inputs that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from breakeven.algebra.unit import currencies
from breakeven.catalog.find import Catalog
from breakeven.catalog.stale import age_warning, stated_warning
from breakeven.config.study.file import StudyFile
from breakeven.schema.fact import Fact
from breakeven.study import strain
from breakeven.study.bound import UnpricedError
from breakeven.study.evaluate import Evaluated
from breakeven.study.unused import unused


def doubts(study: StudyFile, catalog: Catalog, base: Evaluated) -> tuple[str, ...]:
    """A sentence each, those noted while the study was computed first.

    Raises:
        StudyError: an input that nothing uses cannot be read.
    """
    small = (text for one in base.priced() for text in strain.warnings(one))
    return (*base.scope.warnings, *_aged(base), *small, *_unlike(base), *_idle(study, catalog))


def _unlike(base: Evaluated) -> Iterator[str]:
    """Options that serve unlike parts of the demand: the cheaper one may only serve less."""
    shares = {
        one.name: 1.0 if (part := one.context.fleet.share) is None else part.amount.scalar for one in base.priced()
    }
    if len(set(shares.values())) > 1:
        told = ", ".join(f"`{name}` {share:.4g}" for name, share in shares.items())
        yield f"options serve unlike shares of the demand ({told}): compare prices per request, not totals"


def _aged(base: Evaluated) -> Iterator[str]:
    """Figures older than their kind keep, and prices of a later day; offers are warned of with what uses them."""
    for key, fact in sorted(base.scope.facts.items()):
        if not key.startswith("offer/"):
            told = _own_age(fact, base) if key.startswith("study/") else age_warning(fact, base.scope.on)
            if told:
                yield f"{key}: {told}"


def _own_age(fact: Fact, base: Evaluated) -> str:
    """The age of a price or a rate that the study states with a day of its own."""
    named = currencies(base.scope.unit(fact.unit).dims)
    if not named or fact.as_of == base.study.source.published:
        return ""
    what, kind = ("rate", "fx") if len(named) > 1 else ("price", "stated")
    return stated_warning(what, fact.as_of, base.scope.on, kind)


def _idle(study: StudyFile, catalog: Catalog) -> Iterator[str]:
    """Inputs that nothing uses; they are read all the same, so that a mistake in one is told."""
    apart = Evaluated(study, catalog)
    for name in unused(study):
        with suppress(UnpricedError):
            apart.named(name)
        yield f"the input `{name}` is used by nothing"
