"""From scores to a choice among candidates, with the probability of each, and the answer that says so."""

from __future__ import annotations

from math import prod
from typing import Any

import msgspec

from breakeven.schema.noun import Noun
from breakeven.schema.policy import Decision

FIRST = "first"
"""A prepared answer that means the candidate that the client listed first."""


class Chosen(Noun, frozen=True, kw_only=True):
    """One decision. `actions` are all candidates in the client's order, with the probability that each had.

    `scores` are the model's, as many; empty where no model was asked.
    """

    action: str
    actions: tuple[str, ...]
    propensities: tuple[float, ...]
    scores: tuple[float, ...] = ()

    @property
    def propensity(self) -> float:
        """The probability that the action taken had."""
        return self.propensities[self.actions.index(self.action)]


class _Output(msgspec.Struct):
    shape: list[int]
    data: msgspec.Raw
    name: str = ""


class _Answer(msgspec.Struct):
    outputs: list[_Output]


_answers = msgspec.json.Decoder(_Answer)
_flat = msgspec.json.Decoder(list[float])
_rows = msgspec.json.Decoder(list[list[float]])


def chosen_of(
    answer: bytes, spec: Decision, ids: tuple[str, ...], draw: float, *, explore: bool = True
) -> Chosen | str:
    """Choose by the scores in a v2 answer; or say in one word why it holds none.

    With probability 1 - e the candidate of the highest score (of equal ones the least id), with probability e one at
    random, each alike: its propensity is e/n, the best one's 1 - e + e/n. `draw` is uniform in [0, 1); the same draw
    gives the same choice, whatever the order of the candidates.

    Args:
        answer: the model's whole answer.
        spec: which output and column hold the score, and e.
        ids: the candidates, in the order of the tensor's rows.
        draw: what decides.
        explore: the tier allows candidates at random.
    """
    scores = _scores(answer, spec, len(ids))
    if isinstance(scores, str):
        return scores
    share = spec.explore if explore else 0.0
    top = max(scores)
    best = min((one, position) for position, one in enumerate(ids) if scores[position] == top)[1]
    propensities = [share / len(ids)] * len(ids)
    propensities[best] = 1.0 - share * (len(ids) - 1) / len(ids)
    return Chosen(
        action=ids[_picked(ids, best, share, draw)],
        actions=ids,
        propensities=tuple(propensities),
        scores=tuple(scores),
    )


def _picked(ids: tuple[str, ...], best: int, share: float, draw: float) -> int:
    past = draw - (1.0 - share)
    if share <= 0 or past < 0:
        return best
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return order[min(len(ids) - 1, int(past / share * len(ids)))]


def _scores(answer: bytes, spec: Decision, rows: int) -> list[float] | str:
    try:
        outputs = _answers.decode(answer).outputs
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "malformed"
    output = next((one for one in outputs if not spec.output or one.name == spec.output), None)
    if output is None:
        return "no_output"
    data = _data(bytes(output.data))
    if data is None:
        return "not_scores"
    width = len(data) // rows
    column = spec.column if spec.column >= 0 else width + spec.column
    shaped = output.shape[:1] == [rows] and prod(output.shape) == len(data)
    return data[column::width] if shaped and 0 <= column < width else "wrong_shape"


def _data(raw: bytes) -> list[float] | None:
    """Row-major data, flat or nested once; None unless every value is a finite number."""
    try:
        return _flat.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return [value for row in _rows.decode(raw) for value in row]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def fallback_action(text: str, ids: tuple[str, ...]) -> Chosen | None:
    """A prepared answer as a decision: the id of a candidate, or `first`; None when it is no candidate of this request.

    It is certain: its propensity is 1.
    """
    said = text.strip()
    action = said if said in ids else ids[0] if said == FIRST else None
    if action is None:
        return None
    return Chosen(action=action, actions=ids, propensities=tuple(float(one == action) for one in ids))


def decision_body(
    chosen: Chosen, *, prediction_id: str, use_case: str, source: str, model: str, asked_id: str = ""
) -> bytes:
    """The answer. `source` is model, cached, segment, rules or default; scores are null where no model was asked."""
    scores = chosen.scores or (None,) * len(chosen.actions)
    said: dict[str, Any] = {"id": asked_id} if asked_id else {}
    said |= {
        "prediction_id": prediction_id,
        "use_case": use_case,
        "action": chosen.action,
        "propensity": chosen.propensity,
        "actions": [
            {"id": one, "propensity": propensity, "score": score}
            for one, propensity, score in zip(chosen.actions, chosen.propensities, scores, strict=True)
        ],
        "source": source,
        "model": model,
    }
    return msgspec.json.encode(said)
