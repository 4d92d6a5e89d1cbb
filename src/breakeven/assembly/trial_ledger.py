"""An experiment, or a log of choices, read from the ledger's own records."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from breakeven.assembly import files
from breakeven.assembly.retargeting import Target
from breakeven.assembly.trial_file import Rows
from breakeven.audit.offpolicy.log import Choices, Weighed
from breakeven.errors import EvidenceError
from breakeven.ledger import snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import Query
from breakeven.ledger.store import open_ledger
from breakeven.ledger.tracking.rows import Asked as Received
from breakeven.ledger.tracking.rows import counts
from breakeven.ledger.trial import Tried, arm_shares, segment_of, subject_of, tried
from breakeven.schema.noun import Noun
from breakeven.schema.policy import UseCase

Reward = Literal["useful", "converted", "revenue", "profit"]
REWARDS: Mapping[str, Callable[[Tried], float | None]] = {
    "useful": lambda one: None if one.useful is None else float(one.useful),
    "converted": lambda one: None if one.converted is None else float(one.converted),
    "revenue": lambda one: one.revenue_usd,
    "profit": lambda one: None if one.cost_usd is None else one.revenue_usd - one.cost_usd,
}
"""What a choice may be judged by; None leaves it out."""


class Ledgered(Noun, frozen=True, kw_only=True):
    """What the ledger says of a use case's experiments: its predictions, and how sound tracking was.

    `lost_share` of all records never came; `violation_share` of the events since the first of these predictions break
    the tracking plan and were not mended.
    """

    rows: tuple[Tried, ...]
    lost_share: float
    violation_share: float
    case: UseCase | None


@anew
def ledgered(data_dir: Path, use_case: str, policy_id: str | None = None) -> Ledgered:
    """The predictions of a use case.

    Raises:
        EvidenceError: there are none.
    """
    cases = files.use_cases(data_dir)
    found = tried(snapshot.of_folder(data_dir), cases, use_case)
    rows = tuple(one for one in found if policy_id is None or one.prediction.policy_id == policy_id)
    if not rows:
        message = f"the ledger at {data_dir} holds no prediction of use case {use_case!r}"
        raise EvidenceError(message, f"name one of {', '.join(sorted(cases)) or 'those that were served'}")
    broken = _violation_share(data_dir, rows[0].prediction.time_s)
    return Ledgered(rows=rows, lost_share=_lost_share(data_dir), violation_share=broken, case=cases.get(use_case))


def _lost_share(data_dir: Path) -> float:
    """The part of the whole ledger's records that sequence numbers show and no record carries."""
    engine = open_ledger(data_dir)
    audit = engine.audit(Query())
    there = sum(cell.predictions for cell in engine.cells(Query())) + sum(count for _, count in audit.kinds)
    return audit.lost / (there + audit.lost) if audit.lost else 0.0


def _violation_share(data_dir: Path, since_s: float) -> float:
    """The part of the events since a time that break the tracking plan, and so are nobody's outcome."""
    bad = sum(one.events for one in counts(snapshot.of_folder(data_dir), Received(since_s=since_s)))
    sound = sum(count for _, count in open_ledger(data_dir).audit(Query(start_s=since_s)).kinds) if bad else 0
    return bad / (bad + sound) if bad else 0.0


def trial_rows(seen: Ledgered, segment: str = "") -> tuple[Rows, int]:
    """Rows of subjects in arms, and how many predictions have no arm or no subject."""
    rows, left_out = Rows(), 0
    for one in seen.rows:
        subject = subject_of(one.prediction)
        if not subject or not one.prediction.arm:
            left_out += 1
            continue
        numbers = {"cost": _or_nan(one.cost_usd), "useful": _or_nan(one.useful), "converted": _or_nan(one.converted)}
        numbers |= {"revenue": one.revenue_usd, "time_s": one.prediction.time_s}
        rows.add(subject, one.prediction.arm, segment_of(one.prediction, segment) if segment else "", numbers)
    return rows, left_out


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def expected_split(seen: Ledgered, control: str, treatment: str) -> float | None:
    """The treatment's share of both arms that the logged propensities meant, one vote a subject; None if untold."""
    votes: dict[str, float] = {}
    for one in seen.rows:
        subject = subject_of(one.prediction)
        if not subject or subject in votes or one.prediction.arm not in {control, treatment}:
            continue
        shares = arm_shares(one.prediction, seen.case)
        both = shares.get(control, 0.0) + shares.get(treatment, 0.0)
        if both > 0:
            votes[subject] = shares.get(treatment, 0.0) / both
    share = sum(votes.values()) / len(votes) if votes else 0.0
    return share if 0 < share < 1 else None


def choices(seen: Ledgered, target: Target, reward: str, *, decisions: bool) -> tuple[Weighed, int]:
    """The log of choices with a target policy among what was eligible; and how many rows are left out.

    Raises:
        EvidenceError: no row has propensities and the reward.
    """
    logged = [_choice(one, target(one.prediction), REWARDS[reward](one), decisions=decisions) for one in seen.rows]
    rows = [one for one in logged if one is not None]
    if not rows:
        message = f"none of {len(seen.rows)} predictions has propensities, the reward {reward} and a weighted choice"
        raise EvidenceError(
            message, "serve with two or more targets, send outcomes, and name targets in --weights (or a --threshold)"
        )
    firsts = {row.stratum: row for row in rows}
    strata = {key: code for code, key in enumerate(firsts)}
    actions = {name: code for code, name in enumerate(dict.fromkeys(name for key in strata for name in key[0]))}
    wanted = np.zeros((len(strata), len(actions)))
    for key, row in firsts.items():
        total = sum(row.weights.get(name, 0.0) for name in set(key[0]))
        for name in set(key[0]):
            wanted[strata[key], actions[name]] = row.weights.get(name, 0.0) / total
    return Weighed(log=_log(rows, strata, actions), target=wanted), len(seen.rows) - len(rows)


_Stratum = tuple[tuple[str, ...], str]
"""What was eligible, and the class of the prediction."""


class _Choice(NamedTuple):
    """One choice: the target's weights for its stratum, and what was logged."""

    stratum: _Stratum
    weights: Mapping[str, float]
    chosen: str
    propensity: float
    reward: float
    whose: str


def _choice(
    one: Tried, wanted: tuple[str, Mapping[str, float]] | None, reward: float | None, *, decisions: bool
) -> _Choice | None:
    """None where the target policy, the reward or the propensity is not known."""
    seen = one.prediction
    eligible, shares, chosen = (
        (seen.actions, seen.action_propensities, seen.action)
        if decisions
        else (seen.eligible, seen.propensities, seen.chosen)
    )
    if wanted is None or reward is None or chosen not in eligible or len(eligible) != len(shares):
        return None
    kind, weights = wanted
    propensity = sum(share for name, share in zip(eligible, shares, strict=True) if name == chosen)
    if propensity <= 0 or not any(weights.get(name, 0.0) > 0 for name in eligible):
        return None
    whose = ("" if decisions else subject_of(seen)) or seen.request_id
    return _Choice((eligible, kind), weights, chosen, propensity, reward, whose)


def _log(rows: Sequence[_Choice], strata: Mapping[_Stratum, int], actions: Mapping[str, int]) -> Choices:
    whose = {name: code for code, name in enumerate(dict.fromkeys(row.whose for row in rows))}
    return Choices(
        stratum=np.array([strata[row.stratum] for row in rows], dtype=np.intp),
        action=np.array([actions[row.chosen] for row in rows], dtype=np.intp),
        propensity=np.array([min(row.propensity, 1.0) for row in rows]),
        reward=np.array([row.reward for row in rows]),
        cluster=np.array([whose[row.whose] for row in rows], dtype=np.intp),
    )
