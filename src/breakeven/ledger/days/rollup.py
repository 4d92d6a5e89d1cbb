"""A day's answers as one file: additive, so that days sum to a period; read whole, in a tenth of a second."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger.days.fresh import Rate
from breakeven.ledger.days.histogram import Histogram
from breakeven.ledger.days.shelf import Basis
from breakeven.ledger.days.tally import Group, Standing
from breakeven.ledger.engine.port import DEFAULT_WINDOW_S, Audit, Cell, Measure, Standby
from breakeven.schema.noun import Noun

FORMAT = 1
"""Raised when the same rows would give another answer; every roll-up is then made anew."""
_N = TypeVar("_N", bound=Noun)
_WIDEST = 2**63


class Rollup(Noun, frozen=True, kw_only=True):
    """What a UTC day answered. `audit.lost` is the whole ledger's business and 0 here."""

    day: int
    cells: tuple[Cell, ...] = ()
    standby: tuple[Standby, ...] = ()
    audit: Audit = Audit()
    standing: tuple[Standing, ...] = ()
    histograms: dict[Group, Histogram] = {}

    @property
    def rows(self) -> int:
        """Its predictions."""
        return sum(one.predictions for one in self.cells)


def key(basis: Basis, measures: Iterable[Measure], rates: Mapping[Rate, int]) -> str:
    """A hash of what answers depend on beside the rows: the format, the measures and rates of what the day holds."""
    known = {one.use_case: msgspec.to_builtins(one) for one in measures}
    said = {
        "format": FORMAT,
        "window_s": basis.window_s,
        "measures": [[name, known.get(name, DEFAULT_WINDOW_S)] for name in basis.use_cases],
        "rates": [[*pair, rates.get(pair)] for pair in basis.pairs],
    }
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


def encode(rollup: Rollup) -> bytes:
    """The bytes of a roll-up; the same answers, the same bytes."""
    groups = sorted(rollup.histograms)
    said = {
        "format": FORMAT,
        "day": rollup.day,
        "cells": _columns(Cell, rollup.cells),
        "standby": _columns(Standby, rollup.standby),
        "standing": _columns(Standing, rollup.standing),
        "audit": rollup.audit,
        "groups": groups,
        "totals": _narrow([rollup.histograms[group].total_ns for group in groups]),
        "counts": [sorted(rollup.histograms[group].counts.items()) for group in groups],
    }
    return zlib.compress(msgspec.msgpack.encode(said), 1)


def decode(data: bytes, name: str) -> Rollup:
    """A roll-up from its bytes.

    Raises:
        LedgerError: they are not those of a roll-up of this version.
    """
    try:
        said = msgspec.msgpack.decode(zlib.decompress(data))
        if said["format"] != FORMAT:
            message = f"roll-up {name} has format {said['format']}, this version reads {FORMAT}"
            raise LedgerError(message, "run `breakeven ledger finalise`, which makes it anew")
        groups = zip(said["groups"], said["totals"], said["counts"], strict=True)
        return Rollup(
            day=said["day"],
            cells=_nouns(Cell, said["cells"]),
            standby=_nouns(Standby, said["standby"]),
            standing=_nouns(Standing, said["standing"]),
            audit=msgspec.convert(said["audit"], Audit),
            histograms={tuple(g): Histogram(counts=dict(counts), total_ns=int(ns)) for g, ns, counts in groups},
        )
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        message = f"roll-up {name} cannot be read: {error}"
        raise LedgerError(message, "run `breakeven ledger finalise`, which makes it anew") from error


def read(path: Path, expected: str) -> Rollup:
    """The roll-up of a file whose digest is known.

    Raises:
        LedgerError: the file holds something else.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if (found := digest(data)) != expected:
        message = f"roll-up {path.name} has the digest {found[:12]}, not {expected[:12]}"
        raise LedgerError(message, "run `breakeven ledger finalise`, which makes it anew")
    return decode(data, path.name)


def digest(data: bytes) -> str:
    """What tells two answers apart."""
    return hashlib.sha256(data).hexdigest()


def _columns(kind: type[Noun], rows: Sequence[Noun]) -> dict[str, list[Any]]:
    return {name: _narrow([getattr(row, name) for row in rows]) for name in kind.__struct_fields__}


def _narrow(values: list[Any]) -> list[Any]:
    """Integers beyond 64 bits as text."""
    wide = any(isinstance(one, int) and not -_WIDEST <= one < _WIDEST for one in values)
    return [str(one) for one in values] if wide else values


def _nouns(kind: type[_N], columns: Mapping[str, list[Any]]) -> tuple[_N, ...]:
    whole = [_wide(kind, name, columns[name]) for name in kind.__struct_fields__]
    names = kind.__struct_fields__
    return tuple(kind(**dict(zip(names, row, strict=True))) for row in zip(*whole, strict=True))


def _wide(kind: type[Noun], name: str, values: list[Any]) -> list[Any]:
    wide = values and isinstance(values[0], str) and kind.__annotations__[name] == "int"
    return [int(one) for one in values] if wide else values
