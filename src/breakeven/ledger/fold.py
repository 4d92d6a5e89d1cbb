"""Shares summed by what a cut tells apart, column by column: a day may have tens of thousands of cells.

Sums are of 64-bit integers where none can overflow, else of Python's own: exact either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from breakeven.ledger.allot import Share
from breakeven.ledger.engine.port import Cell

_TOLD_APART = ("deployment", "fate", "measurable")
_TEXT = ("deployment", "hour", "day", "use_case", "tenant", "model", "arm", "fate", "measurable")
_LARGEST = ("basis", "energy_basis", "last_s")
_SMALLEST = ("first_s",)
_SUMS = tuple(name for name in Cell.__struct_fields__ if name not in {*_TEXT, *_LARGEST, *_SMALLEST})
_SAFE = 2**62
_Column = npt.NDArray[Any]


class Folder:
    """Shares as columns, folded by any dimension of theirs."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._shares = shares
        cells = [one.cell for one in shares]
        self._text = {name: list(map(attrgetter(name), cells)) for name in _TEXT}
        self._cells = {name: list(map(attrgetter(name), cells)) for name in (*_SUMS, *_LARGEST, *_SMALLEST)}
        self._idle = {name: list(map(attrgetter(name), shares)) for name in ("idle_pico_usd", "over_pico_usd")}
        self._basis = list(map(attrgetter("idle_basis"), shares))

    def by(self, dimension: str) -> dict[Any, list[Share]]:
        """The shares of each key of a dimension ("" is everything), in sums that every figure of a cut equals."""
        if not self._shares:
            return {}
        keys = self._text[dimension] if dimension else [""] * len(self._shares)
        apart = [self._text[name] for name in _TOLD_APART]
        whole = [count > 0 for count in self._cells["predictions"]]
        places: dict[tuple[Any, ...], int] = {}
        codes = [places.setdefault(key, len(places)) for key in zip(keys, *apart, whole, strict=True)]
        found: dict[Any, list[Share]] = {}
        for key, share in zip(places, self._folded(np.asarray(codes), dimension, list(places)), strict=True):
            found.setdefault(key[0], []).append(share)
        return found

    def _folded(self, codes: npt.NDArray[np.int64], dimension: str, places: list[tuple[Any, ...]]) -> list[Share]:
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(places)))
        sums = {name: _sum(self._cells[name], order, starts) for name in _SUMS}
        sums |= {name: _reduce(np.maximum, self._cells[name], order, starts) for name in _LARGEST}
        sums |= {name: _reduce(np.minimum, self._cells[name], order, starts) for name in _SMALLEST}
        idle = {name: _sum(column, order, starts) for name, column in self._idle.items()}
        idle["idle_basis"] = _reduce(np.maximum, self._basis, order, starts)
        return [
            Share(cell=_cell(dimension, place, at, sums), **{name: column[at] for name, column in idle.items()})
            for at, place in enumerate(places)
        ]


def _cell(dimension: str, place: tuple[Any, ...], at: int, sums: Mapping[str, list[Any]]) -> Cell:
    """A cell of sums; what its rows do not share is empty."""
    empty: dict[str, Any] = {"hour": 0, "day": 0, "use_case": "", "tenant": "", "model": "", "arm": ""}
    named = dict(zip(_TOLD_APART, place[1:], strict=False))
    said = empty | ({dimension: place[0]} if dimension else {}) | named
    return Cell(**said, **{name: column[at] for name, column in sums.items()})


def _sum(values: list[int], order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> list[Any]:
    widest = max(map(abs, values))
    column: _Column = np.asarray(values, dtype=object if widest * len(values) >= _SAFE else np.int64)
    return np.add.reduceat(column[order], starts).tolist()  # type: ignore[no-any-return]


def _reduce(how: np.ufunc, values: list[Any], order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> list[Any]:
    return how.reduceat(np.asarray(values)[order], starts).tolist()  # type: ignore[no-any-return]
