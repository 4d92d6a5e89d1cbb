"""Attribution, defined in plain Python: which outcome belongs to which prediction.

An outcome that names a prediction of its tenant belongs to that one. Else its subject decides: each use case
(that of the outcome, if it names one) offers the first or the last, as its `touch` says, of the predictions that it
delivered to that subject within its window before the outcome; the latest of these offers gets it. At one instant the
last touch is the one of the greatest id, the first that of the least.
What says who somebody is, or allows, belongs to no prediction.
Where the outcome or that prediction says "denied", the outcome is not used: it does not fall to an earlier prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from breakeven.ledger.engine.port import DEFAULT_WINDOW_S, MICRO, Measure
from breakeven.ledger.people import KINDS
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
    predictions: Iterable[Prediction], outcomes: Iterable[Outcome], measures: Iterable[Measure]
) -> Attribution:
    """Attribute distinct outcomes to distinct predictions, as each use case measures."""
    rules = {measure.use_case: measure for measure in measures}
    known = {prediction.prediction_id: prediction for prediction in predictions}
    trail = _trails(known.values())
    found: dict[str, list[Outcome]] = defaultdict(list)
    unattributed: set[tuple[str, str, str]] = set()
    denied: set[tuple[str, str, str]] = set()
    for outcome in outcomes:
        if outcome.kind in KINDS:
            continue
        target = _target(outcome, known, trail, rules)
        key = (outcome.tenant, outcome.source, outcome.event_id)
        if target is None:
            (denied if _nobody(outcome) else unattributed).add(key)
        elif not outcome.prediction_id and "denied" in (outcome.consent, target.consent):
            denied.add(key)
        else:
            found[target.prediction_id].append(outcome)
    flags = {name: flags_of(group) for name, group in found.items()}
    return Attribution(flags=flags, unattributed=frozenset(unattributed), denied=frozenset(denied))


def _nobody(outcome: Outcome) -> bool:
    """Consent was denied, so that the gateway took the subject out."""
    return outcome.consent == "denied" and not (outcome.prediction_id or outcome.subject)


def _trails(predictions: Iterable[Prediction]) -> _Trail:
    trails: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        if prediction.subject and prediction.status in DELIVERED:
            trails[prediction.tenant, prediction.subject].append(prediction)
    return trails


def _target(
    outcome: Outcome, known: Mapping[str, Prediction], trails: _Trail, rules: Mapping[str, Measure]
) -> Prediction | None:
    if outcome.prediction_id:
        named = known.get(outcome.prediction_id)
        return named if named is not None and named.tenant == outcome.tenant else None
    if not outcome.subject:
        return None
    touches: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in trails.get((outcome.tenant, outcome.subject), ()):
        if outcome.use_case in ("", prediction.use_case):
            touches[prediction.use_case].append(prediction)
    offers = (_offer(outcome, rules.get(name, _plain(name)), group) for name, group in touches.items())
    return max((one for one in offers if one is not None), key=_moment, default=None)


def _plain(use_case: str) -> Measure:
    """How a use case is measured that the policy does not know."""
    return Measure(use_case=use_case, used_when="unmeasured", window_s=DEFAULT_WINDOW_S)


def _offer(outcome: Outcome, rule: Measure, touches: Iterable[Prediction]) -> Prediction | None:
    """The touch of one use case that the outcome may belong to."""
    opens_s = outcome.time_s - rule.window_s
    within = [one for one in touches if opens_s <= one.time_s <= outcome.time_s]
    return (min if rule.touch == "first" else max)(within, key=_moment, default=None)


def _moment(one: Prediction) -> tuple[float, str]:
    return one.time_s, one.prediction_id


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
