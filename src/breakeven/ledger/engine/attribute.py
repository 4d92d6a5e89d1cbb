"""Attribution, defined in plain Python: which outcome belongs to which prediction.

An outcome that names a prediction of its tenant belongs to that one. Else its subject decides: the last delivered
prediction of that subject whose use case's window still holds the outcome (of the outcome's use case, if it names one).
Where the outcome or that prediction says "denied", the outcome is not used: it does not fall to an earlier prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from breakeven.ledger.engine.port import DEFAULT_WINDOW_S, MICRO
from breakeven.metric.usefulness import DELIVERED
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction

TOUCHES = frozenset({"click", "conversion", "revenue"})
CONVERSIONS = frozenset({"conversion", "revenue"})
HOME_CURRENCIES = frozenset({"", "USD"})


class Flags(Noun, frozen=True, kw_only=True):
    """What outcomes say about one prediction."""

    exposed: bool = False
    touched: bool = False
    converted: bool = False
    unobserved: bool = False
    revenue_micro: int = 0


class Attribution(Noun, frozen=True, kw_only=True):
    """Flags by prediction id, and the outcomes that were not used, with why."""

    flags: dict[str, Flags]
    unattributed: frozenset[tuple[str, str, str]]
    denied: frozenset[tuple[str, str, str]]


_Trail = Mapping[tuple[str, str], Sequence[Prediction]]


def attribute(
    predictions: Iterable[Prediction], outcomes: Iterable[Outcome], windows: Mapping[str, float]
) -> Attribution:
    """Attribute distinct outcomes to distinct predictions; `windows` in seconds by use case."""
    known = {prediction.prediction_id: prediction for prediction in predictions}
    trail = _trails(known.values())
    found: dict[str, list[Outcome]] = defaultdict(list)
    unattributed: set[tuple[str, str, str]] = set()
    denied: set[tuple[str, str, str]] = set()
    for outcome in outcomes:
        target = _target(outcome, known, trail, windows)
        key = (outcome.tenant, outcome.source, outcome.event_id)
        if target is None:
            unattributed.add(key)
        elif not outcome.prediction_id and "denied" in (outcome.consent, target.consent):
            denied.add(key)
        else:
            found[target.prediction_id].append(outcome)
    flags = {name: flags_of(group) for name, group in found.items()}
    return Attribution(flags=flags, unattributed=frozenset(unattributed), denied=frozenset(denied))


def _trails(predictions: Iterable[Prediction]) -> _Trail:
    trails: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        if prediction.subject and prediction.status in DELIVERED:
            trails[prediction.tenant, prediction.subject].append(prediction)
    return trails


def _target(
    outcome: Outcome, known: Mapping[str, Prediction], trails: _Trail, windows: Mapping[str, float]
) -> Prediction | None:
    if outcome.prediction_id:
        named = known.get(outcome.prediction_id)
        return named if named is not None and named.tenant == outcome.tenant else None
    if not outcome.subject:
        return None
    touches = [
        prediction
        for prediction in trails.get((outcome.tenant, outcome.subject), ())
        if outcome.use_case in ("", prediction.use_case)
        and 0.0 <= outcome.time_s - prediction.time_s <= windows.get(prediction.use_case, DEFAULT_WINDOW_S)
    ]
    return max(touches, key=lambda one: (one.time_s, one.prediction_id), default=None)


def flags_of(outcomes: Sequence[Outcome]) -> Flags:
    """What the outcomes of one prediction say together."""
    kinds = {outcome.kind for outcome in outcomes}
    # A shop may send the value with the conversion, as revenue, or both: it is counted once.
    paid = "revenue" if "revenue" in kinds else "conversion"
    return Flags(
        exposed="exposure" in kinds,
        touched=bool(kinds & TOUCHES),
        converted=bool(kinds & CONVERSIONS),
        unobserved="unobserved" in kinds,
        revenue_micro=sum(money_micro(outcome) for outcome in outcomes if outcome.kind == paid),
    )


def money_micro(outcome: Outcome) -> int:
    """The value of an outcome in millionths of a US dollar; other currencies count as nothing and are reported."""
    home = outcome.currency.upper() in HOME_CURRENCIES
    return round(outcome.value * MICRO) if home and outcome.value is not None else 0
