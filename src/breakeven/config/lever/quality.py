"""Questions about what better answers are worth, and what models cost over their lives."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from breakeven.config.field import Section
from breakeven.config.lever.span import Amount, Positive, Share, Span


class Samples(Section):
    """Several answers are drawn, a verifier picks a right one."""

    difficulty_a: Annotated[Positive, Field(description="first parameter of Beta(a, b), the chance of one sample")]
    difficulty_b: Annotated[Positive, Field(description="second parameter")]
    sample_usd: Annotated[Positive, Field(description="cost of a sample, verifying it included")]
    solved_usd: Annotated[Positive, Field(description="what a solved prediction is worth")]
    samples: Annotated[int | None, Field(ge=1, le=100_000, description="to draw; left out, the best number")] = None
    sample_s: Annotated[Positive | None, Field(description="seconds of one sample")] = None


class Reasoning(Section):
    """Tokens of thought, until the next one is worth less than it costs."""

    points: Annotated[
        tuple[tuple[float, float], ...], Field(min_length=4, description="measured (tokens, share useful)")
    ]
    usd_per_mtok: Annotated[Positive, Field(description="price of a token of thought")]
    useful_usd: Annotated[Positive, Field(description="worth of a useful prediction, and loss of a wrong one")]
    tokens: Annotated[Positive, Field(description="spent on a prediction now")]
    s_per_token: Annotated[Positive | None, Field(description="seconds that a token takes")] = None


class Accuracy(Section):
    """A better model that costs more."""

    cost_usd: Annotated[Positive, Field(description="of a prediction now")]
    better_cost_usd: Annotated[Positive, Field(description="of a prediction by the better model")]
    quality: Annotated[Share, Field(description="share useful now")]
    better_quality: Annotated[Share, Field(description="share useful by the better model")]
    useful_usd: Annotated[Amount, Field(description="what a useful prediction brings")]
    wrong_usd: Annotated[Amount, Field(description="what a wrong one loses")] = Amount(value=0.0)


class Distillation(Section):
    """A smaller model is trained (or pruned) once and serves cheaper over its life."""

    teacher_usd: Annotated[Positive, Field(description="cost of a prediction now")]
    student_usd: Annotated[Positive, Field(description="cost of a prediction by the smaller model")]
    training_usd: Annotated[Amount, Field(description="compute, data and labels, once")]
    engineering_months: Annotated[Amount, Field(description="person-months, once")] = Amount(value=0.0)
    engineer_usd_per_month: Annotated[Amount, Field(description="loaded cost of one")] = Amount(value=0.0)
    upkeep_usd_per_month: Annotated[Amount, Field(description="retraining, evaluation, on-call")] = Amount(value=0.0)
    predictions_per_month: Annotated[Positive, Field(description="in month 1")]
    growth_per_month: Annotated[Span, Field(description="0.03 is 3 % a month")] = Span(value=0.0)
    price_fall_per_year: Annotated[Share, Field(description="by which prices fall, of both sides")] = Share(value=0.0)
    discount_per_year: Annotated[Amount, Field(description="cost of capital")] = Amount(value=0.0)
    life_months: Annotated[int, Field(ge=1, le=600, description="until it is replaced")]
    quality: Annotated[Share | None, Field(description="share useful now")] = None
    student_quality: Annotated[Share | None, Field(description="share useful by the smaller model")] = None


class Life(Section):
    """Training against serving over the life of a model."""

    training_usd: Annotated[Positive, Field(description="of the model, once, with failed runs")]
    serving_usd_per_month: Annotated[Positive, Field(description="in month 1")]
    predictions_per_month: Annotated[Positive, Field(description="in month 1")]
    serving_cut_share: Annotated[Share, Field(description="of serving that could be saved")] = Share(value=0.1)
    growth_per_month: Annotated[Span, Field(description="of use, 0.03 is 3 % a month")] = Span(value=0.0)
    price_fall_per_year: Annotated[Span, Field(description="of the cost of serving one prediction")] = Span(value=0.0)
    discount_per_year: Annotated[Amount, Field(description="cost of capital")] = Amount(value=0.0)
    retraining_usd_per_year: Annotated[Amount, Field(description="fine-tuning and refreshes")] = Amount(value=0.0)
    life_months: Annotated[int, Field(ge=1, le=600, description="until it is replaced")]
