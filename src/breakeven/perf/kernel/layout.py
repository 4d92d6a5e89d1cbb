"""The rows that the kernel works on: numpy records when compiled, plain objects otherwise, with the same fields.

Links between rows are indices, -1 where there is none. Seconds are virtual. A class below is the type of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

ROUND_ROBIN, LEAST_LOADED, PREFIX_AFFINITY = 0, 1, 2
RESERVE, RECOMPUTE, SWAP = 0, 1, 2
OFF, STARTING, UP, DRAINING, DOWN = 0, 1, 2, 3, 4
ANSWERED, REFUSED, NEVER_FITS, UNSERVED = 0, 1, 2, 3
ABSENT, UNUSED = 0, 1
"""`refs` of a prefix block that a replica does not hold, or holds for nobody; used by n it is n + 1."""


class Settings:
    """The one row of what does not change while requests are served: the step curve, the engine, the fleet."""

    step_base_s: float
    step_per_sequence_s: float
    step_per_context_s: float
    step_per_window_context_s: float
    step_per_pair_s: float
    prefill_s_per_token: float
    points: int
    window_tokens: int
    max_sequences: int
    budget: int
    chunked: int
    block_tokens: int
    blocks: int
    policy: int
    watermark: int
    swap_s_per_token: float
    drafts: int
    tokens_per_step: float
    draft_s: float
    draft_per_sequence_s: float
    prefix: int
    hash_tokens: int
    hash_span: int
    hashes: int
    names: int
    known: int
    replicas: int
    slots: int
    prefills: int
    transfer_s: float
    transfer_s_per_token: float
    routing: int
    slack: int
    classes: int
    ttft_limit_s: float
    tpot_limit_s: float
    scale_target: float
    scale_min: int
    scale_max: int
    cold_s: float
    stable_s: float
    tick_s: float
    requests: int
    outages: int
    per_step: int


class Request:
    """`left` prompt tokens are to be computed, 0 when the cache is at hand; `prior` of its prompt are in the cache.

    `emitted` counts tokens up to the last join; `base` is the place in its last block less the tokens of the clock.
    `held` blocks are its own, `shared` are prefix blocks; `next` is the next of whatever list it is in.
    """

    ready_s: float
    prompt: int
    output: int
    chance: int
    rank: int
    left: int
    prior: int
    emitted: int
    joined: int
    base: int
    held: int
    shared: int
    hit: int
    preempted: int
    replica: int
    next: int
    outcome: int
    hash_from: int
    hash_to: int
    first_s: float
    done_s: float


class Replica:
    """`tick` counts steps that decode; `grown` is the tick for which blocks are allotted, `used` in all."""

    state: int
    outages: int
    clock_s: float
    ends_s: float
    due_s: float
    stepping: int
    mixed: int
    in_flight: int
    slots: int
    count: int
    tick: int
    context: float
    window: int
    queued_tokens: int
    prompts: int
    prompts_end: int
    ready: int
    ready_end: int
    used: int
    idle: int
    grown: int
    oldest: int
    newest: int
    version: int
    tried: int
    extra_s: float
    step_prefill_s: float
    step_decode_s: float
    prefill_s: float
    decode_s: float
    steps: int
    decode_steps: int
    decoded: int
    peak: int
    started_s: float
    up_s: float
    alive_s: float


class Slot:
    """A place in a replica's heap of decoding sequences: the tick at which the sequence ends."""

    at: int
    request: int


class Block:
    """A prefix block on one replica: by how many sequences it is used, and its neighbours by last use."""

    refs: int
    newer: int
    older: int


class Queue:
    """Waiting requests of one priority on one replica."""

    first: int
    last: int


class Event:
    """A moment and whom it concerns; `what` is 1 when a replica goes down, 0 when it comes up."""

    at_s: float
    who: int
    what: int


class Fleet:
    """The one row of what is not in a replica: who comes next, who has no replica yet, how the scale moves."""

    coming: int
    outage: int
    handovers: int
    pending: int
    pending_first: int
    pending_last: int
    starting: int
    tick_s: float
    low_since_s: float
    low_peak: int


class Hash:
    """One prefix block of a prompt, by its number among all different ones."""

    block: int


class Name:
    """A place in the table from hashes to numbers; `number` counts from 1, 0 is a free place."""

    hash: int
    number: int


class Phase:
    """How many decoding sequences of a replica share a place in their last block."""

    count: int


class Point:
    """One point of the curve's `token_s`."""

    tokens: float
    seconds: float


class World(NamedTuple):
    """All that the kernel sees, as tables of rows. Its functions reach rows through the functions below."""

    settings: Sequence[Settings]
    fleet: Sequence[Fleet]
    requests: Sequence[Request]
    replicas: Sequence[Replica]
    slots: Sequence[Slot]
    queues: Sequence[Queue]
    blocks: Sequence[Block]
    outages: Sequence[Event]
    handovers: Sequence[Event]
    hashes: Sequence[Hash]
    names: Sequence[Name]
    phases: Sequence[Phase]
    points: Sequence[Point]


def settings_of(w: World) -> Settings:
    """What does not change."""
    return w.settings[0]


def fleet_of(w: World) -> Fleet:
    """What is not in a replica."""
    return w.fleet[0]


def request_at(w: World, row: int) -> Request:
    """One request."""
    return w.requests[row]


def replica_at(w: World, row: int) -> Replica:
    """One replica."""
    return w.replicas[row]


def slot_at(w: World, row: int) -> Slot:
    """One place in the heap of a replica."""
    return w.slots[row]


def queue_at(w: World, row: int) -> Queue:
    """One queue of a replica."""
    return w.queues[row]


def block_at(w: World, row: int) -> Block:
    """One prefix block on a replica."""
    return w.blocks[row]


def outage_at(w: World, row: int) -> Event:
    """One end of an outage."""
    return w.outages[row]


def handover_at(w: World, row: int) -> Event:
    """One place in the heap of handovers."""
    return w.handovers[row]


def hash_at(w: World, row: int) -> Hash:
    """One prefix block of a prompt."""
    return w.hashes[row]


def name_at(w: World, row: int) -> Name:
    """One place in the table from hashes to numbers."""
    return w.names[row]


def phase_at(w: World, row: int) -> Phase:
    """The sequences of a replica at one place in their last block."""
    return w.phases[row]


def point_at(w: World, row: int) -> Point:
    """One point of `token_s`."""
    return w.points[row]


TABLES: dict[str, tuple[type, Callable[..., object]]] = {
    "settings": (Settings, settings_of),
    "fleet": (Fleet, fleet_of),
    "requests": (Request, request_at),
    "replicas": (Replica, replica_at),
    "slots": (Slot, slot_at),
    "queues": (Queue, queue_at),
    "blocks": (Block, block_at),
    "outages": (Event, outage_at),
    "handovers": (Event, handover_at),
    "hashes": (Hash, hash_at),
    "names": (Name, name_at),
    "phases": (Phase, phase_at),
    "points": (Point, point_at),
}
"""The kind of a table's rows, and the function that reaches one."""

Columns = dict[str, Any]


def dtype(kind: type) -> np.dtype[Any]:
    """The record type of a kind of rows: 8 bytes a field, in its order."""
    codes = {"int": "<i8", "float": "<f8"}
    return np.dtype([(name, codes[code]) for name, code in kind.__annotations__.items()])


def table(kind: type, rows: int, columns: Columns) -> Any:  # noqa: ANN401 - records of any kind
    """Rows of a kind as numpy records; columns not given are 0."""
    found = np.zeros(rows, dtype=dtype(kind))
    for name, values in columns.items():
        found[name] = values
    return found


def plain(kind: type, records: Any) -> list[Any]:  # noqa: ANN401 - as `table` returns
    """The same rows as Python objects with Python numbers."""
    names = tuple(kind.__annotations__)
    row = type(kind.__name__, (), {"__slots__": names})
    made = []
    for values in records.tolist():
        one = row()
        for name, value in zip(names, values, strict=True):
            setattr(one, name, value)
        made.append(one)
    return made


def column(rows: Iterable[Any], name: str) -> Any:  # noqa: ANN401 - floats or integers
    """One field of all rows as an array."""
    return rows[name] if isinstance(rows, np.ndarray) else np.array([getattr(row, name) for row in rows])
