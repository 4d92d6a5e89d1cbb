"""How far telemetry has come, on the disk: read on start, written after each batch that a receiver took."""

from __future__ import annotations

import os
import time
import uuid
from logging import getLogger
from pathlib import Path

import msgspec

from breakeven.schema.noun import Noun
from breakeven.telemetry.tally import Point

FILE = "telemetry.json"
DONE = -1
_log = getLogger(__name__)


class State(Noun, frozen=True, kw_only=True):
    """`files`: bytes of each journal that were sent, DONE for all of them. `sequences`: the last number of each node.

    `instance` names this data directory among others; the histograms `points` count since `since_ns`. `missed` counts
    records that were gone before they could be read, `refused` those that the receiver would not take.
    """

    instance: str
    since_ns: int
    files: dict[str, int] = {}
    sequences: dict[str, int] = {}
    points: tuple[Point, ...] = ()
    missed: int = 0
    refused: int = 0


def load(data_dir: Path) -> State:
    """What was written last; a beginning where there is nothing, or nothing that can be read, which is told."""
    path = data_dir / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read, telemetry starts from the journals that are there: %s", path, error)
    return State(instance=str(uuid.uuid4()), since_ns=time.time_ns())


def save(data_dir: Path, state: State) -> None:
    """Write it, durably and all or nothing.

    Raises:
        OSError: the disk is full or failing.
    """
    draft = data_dir / f"{FILE}.new"
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data_dir / FILE)
