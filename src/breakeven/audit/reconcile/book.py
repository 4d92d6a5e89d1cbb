"""The book in which explanations are entered; what is entered and what is left sum to the difference exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from breakeven.schema.reconcile import KINDS, Difference, DifferenceKind

FLOOR_PICO_USD = 10**8
MATERIAL = 0.001
"""A class matters above this share of the larger side, and above a hundredth of a cent."""
SHOWN = 3


@dataclass(slots=True)
class _Entry:
    count: float = 0
    net: int = 0
    gross: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)


class Book:
    """Entries by class and reason, with the examples that concern the most money."""

    def __init__(self, examples: int = SHOWN) -> None:
        self._entries: dict[tuple[DifferenceKind, str], _Entry] = defaultdict(_Entry)
        self._examples = examples

    def enter(
        self,
        kind: DifferenceKind,
        reason: str,
        net: int,
        *,
        count: float = 1,
        gross: int | None = None,
        example: str = "",
    ) -> int:
        """Enter pico-USD of (other side - ledger) under a class; gives them back, to be taken from what is left."""
        entry = self._entries[kind, reason]
        concerns = abs(net) if gross is None else gross
        entry.count += count
        entry.net += net
        entry.gross += concerns
        if example and self._examples:
            entry.examples.append((concerns, example))
            if len(entry.examples) > 4 * self._examples:
                self._trim(entry)
        return net

    def _trim(self, entry: _Entry) -> None:
        entry.examples.sort(key=lambda one: (-one[0], one[1]))
        del entry.examples[self._examples :]

    @property
    def net(self) -> int:
        """What all entries add to the difference, pico-USD."""
        return sum(entry.net for entry in self._entries.values())

    def differences(
        self, scale_pico_usd: int, counted: Callable[[float], bool] | None = None
    ) -> tuple[Difference, ...]:
        """Every class and reason in the order in which they are tried.

        Args:
            scale_pico_usd: the larger side; a class matters above `MATERIAL` of it.
            counted: whether a count matters whatever its money; None is never.
        """
        limit = max(FLOOR_PICO_USD, round(MATERIAL * scale_pico_usd))
        order = sorted(self._entries, key=lambda one: (KINDS.index(one[0]), one[1]))
        return tuple(self._difference(key, limit, counted) for key in order)

    def _difference(
        self, key: tuple[DifferenceKind, str], limit: int, counted: Callable[[float], bool] | None
    ) -> Difference:
        entry = self._entries[key]
        self._trim(entry)
        return Difference(
            kind=key[0],
            reason=key[1],
            count=max(1, round(entry.count)),
            net_pico_usd=entry.net,
            gross_pico_usd=entry.gross,
            material=key[1] != "edge" and (entry.gross > limit or (counted is not None and counted(entry.count))),
            examples=tuple(text for _, text in entry.examples),
        )
