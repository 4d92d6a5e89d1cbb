"""How good predictions of measured rows were: errors and coverage by source, engine, accelerator and metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from breakeven.assembly.predicted import Predicted
from breakeven.errors import EvidenceError
from breakeven.schema.measurement import Measurement
from breakeven.schema.noun import Noun


class Group(Noun, frozen=True, kw_only=True):
    """Absolute relative errors (fractions) of n rows, and the share of them inside the stated 80 % interval."""

    source: str = ""
    engine: str = ""
    gpu: str = ""
    metric: str = ""
    n: int
    mape: float
    median_ape: float
    p90_ape: float
    coverage80: float


class Unanswered(Noun, frozen=True, kw_only=True):
    """A row without a prediction, and why."""

    row: int
    why: str


class Worst(Noun, frozen=True, kw_only=True):
    """A row far off: what was measured and what was said."""

    row: int
    measured: float
    predicted: float
    what: str


class Accuracy(Noun, frozen=True, kw_only=True):
    """`refused` rows of a supported kind count as misses when they are more than 5 %: `miss` says so."""

    groups: tuple[Group, ...]
    overall: Group
    refused: tuple[Unanswered, ...]
    refused_supported: int
    miss: bool
    worst: tuple[Worst, ...]


MOST_REFUSED = 0.05
_WORST = 12


def accuracy(rows: Sequence[Measurement], predicted: Iterable[Predicted]) -> Accuracy:
    """Compare predictions with the values of their rows.

    Raises:
        EvidenceError: no row has both a value and a prediction.
    """
    everything = list(predicted)
    answered = [one for one in everything if one.predicted is not None and rows[one.row].value]
    if not answered:
        message = f"none of {len(rows)} rows has both a value and a prediction"
        raise EvidenceError(message, "see `refused` in --json for why")
    groups: dict[tuple[str, str, str, str], list[Predicted]] = {}
    for one in answered:
        groups.setdefault(_key(rows[one.row]), []).append(one)
    supported = sum(bool(one.refused) and one.supported for one in everything)
    return Accuracy(
        groups=tuple(_group(rows, some, key) for key, some in sorted(groups.items())),
        overall=_group(rows, answered, ("", "", "", "")),
        refused=tuple(Unanswered(row=one.row, why=one.refused) for one in everything if one.refused),
        refused_supported=supported,
        miss=supported > MOST_REFUSED * (supported + len(answered)),
        worst=_worst(rows, answered),
    )


def _key(row: Measurement) -> tuple[str, str, str, str]:
    return (row.source or "", row.engine or "", row.gpu or "", row.metric or "")


def _group(rows: Sequence[Measurement], some: Sequence[Predicted], key: tuple[str, str, str, str]) -> Group:
    measured, said, low, high = _columns(rows, some)
    errors = np.abs(said / measured - 1.0)
    inside = (low <= measured) & (measured <= high)
    source, engine, gpu, metric = key
    return Group(
        source=source, engine=engine, gpu=gpu, metric=metric, n=len(some), mape=float(errors.mean()),
        median_ape=float(np.median(errors)), p90_ape=float(np.quantile(errors, 0.9)), coverage80=float(inside.mean()),
    )  # fmt: skip


def _columns(rows: Sequence[Measurement], some: Sequence[Predicted]) -> np.ndarray:
    return np.array([(rows[one.row].value, one.predicted, one.low80, one.high80) for one in some], dtype=float).T


def _worst(rows: Sequence[Measurement], some: Sequence[Predicted]) -> tuple[Worst, ...]:
    measured, said, _, _ = _columns(rows, some)
    order = np.argsort(-np.abs(np.log(said / measured)))[:_WORST]
    return tuple(_one(rows[some[place].row], some[place]) for place in order.tolist())


def _one(row: Measurement, one: Predicted) -> Worst:
    parts = (row.engine, row.version, row.model, f"{row.ngpu or row.tp} x {row.gpu}", row.precision, row.metric)
    what = f"{' '.join(str(part) for part in parts if part)}, {row.isl:g}/{row.osl:g} at {row.load_kind} {row.load:g}"
    return Worst(row=one.row, measured=row.value or 0.0, predicted=one.predicted or 0.0, what=what)
