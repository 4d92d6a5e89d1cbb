"""Prefill and decode on instances of their own: which groups of them are worth a look, and how a cache travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from breakeven.perf import apart
from breakeven.planner.search.setup import Kind, Setup
from breakeven.schema.deployment import Pools
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.plan import Option
from breakeven.schema.serving import Serving, Split
from breakeven.schema.workload import Trace

SHAPES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (3, 5), (5, 3), (1, 7), (7, 1))
"""Prefill and decode instances of a group."""

MOST_SHAPES = 2
"""Groups that are weighed of a make on an offer: those that could carry most for each of their accelerators."""


class Group(NamedTuple):
    """A group as a replica: what it adds to a name, its instances, how they serve, and what its caches spare at most.

    `binding` says why nobody knows how it serves.
    """

    said: str
    pools: Pools
    serving: Serving
    hit_share: float
    binding: str = ""


class Groups:
    """The groups of a question: none without a target for the time per token, which alone they can help to keep.

    They read prompts in the largest steps, with a prefix cache where there is one: nobody's answer waits for them.
    """

    def __init__(self, objective: Objective, modes: Sequence[tuple[str, Serving, float]], trace: Trace | None) -> None:
        plain = [one for one in modes if one[1].speculation is None]
        self.mode = max(plain, key=lambda one: (one[1].max_batch_tokens, one[2]), default=None)
        wanted = trace is not None and objective.tpot_s is not None and self.mode is not None
        self.lengths = apart.lengths(trace, self.mode[2]) if wanted and trace is not None and self.mode else None
        self._shapes: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def of(self, kind: Kind, made: Setup, machine: int) -> Iterator[Group]:
        """Those of a make that fill a machine with so many accelerators, the best that closed forms tell."""
        if self.lengths is None or self.mode is None or made.curve is None:
            return
        said, serving, hit_share = self.mode
        for prefill, decode in self._best(made.curve, machine // kind.boards if machine % kind.boards == 0 else 0):
            pools = Pools(prefill=prefill, decode=decode)
            name = f"{said}-pd{prefill}x{decode}"
            if made.transfer_s_per_token is None:
                yield Group(name, pools, serving, hit_share, apart.link_unknown(kind.accelerator))
                return
            split = Split(
                prefill_replicas=prefill, decode_replicas=decode, transfer_s_per_token=made.transfer_s_per_token
            )
            yield Group(name, pools, msgspec.structs.replace(serving, split=split), hit_share)

    def _best(self, curve: StepCurve, instances: int) -> list[tuple[int, int]]:
        """Of the shapes of which whole ones fill so many instances."""
        key = id(curve), instances
        if key not in self._shapes:
            fitting = [shape for shape in SHAPES if instances and instances % sum(shape) == 0]
            self._shapes[key] = sorted(fitting, key=lambda shape: -self._each_rps(curve, shape))[:MOST_SHAPES]
        return self._shapes[key]

    def _each_rps(self, curve: StepCurve, shape: tuple[int, int]) -> float:
        """The bound of a group for each of its instances."""
        if self.lengths is None or self.mode is None:
            return 0.0
        split = Split(prefill_replicas=shape[0], decode_replicas=shape[1])
        return apart.ceiling_rps(curve, split, self.lengths, chunk=self.mode[1].max_batch_tokens) / sum(shape)


def apart_given(options: Sequence[Option]) -> tuple[str, ...]:
    """What was assumed of prefill and decode apart, where an option that could be chosen rests on it."""
    if not any(one.feasible and one.deployment.instances > 1 for one in options):
        return ()
    said = (
        "With prefill and decode apart (-pd) a replica is a group of instances in one machine, and one router hands "
        "prompts to the least loaded instance of all groups; caches travel over the boards' links, each as if alone. "
        f"No measured fleet pins how such groups serve: their errors are taken {apart.UNPROVEN:g} times as wide."
    )
    return (said,)
