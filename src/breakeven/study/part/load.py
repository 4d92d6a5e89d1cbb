"""A load hour by hour, from a formula, from its values, or from a load-duration curve."""

from __future__ import annotations

import numpy as np

from breakeven.algebra import formula
from breakeven.algebra.amount import Array, number
from breakeven.algebra.unit import UnitError
from breakeven.config.study.option import Load

MOST_HOURS = 87_600
"""Ten years."""


def hourly(stated: Load) -> Array:
    """The load by hour.

    Raises:
        UnitError: not exactly one form is given, its hours are not whole ones, or not as many as are stated, or the
            formula does not come to a plain number an hour.
    """
    forms = [name for name in ("formula", "values", "duration") if getattr(stated, name)]
    if len(forms) != 1:
        message = f"a load has one of `formula`, `values` and `duration`, got {', '.join(forms) or 'none'}"
        raise UnitError(message, "state one of them")
    found = _computed(stated) if stated.formula else _listed(stated)
    if "hours" in stated.model_fields_set and len(found) != stated.hours:
        message = f"`hours:` says {stated.hours}, and `{forms[0]}:` has {len(found)}"
        raise UnitError(message, "leave out `hours:`")
    return found


def _listed(stated: Load) -> Array:
    if stated.values:
        return np.array(stated.values, dtype=np.float64)
    hours, loads = zip(*stated.duration, strict=True)
    wrong = [one for one in hours if not (one >= 0 and one.is_integer())]
    if wrong or sum(hours) > MOST_HOURS:
        told = f"{wrong[0]:g} of them" if wrong else f"{sum(hours):g} in all"
        message = f"a load-duration curve has whole hours, at most {MOST_HOURS} in all, got {told}"
        raise UnitError(message, "round them, so that they sum to the hours of the load")
    return np.repeat(np.array(loads, dtype=np.float64), np.array(hours, dtype=np.intp))


def _computed(stated: Load) -> Array:
    hours = np.arange(stated.hours, dtype=np.float64).reshape(1, -1)
    tree = formula.parse(stated.formula)
    unknown = [name for name in formula.names(tree) if name != "h"]
    if unknown:
        message = f"a load formula knows `h`, the hour, and not `{unknown[0]}`"
        raise UnitError(message, "write numbers")
    found = formula.evaluate(tree, lambda _: number(hours)).values
    return np.array(np.broadcast_to(found, hours.shape)[0])
