"""What `estimate` is asked, as a workload and as offers."""

from __future__ import annotations

import difflib
import math

from breakeven.catalog.find import Catalog
from breakeven.errors import FactError, UsageError
from breakeven.planner.question import Question
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.estimate import Ask
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.workload import Workload

TAIL = 2.0
"""95th percentile over mean of token counts, for the room in memory. Assumed."""


def check(ask: Ask) -> Ask:
    """The same, if its numbers can be meant.

    Raises:
        UsageError: a number is not finite or not positive.
    """
    for name in ("requests_per_month", "input_tokens", "output_tokens"):
        value: float = getattr(ask, name)
        if not math.isfinite(value) or value <= 0:
            message = f"{name} must be a positive number, got {value:g}"
            raise UsageError(message, "give the mean over a month")
    return ask


def question_of(ask: Ask, peak_to_mean: float) -> Question:
    """The ask as a workload without latency targets, of which only means are known."""
    workload = Workload(
        use_case="estimate",
        n=0,
        span_s=SECONDS_PER_MONTH,
        rate_mean_rps=ask.rate_rps,
        rate_p95_rps=ask.rate_rps * peak_to_mean,
        rate_max_rps=ask.rate_rps * peak_to_mean,
        window_s=3600.0,
        iat_cv=None,
        idc=None,
        shape="unknown",
        input_tokens_mean=ask.input_tokens,
        input_tokens_p50=ask.input_tokens,
        input_tokens_p95=ask.input_tokens * TAIL,
        output_tokens_mean=ask.output_tokens,
        output_tokens_p50=ask.output_tokens,
        output_tokens_p95=ask.output_tokens * TAIL,
    )
    return Question(workload=workload, objective=Objective(use_case="estimate"))


def api_offers(catalog: Catalog, ask: Ask) -> tuple[Offer, ...]:
    """What APIs sell the model asked for; none when only its own model was asked and no API sells it.

    Raises:
        FactError: another model or offer was named that no API of the catalog sells on that day.
    """
    every = catalog.offers(on=ask.as_of, kind="api")
    found = tuple(offer for offer in every if ask.against in (offer.model, offer.id))
    if found or ask.against == ask.model:
        return found
    names = sorted({offer.model for offer in every} | {offer.id for offer in every})
    near = difflib.get_close_matches(ask.against, names, n=3, cutoff=0.5)
    message = f"no API of the catalog sells {ask.against!r} on {ask.as_of}"
    raise FactError(message, f"did you mean {', '.join(near)}?" if near else "`breakeven catalog list` shows them")
