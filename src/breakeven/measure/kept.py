"""What a load test knows so far, whatever stops it; and how busy the load generator is."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from breakeven.measure.plan import Listener
from breakeven.schema.load import LoadPoint, LoadReport


class Kept:
    """A report that grows.

    Args:
        report: without points: who is measured and by whom, as far as it was stated.
        listener: told of progress.
    """

    def __init__(self, report: LoadReport, listener: Listener) -> None:
        self.report = report
        self.listener = listener

    def point(self, point: LoadPoint) -> None:
        """Another point is done."""
        self.report = msgspec.structs.replace(self.report, points=(*self.report.points, point))
        self.listener.point(point)

    def remark(self, sentences: Sequence[str]) -> None:
        """More to say."""
        self.report = msgspec.structs.replace(self.report, remarks=(*self.report.remarks, *sentences))

    def identity(self, api: str, model: str, engine: str | None = None, version: str | None = None) -> None:
        """Who answers; what was stated goes before what was found out."""
        said = self.report
        self.report = msgspec.structs.replace(
            said, api=api, model=said.model or model, engine=said.engine or engine, version=said.version or version
        )

    def interrupted(self) -> None:
        """Somebody stopped it."""
        self.report = msgspec.structs.replace(self.report, interrupted=True)


class Meter:
    """CPU time of this thread against the clock, since it was made."""

    def __init__(self) -> None:
        self.cpu_s, self.wall_s = time.thread_time(), time.monotonic()

    def share(self) -> float:
        """Share of one core."""
        return (time.thread_time() - self.cpu_s) / max(1e-9, time.monotonic() - self.wall_s)
