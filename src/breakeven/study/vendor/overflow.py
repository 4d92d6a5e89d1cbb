"""What reserved units do not carry: level by level, for a mean rate hides the levels that lie above them."""

from __future__ import annotations

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.config.study.option import Option
from breakeven.study.evaluate import Evaluated

Levels = tuple[tuple[float, float], ...]
"""Multiples of the mean demand, each with its share of the hours."""
PER_CENT = 100


def share_above(found: Evaluated, offer: str, levels: Levels) -> Array | None:
    """(draws) the share of a month's traffic above its units; None where no share is to be found.

    That is where there are no units, where the proposal states the share, and for a level by itself.
    """
    stated, units = found.study.options[offer].provisioned, found.option(offer).context.figures.get("units")
    if stated is None or units is None or stated.overflow is None or stated.overflow_share is not None or not levels:
        return None
    carries = found.scope.need(stated.capacity, "options", offer, "provisioned", "capacity")
    thing = "tokens" if ("token", 1) in carries.amount.dims else "requests"
    served = found.option(offer).context.fleet.served(thing)
    if served is None:
        return None
    needed = (served / carries).amount.to(found.scope.unit("unit"), "units")
    above = sum(hours * np.maximum(0.0, needed * multiple - units.amount.values) for multiple, hours in levels)
    whole = needed.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, np.sum(np.broadcast_to(above, needed.shape), axis=1) / whole, 0.0)


def stating(study: StudyFile, offer: str, share: Array) -> StudyFile:
    """The study with that share stated, the workload's word; many of them are drawn in its place."""
    option = study.options[offer]
    given = Given(
        value=f"{float(share.mean()) * PER_CENT:.6g} %",
        source=study.source.title,
        as_of=study.as_of,
        basis="derived",
        note="share of the traffic above the units, from the hours and multiples of the levels",
    )
    return study.model_copy(update={"options": {offer: _with(option, given)}})


def _with(option: Option, given: Given) -> Option:
    if option.provisioned is None:
        return option
    return option.model_copy(update={"provisioned": option.provisioned.model_copy(update={"overflow_share": given})})
