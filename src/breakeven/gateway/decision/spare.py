"""An allowance that grows with the requests sent: retries and hedges can never be more than a share of them."""

from __future__ import annotations

_PARTS = 1_000_000
"""Counted in whole millionths, so that ten tenths are one."""


class Spare:
    """`ratio` second tries are earned per request sent; `start` are there at first, at most `most` are kept.

    Over any time takes <= start + ratio x requests sent, so with 0.1 a backend that fails everything sees at most 1.1
    times the requests (and `start` more). Source: retry budgets of Finagle and Envoy.
    """

    __slots__ = ("_earning", "_left", "_most")

    def __init__(self, ratio: float, start: float = 1.0, most: float = 10.0) -> None:
        self._earning = round(ratio * _PARTS)
        self._most = round(most * _PARTS)
        self._left = min(round(start * _PARTS), self._most)

    @property
    def left(self) -> float:
        """Second tries that could be taken now."""
        return self._left / _PARTS

    def earn(self) -> None:
        """A request was sent for the first time; second tries earn nothing."""
        self._left = min(self._most, self._left + self._earning)

    def take(self) -> bool:
        """Take one second try, if there is one."""
        if self._left < _PARTS:
            return False
        self._left -= _PARTS
        return True
