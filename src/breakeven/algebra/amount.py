"""A quantity in computation: an array of base-unit values and its dimensions.

Arrays broadcast over (draws, months): a scalar is (1, 1), an uncertain input (draws, 1), a falling price (1, months).
Everything keeps the smallest of these shapes, which is what makes ten thousand draws cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from breakeven.algebra.unit import Dims, Unit, UnitError, multiply, power, require, shown

Array: TypeAlias = NDArray[np.float64]
EXPONENTS = range(-9, 10)
"""What a quantity with a unit may be raised to."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Values in base units (s, J, B, token, currency), at least (1, 1) in shape."""

    values: Array
    dims: Dims

    @property
    def scalar(self) -> float:
        """The first draw's first month, in base units."""
        return float(self.values.flat[0])

    def to(self, unit: Unit, what: str = "the value") -> Array:
        """The values in a unit.

        Raises:
            UnitError: the unit has other dimensions.
        """
        require(what, self.dims, unit.dims)
        return self.values / unit.factor

    def __add__(self, other: Amount) -> Amount:
        require("what is added", other.dims, self.dims)
        return Amount(self.values + other.values, self.dims)

    def __sub__(self, other: Amount) -> Amount:
        require("what is subtracted", other.dims, self.dims)
        return Amount(self.values - other.values, self.dims)

    def __mul__(self, other: Amount) -> Amount:
        return Amount(self.values * other.values, multiply(self.dims, other.dims))

    def __truediv__(self, other: Amount) -> Amount:
        with np.errstate(all="ignore"):
            return Amount(self.values / other.values, multiply(self.dims, other.dims, -1))

    def __neg__(self) -> Amount:
        return Amount(-self.values, self.dims)

    def raised(self, other: Amount) -> Amount:
        """A power: whole exponents of any quantity, any exponent of a plain number.

        Raises:
            UnitError: the exponent has a unit, or is not whole where the base has one.
        """
        if other.dims:
            message = f"an exponent is a plain number, got {shown(other.dims)}"
            raise UnitError(message, "divide it by its unit first")
        exponent = other.scalar
        if self.dims and (other.values.size > 1 or exponent not in EXPONENTS):
            message = f"{shown(self.dims)} cannot be raised to {exponent:g}"
            raise UnitError(message, f"raise plain numbers, or to a whole power of at most {EXPONENTS[-1]}")
        dims = power(self.dims, round(exponent)) if self.dims else ()
        with np.errstate(all="ignore"):
            return Amount(self.values**other.values, dims)

    def mapped(self, function: Callable[[Array], Array]) -> Amount:
        """The values through a function that keeps their unit."""
        return Amount(function(self.values), self.dims)


def amount(value: float | Array, unit: Unit) -> Amount:
    """A number (or an array of draws and months) in a unit."""
    return Amount(np.atleast_2d(np.asarray(value, dtype=np.float64)) * unit.factor, unit.dims)


def number(value: float | Array) -> Amount:
    """A plain number."""
    return Amount(np.atleast_2d(np.asarray(value, dtype=np.float64)), ())
