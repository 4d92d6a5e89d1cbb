"""One prediction's fate and cost, defined in plain Python, and the sums of a cell."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.ledger import layout
from breakeven.ledger.engine.attribute import Flags
from breakeven.ledger.engine.port import ATTO_KWH, BASES, NO_HOUR, Cell, Fate
from breakeven.metric import usefulness
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.noun import Noun
from breakeven.schema.policy import UsedWhen
from breakeven.schema.record import Prediction

_UNKNOWN = len(BASES) - 1


class Row(Noun, frozen=True, kw_only=True):
    """A prediction as the statement sees it."""

    prediction: Prediction
    fate: Fate
    was_used: bool | None
    work_pico_usd: int
    unpriced: bool
    revenue_micro: int

    @property
    def key(self) -> tuple[str, int, int, str, str, str, str, str]:
        """What rows of one cell share."""
        one = self.prediction
        hour = int(one.time_s // SECONDS_PER_HOUR) if self.work_pico_usd else NO_HOUR
        day = layout.day_of(one.time_s)
        return (one.deployment, hour, day, one.use_case, one.tenant, one.model, one.arm, self.fate)


def row(prediction: Prediction, flags: Flags, used_when: UsedWhen, rate: int | None) -> Row:
    """A prediction with what outcomes say about it; `rate` is its deployment's pico-USD per replica-second."""
    was_used = usefulness.used(
        used_when,
        delivered=prediction.status in usefulness.DELIVERED,
        exposed=flags.exposed,
        outcome=flags.touched,
    )
    return Row(
        prediction=prediction,
        fate=fate_of(prediction, flags, was_used),
        was_used=was_used,
        work_pico_usd=_work(prediction, rate),
        # What was refused at the door never reached a price.
        unpriced=prediction.cost_pico_usd is None and prediction.status != "refused",
        revenue_micro=flags.revenue_micro,
    )


def identified(prediction: Prediction) -> bool:
    """Whether it is known for whom the prediction was made."""
    return bool(prediction.subject or prediction.session)


def fate_of(prediction: Prediction, flags: Flags, was_used: bool | None) -> Fate:  # noqa: FBT001, PLR0911 - a ladder of eight rungs
    """The first rung that a prediction stops at."""
    if flags.unobserved:
        return "unobserved"
    if prediction.status not in usefulness.DELIVERED:
        return "not_served"
    if not prediction.in_budget:
        return "late"
    useful = usefulness.useful(inside=True, identified=True, was_used=was_used)
    if useful is None:
        return "not_measurable"
    if not identified(prediction):
        return "unidentified"
    if not useful:
        return "not_used"
    return "converted" if flags.converted else "used"


def _work(prediction: Prediction, rate: int | None) -> int:
    if prediction.cost_pico_usd is None or prediction.work_s is None or rate is None:
        return 0
    return min(prediction.cost_pico_usd, round(prediction.work_s * rate))


def cell(rows: Sequence[Row]) -> Cell:
    """The sums of rows that share a key."""
    predictions = [one.prediction for one in rows]
    deployment, hour, day, use_case, tenant, model, arm, _ = rows[0].key
    energy = [one for one in predictions if one.energy_kwh is not None]
    statuses = [one.status for one in predictions]
    return Cell(
        deployment=deployment,
        hour=hour,
        day=day,
        use_case=use_case,
        tenant=tenant,
        model=model,
        arm=arm,
        fate=rows[0].fate,
        measurable=rows[0].was_used is not None,
        predictions=len(rows),
        answered=statuses.count("answered"),
        cached=statuses.count("cached"),
        fallback=statuses.count("fallback"),
        refused=statuses.count("refused"),
        failed=statuses.count("failed"),
        cancelled=statuses.count("cancelled"),
        in_budget=sum(one.in_budget for one in predictions),
        used=sum(bool(one.was_used) for one in rows),
        unpriced=sum(one.unpriced for one in rows),
        cost_pico_usd=sum(one.cost_pico_usd or 0 for one in predictions),
        work_pico_usd=sum(one.work_pico_usd for one in rows),
        basis=max(_basis(one) for one in rows),
        revenue_micro=sum(one.revenue_micro for one in rows),
        input_tokens=sum(one.served.input for one in predictions),
        output_tokens=sum(one.served.output for one in predictions),
        emulated=sum(one.emulated for one in predictions),
        energy_rows=len(energy),
        energy_atto_kwh=sum(round((one.energy_kwh or 0.0) * ATTO_KWH) for one in energy),
        energy_basis=max((BASES.index(one.energy_basis) for one in energy), default=0),
        first_s=min(one.time_s for one in predictions),
        last_s=max(one.time_s for one in predictions),
    )


def _basis(row: Row) -> int:
    if row.unpriced:
        return _UNKNOWN
    return BASES.index(row.prediction.cost_basis) if row.prediction.cost_pico_usd else 0
