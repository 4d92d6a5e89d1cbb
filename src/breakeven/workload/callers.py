"""Who asked in a trace of our own records, and in which tier."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec
import numpy as np

from breakeven.schema.demand import Callers


class _Asked(msgspec.Struct):
    type: str
    subject: str = ""
    session: str = ""
    tier: str = "important"
    time_s: float = 0.0


class Asked(NamedTuple):
    """When the first request came (Unix seconds), who asked, and the tiers' shares."""

    first_s: float | None
    callers: Callers | None
    tiers: tuple[tuple[str, float], ...]


NOBODY = Asked(None, None, ())


def asked(text: str) -> Asked:
    """Of the predictions among lines that `parse` has read already; nothing where they are another format's."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if not lines or '"type"' not in lines[0] or '"timestamp"' in lines[0]:
        return NOBODY
    decoder = msgspec.json.Decoder(_Asked)
    rows = [row for line in lines if (row := decoder.decode(line.encode())).type == "prediction"]
    tiers = Counter(row.tier for row in rows)
    return Asked(
        min((row.time_s for row in rows), default=None),
        _callers(rows),
        tuple((tier, count / len(rows)) for tier, count in sorted(tiers.items())),
    )


def _callers(rows: list[_Asked]) -> Callers | None:
    subjects, sessions = (
        Counter(name for row in rows if (name := getattr(row, field))) for field in ("subject", "session")
    )
    if not subjects and not sessions:
        return None
    sizes = np.array(list(sessions.values()) or [0], dtype=np.float64)
    return Callers(
        subjects=len(subjects), sessions=len(sessions), session_requests_mean=float(sizes.mean()),
        session_requests_p95=float(np.percentile(sizes, 95)),
        busiest_share=max(subjects.values(), default=0) / len(rows),
    )  # fmt: skip
