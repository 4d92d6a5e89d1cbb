"""The currency a vendor bills in: stated once, or the one its prices are in."""

from __future__ import annotations

from breakeven.algebra.unit import currencies
from breakeven.config.study.option import Option
from breakeven.errors import StudyError
from breakeven.study.scope import Scope
from breakeven.study.vendor.case import OFFER, Asked
from breakeven.study.vendor.factor import Parts, givens

PEOPLE = "people"
"""Category of lines that are no vendor's bill."""


def check(asked: Asked, scope: Scope) -> None:
    """Nothing where a stated currency is that of every price the vendor bills.

    Raises:
        StudyError: a price is in another one.
    """
    stated = asked.proposal.currency
    for name, path in billed(asked, scope).items():
        if stated and name != stated:
            message = f"`option.{'.'.join(map(str, path))}` is in {name}, and the proposal's `currency` is {stated}"
            way_out = f"correct one of them; without `currency:` it is billed in {name}"
            raise StudyError(message, way_out, path=("options", OFFER, *path))


def billed(asked: Asked, scope: Scope) -> dict[str, Parts]:
    """Currencies of the prices the vendor bills, each with where it stands first; formulas have none of their own."""
    found: dict[str, Parts] = {}
    for parts, given in givens(asked.option).values():
        if given.formula is not None or given.fact or _own(asked.option, parts):
            continue
        with scope.at("options", OFFER, *parts):
            leaf = scope.reader.leaf(given, ("options", OFFER, *parts))
        for name in currencies(leaf.unit.dims) if leaf is not None else ():
            found.setdefault(name, parts)
    return found


def _own(option: Option, parts: Parts) -> bool:
    """Whether a figure is one's own: moving away, and one's own people."""
    if parts[:2] == ("exit", "migration"):
        return True
    return parts[0] == "lines" and option.lines[str(parts[1])].category == PEOPLE
