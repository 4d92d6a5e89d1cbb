"""What a plan takes as given of its own options, a sentence each: old prices, spot, groups, consumers' boards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.catalog.find import Catalog
from breakeven.catalog.stale import age_warning
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.search.apart import apart_given
from breakeven.planner.search.space import spot_given
from breakeven.schema.plan import Option

CONSUMER = "GeForce"
"""What the name of a board made for consumers holds."""


def given_of(
    options: Sequence[Option], weighed: Sequence[Candidate], scope: Scope, catalog: Catalog
) -> tuple[str, ...]:
    """The sentences; none of what no option rests on."""
    return (
        *spot_given(scope, options),
        *apart_given(options),
        *_consumer(options, catalog),
        *_aged(options, weighed, scope.as_of),
    )


def _consumer(options: Sequence[Option], catalog: Catalog) -> Iterator[str]:
    """NVIDIA's licence of GeForce drivers, 2.1.3, of 2017; others may have followed."""
    boards = {one.deployment.accelerator for one in options if one.feasible and one.deployment.accelerator}
    for board in sorted(boards):
        if board in catalog.accelerator_heads and CONSUMER in catalog.accelerator_heads[board].name:
            yield (
                f"{board} is a board for consumers: the licence of its driver has excluded data centres (NVIDIA, "
                "2017), and who rents it out answers for that. `planning: accelerators` says which boards may be taken."
            )


def _aged(options: Sequence[Option], weighed: Sequence[Candidate], on: str) -> Iterator[str]:
    """A sentence for each price in use that is older than prices of its kind keep."""
    used = {option.name for option in options if option.monthly_cost_usd is not None}
    offers = {one.offer.id: one.offer for one in weighed if one.offer is not None and one.name in used}
    for name in sorted(offers):
        if warning := age_warning(offers[name], on):
            yield f"{name}: {warning}."
