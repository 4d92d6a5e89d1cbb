"""Speeds that plans simulated, kept in the data directory: a price that changes costs no simulation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from breakeven.assembly.files import write_atomically
from breakeven.planner.speed import Kept

NAME = "speeds.msgpack"
MOST = 4_000
"""Of each kind of answer, the latest used are kept: about 8 MB at most."""

V = TypeVar("V")


def read(data_dir: Path) -> Kept:
    """What was kept; nothing where there is no such file or it cannot be read, since all of it can be made again."""
    try:
        return msgspec.msgpack.decode((data_dir / NAME).read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Kept()


def write(kept: Kept, data_dir: Path) -> None:
    """Keep the latest used of them; where nothing is new the file stays as it is."""
    if not kept.changed:
        return
    found = Kept(
        highest=_latest(kept.highest, kept.used),
        shares=_latest(kept.shares, kept.used),
        found=_latest(kept.found, kept.used),
        slower=_latest(kept.slower, kept.used),
    )
    write_atomically(data_dir / NAME, msgspec.msgpack.encode(found))


def _latest(answers: Mapping[str, V], used: set[str]) -> dict[str, V]:
    """Those of this run last, so that the oldest go first."""
    old = [(key, value) for key, value in answers.items() if key not in used]
    new = [(key, value) for key, value in answers.items() if key in used][-MOST:]
    return dict([*old[max(0, len(old) + len(new) - MOST) :], *new])
