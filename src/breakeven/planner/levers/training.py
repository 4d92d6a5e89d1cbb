"""What is paid once against what is paid for every prediction: distillation, pruning, and training as a whole."""

from __future__ import annotations

import numpy as np

from breakeven.config.lever.quality import Distillation, Life
from breakeven.cost.crossing import first_crossing
from breakeven.planner.levers.judge import About, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.schema.lever import Lever

DISTILLATION = About(
    name="distillation",
    title="A distilled or pruned model",
    how="(discounted serving now - training - engineering - upkeep - serving then) / discounted predictions",
    conditions=(
        "the smaller model is not made obsolete before its break-even month by a cheaper one on sale",
        "its quality holds on your own tasks, and is watched: drift is paid for as upkeep",
        "what it frees is billed by use, or taken by other work",
    ),
    unswept=(),
)
LIFE = About(
    name="life",
    title="Training against serving over a model's life",
    how="discounted serving x the cut / discounted predictions",
    conditions=(
        "serving grows with use and falls with prices as stated, with no step when the model is replaced",
        "the cut is of serving; the same share off training is worth `training_cut_usd` in all",
    ),
    quality="the cut takes nothing from the answers",
    unswept=("predictions_per_month", "serving_cut_share"),
)


def months_of(growth: Floats, fall: Floats, discount: Floats, months: int) -> tuple[Floats, Floats]:
    """Predictions and prices by month as multiples of month 1's, discounted to today: (..., months) each.

    (1 + growth)^(m-1) / (1 + discount)^(m/12), and that times (1 - fall)^((m-1)/12).
    """
    month = np.arange(months)
    use = (1 + growth[..., None]) ** month / (1 + discount[..., None]) ** ((month + 1) / 12)
    return use, use * (1 - fall[..., None]) ** (month / 12)


def distillation(question: Distillation, stakes: Stakes) -> Lever:
    """What training and engineering cost once, against cheaper predictions over the life; the break-even month."""
    life = question.life_months
    return judge(DISTILLATION, spans_of(question), stakes, lambda v: distillation_effect(v, life))


def distillation_effect(v: Values, life: int) -> Effect:
    """Level cost per prediction over the life of both, everything discounted; cumulated saving by month."""
    use, paid = months_of(v["growth_per_month"], v["price_fall_per_year"], v["discount_per_year"], life)
    monthly = v["predictions_per_month"]
    use, paid = use * monthly[..., None], paid * monthly[..., None]
    flat = months_of(np.zeros_like(v["discount_per_year"]), np.zeros(()), v["discount_per_year"], life)[0]
    once = v["training_usd"] + v["engineering_months"] * v["engineer_usd_per_month"]
    served, all_use = paid.sum(-1), use.sum(-1)
    upkeep = flat * v["upkeep_usd_per_month"][..., None]
    saved = paid * (v["teacher_usd"] - v["student_usd"])[..., None] - upkeep
    course = np.cumsum(saved, axis=-1) - once[..., None]
    return Effect(
        cost=(
            v["teacher_usd"] * served / all_use,
            (once + upkeep.sum(-1) + v["student_usd"] * served) / all_use,
        ),
        quality=(v.get("quality"), v.get("student_quality")),
        extra=lambda: {
            "break_even_month": Extra(_crossing(course, once), "months", "first month in which all is paid back"),
            "once_usd": Extra(once, "USD", "training + person-months x their cost"),
            "engineering_share": Extra(
                v["engineering_months"] * v["engineer_usd_per_month"] / np.where(once > 0, once, 1.0), "share", "of it"
            ),
            "net_present_usd": Extra(course[..., -1], "USD", "discounted saving over the life, all paid"),
        },
    )


def _crossing(course: Floats, once: Floats) -> Floats:
    start = -np.broadcast_to(once[..., None], (*course.shape[:-1], 1))
    return first_crossing(np.concatenate([start, course], axis=-1))


def life(question: Life, stakes: Stakes) -> Lever:
    """Share of serving in all that a model costs, the month in which it overtakes training, and what a cut is worth."""
    months = question.life_months
    return judge(LIFE, spans_of(question), stakes, lambda v: life_effect(v, months))


def life_effect(v: Values, months: int) -> Effect:
    """Training + retraining + serving of every month, discounted; undiscounted for shares and the crossing."""
    zero = np.zeros(())
    use, paid = months_of(v["growth_per_month"], v["price_fall_per_year"], v["discount_per_year"], months)
    flat = months_of(zero, zero, v["discount_per_year"], months)[0]
    served = v["serving_usd_per_month"] * paid.sum(-1)
    trained = v["training_usd"] + flat.sum(-1) * v["retraining_usd_per_year"] / 12
    spent = (
        v["serving_usd_per_month"][..., None]
        * months_of(v["growth_per_month"], v["price_fall_per_year"], zero, months)[1]
    )
    learned = v["training_usd"][..., None] + v["retraining_usd_per_year"][..., None] / 12 * np.arange(1, months + 1)
    course = np.cumsum(spent, axis=-1) - learned
    predictions, cut = v["predictions_per_month"] * use.sum(-1), v["serving_cut_share"]
    share = spent.sum(-1) / (spent.sum(-1) + learned[..., -1])
    return Effect(
        cost=((trained + served) / predictions, (trained + served * (1 - cut)) / predictions),
        extra=lambda: {
            "serving_share": Extra(share, "share", "of all money spent over the life, not discounted"),
            "crossover_month": Extra(
                _crossing(course, v["training_usd"]), "months", "serving has cost as much as training"
            ),
            "present_cost_usd": Extra(trained + served, "USD", "training and serving, discounted"),
            "serving_cut_usd": Extra(served * cut, "USD", "what the cut of serving is worth today"),
            "training_cut_usd": Extra(v["training_usd"] * cut, "USD", "the same share off training"),
        },
    )
