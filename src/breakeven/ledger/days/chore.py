"""The sealer's days: now and then one bounded step, and next to nothing while nothing comes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from breakeven.errors import BreakevenError
from breakeven.ledger.days import finalise
from breakeven.ledger.days.finalise import Made, Work
from breakeven.ledger.disk import Disk
from breakeven.ledger.engine.port import Measure, Opener

BUSY_S, IDLE_S = 10.0, 60.0
"""Seconds from one step to the next while there is more to do, and while there is not."""
_log = logging.getLogger(__name__)


class Chore:
    """Steps of `finalise` at their time. `measures` is asked at each step; a step that fails is tried again later."""

    def __init__(self, data_dir: Path, measures: Callable[[], tuple[Measure, ...]], opener: Opener) -> None:
        self._data_dir, self._measures, self._opener = data_dir, measures, opener
        self._next_s: float | None = None

    def tick(self, now_s: float, steady_s: float) -> Made | None:
        """It is `now_s` (Unix) and `steady_s` (monotonic); None where it is not time yet."""
        if self._next_s is not None and steady_s < self._next_s:
            return None
        made = self._step(now_s)
        self._next_s = steady_s + (BUSY_S if made.more or made.version else IDLE_S)
        return made

    def _step(self, now_s: float) -> Made:
        try:
            measures = self._measures()
            work = Work(data_dir=self._data_dir, now_s=now_s, measures=measures, opener=self._opener, disk=Disk())
            return finalise.step(work)
        except (BreakevenError, OSError, msgspec.MsgspecError) as error:
            _log.warning("days could not be finalised: %s", error)
            return Made()
