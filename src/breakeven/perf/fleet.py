"""Replicas behind a router, in virtual time: what the emulator runs in real time. `perf.kernel` is the fast form."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from breakeven.perf import batching
from breakeven.schema.performance import StepCurve

Routing = Literal["least_loaded", "round_robin"]
Router = Callable[[Sequence[batching.Replica], int], int]


def _least_loaded(replicas: Sequence[batching.Replica], key: int) -> int:  # noqa: ARG001 - the shape of a router
    return min(range(len(replicas)), key=lambda index: (replicas[index].in_flight, index))


def _round_robin(replicas: Sequence[batching.Replica], key: int) -> int:
    return key % len(replicas)


ROUTINGS: dict[Routing, Router] = {"least_loaded": _least_loaded, "round_robin": _round_robin}


class Fleet:
    """Feed it arrivals in order of time and advance it; how finely time is cut changes nothing.

    A request is placed `request_s` after its arrival. One that can never fit is `gone` at once and has replica -1.
    """

    def __init__(
        self,
        curve: StepCurve,
        replicas: int,
        *,
        routing: Routing = "least_loaded",
        max_batch_tokens: int = 2048,
        block_tokens: int = 16,
    ) -> None:
        self._curve = curve
        self._replicas = [
            batching.Replica(curve, max_batch_tokens=max_batch_tokens, block_tokens=block_tokens)
            for _ in range(replicas)
        ]
        self._choose = ROUTINGS[routing]
        self._coming: deque[batching.Sequence] = deque()
        self._arrived = 0

    def arrive(self, arrival_s: float, input_tokens: int, output_tokens: int) -> batching.Sequence:
        """A request arrives, not before any earlier one."""
        sequence = batching.Sequence(self._arrived, arrival_s + self._curve.request_s, input_tokens, output_tokens)
        self._arrived += 1
        if not self._replicas[0].can_ever_fit(sequence):
            sequence.gone = True
        else:
            self._coming.append(sequence)
        return sequence

    def cancel(self, sequence: batching.Sequence) -> None:
        """The caller of a request went away."""
        if sequence.replica >= 0:
            self._replicas[sequence.replica].cancel(sequence)
        elif not sequence.gone:
            sequence.gone = True
            self._coming.remove(sequence)

    def advance(self, until_s: float) -> list[batching.Sequence]:
        """Let time pass; returns the sequences that got their first or last token."""
        changed: list[batching.Sequence] = []
        while self._coming and self._coming[0].ready_s <= until_s:
            sequence = self._coming.popleft()
            for replica in self._replicas:
                changed += replica.advance(sequence.ready_s)
            sequence.replica = self._choose(self._replicas, sequence.key)
            self._replicas[sequence.replica].submit(sequence)
        for replica in self._replicas:
            changed += replica.advance(until_s)
        return changed

    def next_change_s(self) -> float:
        """Time by which the next first token, last token or placement can happen; infinite when idle."""
        placed = min(replica.next_change_s() for replica in self._replicas)
        return min(placed, self._coming[0].ready_s if self._coming else math.inf)

    def emitted(self, sequence: batching.Sequence) -> int:
        """Output tokens of a sequence up to the last whole step."""
        return self._replicas[sequence.replica].emitted(sequence) if sequence.replica >= 0 else 0

    @property
    def in_flight(self) -> int:
        """Requests that have arrived and are neither answered nor gone."""
        return len(self._coming) + sum(replica.in_flight for replica in self._replicas)

    @property
    def busy_s(self) -> float:
        """Seconds spent in steps, summed over replicas."""
        return math.fsum(replica.busy_s for replica in self._replicas)

    @property
    def steps(self) -> int:
        """Steps of all replicas."""
        return sum(replica.steps for replica in self._replicas)
