"""The predictions of a time, record by record, duplicates included."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.ledger import snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.restore import restore
from breakeven.schema.record import Prediction


@anew
def predictions(data_dir: Path, start_s: float, end_s: float) -> tuple[Prediction, ...]:
    """Every record with `start_s` <= time < `end_s` (Unix seconds), sealed or not; segments of other times stay shut.

    Raises:
        LedgerError: there is no ledger there.
    """
    whole = snapshot.of_folder(data_dir)
    near = [one for one in whole.segments if one.table == "predictions" and _near(one, start_s, end_s)]
    sealed = restore(msgspec.structs.replace(whole, segments=tuple(near)))
    records = [one for one in (*whole.records, *sealed) if isinstance(one, Prediction)]
    return tuple(one for one in records if start_s <= one.time_s < end_s)


def _near(segment: snapshot.Segment, start_s: float, end_s: float) -> bool:
    return segment.max_time_s >= start_s and segment.min_time_s < end_s
