"""The question as replicas see it: what of the latency budget is left for inference."""

from __future__ import annotations

import msgspec

from breakeven.errors import InfeasibleError
from breakeven.planner.question import Question
from breakeven.quantity import format_seconds


def left_for_inference(question: Question, *, devices: bool = False) -> Question:
    """The question with its budget less network, feature retrieval, post-processing and rendering.

    With `devices`, which need no network, a budget that the network takes whole is left as nothing or less.

    Raises:
        InfeasibleError: nothing is left of it.
    """
    asked = question.objective
    if asked.budget_s is None or asked.around_s <= 0:
        return question
    left = asked.budget_s - asked.around_s
    if left <= 0 and not (devices and left + asked.network_s > 0):
        budget, around = format_seconds(asked.budget_s), format_seconds(asked.around_s)
        message = f"{asked.use_case} has a latency budget of {budget}, of which network and other stages take {around}"
        raise InfeasibleError(
            message, "widen the budget, or shorten a stage around inference", binding="latency budget"
        )
    stages = dict.fromkeys(("network_s", "features_s", "postprocess_s", "render_s"), 0.0)
    return msgspec.structs.replace(question, objective=msgspec.structs.replace(asked, budget_s=left, **stages))
