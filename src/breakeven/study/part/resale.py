"""What a purchase fetches at an age, as a share of its price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.config.study.option import Purchase
from breakeven.errors import StudyError
from breakeven.study.context import Context
from breakeven.study.known import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Resale:
    """Shares of the price by age in months (a curve from 1 at age 0), or `end` at the end of life; and their facts."""

    curve: tuple[tuple[float, Array], ...]
    end: Array
    facts: tuple[str, ...]
    text: str

    @property
    def rows(self) -> int:
        """Draws of its shares."""
        return max(int(share.shape[0]) for share in (self.end, *(share for _, share in self.curve)))

    def share(self, age: Array, life: Array) -> Array:
        """Share of the price at an age: by the curve, else a straight line to the residual at the end of life."""
        if not self.curve:
            return 1 - (1 - self.end) * np.minimum(1.0, age / life)
        points = [(0.0, np.ones((1, 1))), *self.curve]
        shape = np.broadcast_shapes(age.shape, (self.rows, 1))
        found = np.broadcast_to(points[-1][1], shape)
        for (young, before), (old, after) in reversed(list(pairwise(points))):
            between = before + (after - before) * (age - young) / (old - young)
            found = np.where(age <= old, between, found)
        return found


def resale(context: Context, stated: Purchase, price: Known) -> Resale:
    """How a purchase keeps its value; `price` is that of all that is bought.

    Raises:
        StudyError: something is worth more old than new, or less than nothing, or its ages do not rise.
    """
    _one_way(context, stated)
    shares = [
        (age, context.wanted(given, "", "purchase", "residual_curve", at))
        for at, (age, given) in enumerate(stated.residual_curve)
    ]
    known = [(age, share) for age, share in shares if share is not None]
    _falling(context, known)
    residual = context.read(stated.residual, "purchase", "residual")
    texts = [one.text for one in (*(share for _, share in known), residual) if one is not None]
    facts = [key for one in (*(share for _, share in known), residual) if one is not None for key in one.facts]
    return Resale(
        curve=tuple((age, _sensible(context, share, share.amount.values[:, :1], price)) for age, share in known),
        end=np.zeros((1, 1)) if residual is None else _at_end(context, residual, price),
        facts=tuple(dict.fromkeys(facts)),
        text=", ".join(texts),
    )


def _one_way(context: Context, stated: Purchase) -> None:
    path = context.path("purchase", "residual_curve")
    if stated.residual is not None and stated.residual_curve:
        message = f"option `{context.name}` states a `residual` and a `residual_curve`"
        raise StudyError(message, "keep one: the curve says what is left at any age", path=path)
    ages: Sequence[float] = [0.0, *(age for age, _ in stated.residual_curve)]
    for before, after in pairwise(ages):
        if not before < after < np.inf:
            message = f"the residual curve of option `{context.name}` goes from age {before:g} to age {after:g} months"
            raise StudyError(message, "let ages rise from above 0: `[[12, 65 %], [36, 27 %]]`", path=path)


def _falling(context: Context, known: Sequence[tuple[float, Known]]) -> None:
    """Raise where something gains value with age, and warn where the curve ends before the horizon.

    Raises:
        StudyError: a share is above the one of a younger age.
    """
    for (young, before), (old, after) in pairwise(known):
        if not context.scope.drawn and after.amount.scalar > before.amount.scalar:
            message = f"the residual curve of option `{context.name}` rises from {before.text} at age {young:g} months"
            message += f" to {after.text} at {old:g}"
            path = context.path("purchase", "residual_curve")
            raise StudyError(message, "let shares fall with age, or state a price that rises as a `trend:`", path=path)
    if known and known[-1][0] < context.scope.horizon:
        told = f"option `{context.name}`: the residual curve ends at month {known[-1][0]:g} and is held from there on"
        context.scope.warnings[told] = None


def _at_end(context: Context, residual: Known, price: Known) -> Array:
    if residual.amount.dims == ():
        return _sensible(context, residual, residual.amount.values[:, :1], price)
    with context.scope.at(*context.path("purchase", "residual")):
        whole = context.fleet.extended(residual, "purchase", "residual")
        share = (whole / price).amount.to(context.scope.unit(""), "the residual / the price")[:, :1]
    return _sensible(context, residual, np.where(whole.amount.values[:, :1] == 0, 0.0, share), price)


def _sensible(context: Context, stated: Known, share: Array, price: Known) -> Array:
    """The share, cut to 0..1 where it is drawn; stated, it must lie there."""
    if context.scope.drawn:
        return np.clip(share, 0.0, 1.0)
    if share.max() > 1 or not share.min() >= 0:
        side = "below nothing" if share.min() < 0 else f"above the purchase price {price.text}"
        message = f"the residual {stated.text} of option `{context.name}` is {side}"
        raise StudyError(message, "state a share between 0 and 100 %", path=context.path("purchase"))
    return share
