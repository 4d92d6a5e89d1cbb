"""The predictions of one use case with their arm, their propensities and what became of them, for experiments.

Attribution and usefulness are those of the memory engine. Every record of the ledger is held in memory meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

from breakeven.ledger.correcting import corrected, latest
from breakeven.ledger.engine.attribute import Flags, attribute
from breakeven.ledger.engine.fate import fate_of
from breakeven.ledger.engine.port import MICRO
from breakeven.ledger.identity import key_of
from breakeven.ledger.restore import restore
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.statement import measures
from breakeven.metric import usefulness
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import UseCase
from breakeven.schema.record import Prediction

SEGMENTS = ("region", "device_class", "channel", "model", "tier")
"""Fields of a record that a segment may be; anything else is one of its labels."""


class Tried(Noun, frozen=True, kw_only=True):
    """One prediction and what became of it; None where that is not known. `useful` is None where it cannot be told."""

    prediction: Prediction
    cost_usd: float | None
    useful: bool | None
    converted: bool | None
    revenue_usd: float


def tried(snapshot: Snapshot, use_cases: Mapping[str, UseCase], use_case: str) -> tuple[Tried, ...]:
    """Every prediction of the use case that no drill touched, the earliest first."""
    predictions: dict[tuple[str, ...], Prediction] = {}
    outcomes: dict[tuple[str, ...], Outcome] = {}
    records = [*snapshot.records, *restore(snapshot)]
    for record in records:
        if isinstance(record, Prediction):
            predictions.setdefault(key_of(record), record)
        elif isinstance(record, Outcome):
            outcomes.setdefault(key_of(record), record)
    flags = attribute(predictions.values(), outcomes.values(), measures(use_cases)).flags
    said = latest(records)
    costing = (corrected(one, said) for one in predictions.values())
    asked = [one for one in costing if one.use_case == use_case and not one.drill]
    asked.sort(key=lambda one: (one.time_s, one.prediction_id))
    return tuple(_tried(one, flags.get(one.prediction_id, Flags()), use_cases.get(use_case)) for one in asked)


def _tried(one: Prediction, flags: Flags, case: UseCase | None) -> Tried:
    was_used = usefulness.used(
        case.used_when if case is not None else "unmeasured",
        delivered=one.status in usefulness.DELIVERED,
        exposed=flags.exposed,
        outcome=flags.touched,
    )
    fate = fate_of(one, flags, was_used)
    told = fate not in {"unobserved", "not_measurable"}
    return Tried(
        prediction=one,
        cost_usd=None if one.cost_pico_usd is None else usd_from_pico(one.cost_pico_usd),
        useful=fate in {"used", "converted"} if told else None,
        converted=None if flags.unobserved else flags.converted,
        revenue_usd=flags.revenue_micro / MICRO,
    )


def subject_of(one: Prediction) -> str:
    """For whom it was made: the subject, else the session; "" where neither is known. Tenants never share one."""
    who = one.subject or one.session
    return f"{one.tenant}/{who}" if who else ""


def segment_of(one: Prediction, name: str) -> str:
    """A field or a label of a prediction."""
    return str(getattr(one, name)) if name in SEGMENTS else one.labels.get(name, "")


def arm_shares(one: Prediction, case: UseCase | None) -> dict[str, float]:
    """The probability of each arm by the logged propensities; empty where the policy's targets do not match them.

    Eligible deployments stand in the order of the route's targets, of which some may have been out of service.
    """
    if case is None or len(one.eligible) != len(one.propensities):
        return {}
    shares: dict[str, float] = {}
    targets = iter(case.route.targets)
    for name, propensity in zip(one.eligible, one.propensities, strict=True):
        arm = next((target.arm for target in targets if target.deployment == name), None)
        if arm is None:
            return {}
        shares[arm] = shares.get(arm, 0.0) + propensity
    return shares
