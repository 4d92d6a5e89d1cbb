"""Marginal accuracy against marginal cost."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from breakeven.config.lever.quality import Accuracy
from breakeven.metric.worth import threshold_usd
from breakeven.planner.levers.judge import About, Effect, Extra, Stakes, Values, judge, spans_of
from breakeven.schema.lever import Lever

ACCURACY = About(
    name="accuracy",
    title="A better model",
    how="(value + loss) x extra useful - extra cost",
    conditions=(
        "a prediction is useful or wrong; there is nothing between",
        "both shares were measured on the same traffic: `breakeven lift` tells the difference with an interval",
    ),
)


def accuracy(question: Accuracy, stakes: Stakes) -> Lever:
    """Worth it while extra cost < (value + loss) x extra useful, per prediction (`metric.worth`)."""
    spans = spans_of(question)
    value, loss = spans.pop("useful_usd"), spans.pop("wrong_usd")

    def effect(v: Values) -> Effect:
        more, extra = v["better_quality"] - v["quality"], v["better_cost_usd"] - v["cost_usd"]
        needed = np.where(more > 0, extra / np.where(more > 0, more, 1.0), np.nan)
        return Effect(
            cost=(v["cost_usd"], v["better_cost_usd"]),
            quality=(v["quality"], v["better_quality"]),
            extra=lambda: {
                "usd_per_extra_useful": Extra(needed, "USD", "extra cost / extra useful: the value + loss it needs"),
                "usd_per_point": Extra(needed / 100, "USD", "extra cost per prediction and point of accuracy"),
            },
        )

    return judge(ACCURACY, spans, replace(stakes, value_usd=value, loss_usd=loss), effect)


def threshold(question: Accuracy) -> float | None:
    """The value + loss of a useful prediction from which the better model pays; None where it is not better."""
    return threshold_usd(
        question.better_cost_usd.value - question.cost_usd.value,
        question.better_quality.value - question.quality.value,
    )
