"""A quantity that knows where it comes from: its amount, its facts, and how to write it down."""

from __future__ import annotations

from dataclasses import dataclass, replace

from breakeven.algebra.amount import Amount, number
from breakeven.schema.noun import Basis


@dataclass(frozen=True, slots=True)
class Known:
    """An amount with the keys of the facts behind it and the text of a formula.

    `varies` where it follows demand; `hourly` where it is money an hour (or power), which used hours make less of;
    `monthly` where it is stated per month, as the change of a trend may be.
    """

    amount: Amount
    facts: tuple[str, ...] = ()
    text: str = ""
    basis: Basis = "derived"
    varies: bool = False
    hourly: bool = False
    monthly: bool = False

    def __mul__(self, other: Known) -> Known:
        return self._with(other, self.amount * other.amount, " x ")

    def __truediv__(self, other: Known) -> Known:
        return self._with(other, self.amount / other.amount, " / ")

    def __add__(self, other: Known) -> Known:
        return self._with(other, self.amount + other.amount, " + ")

    def __sub__(self, other: Known) -> Known:
        return self._with(other, self.amount - other.amount, " - ")

    def based(self, amount: Amount, text: str) -> Known:
        """Another amount that rests on the same facts."""
        return replace(self, amount=amount, text=text)

    def resting_on(self, other: Known) -> Known:
        """The same amount, with the facts of another beside its own."""
        return replace(
            self,
            facts=_both(self, other),
            basis=_weaker(self, other),
            varies=self.varies or other.varies,
            hourly=self.hourly or other.hourly,
            monthly=self.monthly or other.monthly,
        )

    def _with(self, other: Known, amount: Amount, sign: str) -> Known:
        return replace(self.resting_on(other), amount=amount, text=_joined(self, other, sign))


def plain(value: float, text: str = "") -> Known:
    """A number that needs no source."""
    return Known(number(value), (), text)


def _both(one: Known, other: Known) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one.facts, *other.facts)))


def _weaker(one: Known, other: Known) -> Basis:
    return "assumed" if "assumed" in {one.basis, other.basis} else one.basis


def _joined(one: Known, other: Known, sign: str) -> str:
    if not one.text or not other.text:
        return one.text or other.text
    left, right = (
        f"({side.text})" if sign.strip() in "x/" and _summed(side.text) else side.text for side in (one, other)
    )
    return f"{left}{sign}{right}"


def _summed(text: str) -> bool:
    """Whether a text is a sum or a difference, which a product would tear apart."""
    return " + " in text or " - " in text
