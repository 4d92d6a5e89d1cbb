"""The parts of `policy.yaml` that use cases and the policy as a whole are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from breakeven.config.field import (
    OTHERWISE,
    WORD,
    Chance,
    Count,
    Name,
    Positive,
    Section,
    Share,
    Text,
    side,
)
from breakeven.schema.noun import Tier
from breakeven.schema.policy import TIER_RULES, Period, TierRule

MOST_USD = 9_000_000
"""A limit in pico-dollars fits the 63 bits of an integer in SQLite."""

Attribute = Annotated[Text, Field(description="region, device_class, channel, or a label by name")]
Quantile = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class RetrySection(Section):
    """Second tries of what failed before its first byte, within what is left of the budget. On unless `retry: off`."""

    ratio: Annotated[Chance, Field(description="retries allowed per request sent, over time")] = 0.1
    attempts: Annotated[int, Field(ge=1, le=10, description="retries of one request at most")] = 2
    backoff_ms: Annotated[
        float, Field(ge=0, le=60_000, allow_inf_nan=False, description="pause before the first, doubled each time")
    ] = 25.0


RetryChoice = Annotated[
    Annotated[RetrySection, Tag(OTHERWISE)] | Annotated[Literal["off"], Tag(WORD)], Discriminator(side)
]


class HedgeSection(Section):
    """A second try beside a slow first one; the first to answer wins. Only in tiers that allow it."""

    quantile: Annotated[
        Quantile, Field(description="it goes out past this quantile of the deployment's time to the first byte")
    ] = 0.95
    ratio: Annotated[Share, Field(description="hedges allowed per request sent, over time")] = 0.02
    after_ms: Annotated[Positive | None, Field(description="it goes out after this time instead")] = None


class SegmentsSection(Section):
    """Answers prepared for each value of one attribute of the request: the step `segment` of a failure chain."""

    by: Attribute
    answers: Annotated[dict[str, Text], Field(min_length=1, description="the answer for each value of the attribute")]


class RuleSection(Section):
    """An answer where all of `when` hold; the first rule that holds answers: the step `rules` of a failure chain."""

    answer: Annotated[Text, Field(description="the answer, written as `default_answer` is")]
    when: Annotated[
        dict[Text, str],
        Field(description="region, device_class, channel or a label, and its value; left out always holds"),
    ] = {}


class DecisionSection(Section):
    """How candidates become a tensor and scores become a choice, for `POST /v1/decisions/USE_CASE`."""

    features: Annotated[
        tuple[Text, ...], Field(description="features of the request, in the order of the model's columns")
    ] = ()
    candidate_features: Annotated[
        tuple[Text, ...], Field(description="features of each candidate, behind those of the request")
    ] = ()
    input: Annotated[Text, Field(description="the model's input tensor")] = "input"
    output: Annotated[str, Field(description="the model's output tensor; left out is its first")] = ""
    column: Annotated[
        int, Field(ge=-(2**31), lt=2**31, description="where in a row of the output the score stands; -1 is the last")
    ] = -1
    datatype: Annotated[Literal["FP32", "FP64"], Field(description="of the input tensor")] = "FP32"
    explore: Annotated[Chance, Field(description="share of requests that get a candidate at random")] = 0.0


class RouterSection(Section):
    """What the strategy `learned` obeys: weights that `breakeven lever router --weights` wrote, and from when on.

    Without `threshold` and `strong_share` the threshold that passed its test holds.
    """

    weights: Annotated[Text, Field(description="the file, beside this one or in a folder under it")]
    threshold: Annotated[
        float | None, Field(allow_inf_nan=False, description="a prompt of this score or more goes to a strong target")
    ] = None
    strong_share: Annotated[
        Quantile | None,
        Field(description="or the share of calls for strong targets, by the scores of the calibration sample"),
    ] = None
    strong: Annotated[
        tuple[Name, ...], Field(description="strong targets; left out, those that the weights name by name or model")
    ] = ()
    weak: Annotated[tuple[Name, ...], Field(description="weak targets; likewise")] = ()


class BudgetSection(Section):
    """Money that may be spent in a period of UTC, by one tenant or use case, or by all together."""

    name: Annotated[Name, Field(description="as headers, metrics and alerts call it")]
    limit_usd: Annotated[
        float, Field(gt=0, le=MOST_USD, allow_inf_nan=False, description="what may be spent in a period, in USD")
    ]
    period: Annotated[Period, Field(description="when it starts anew, in UTC; total never does")] = "day"
    tenant: Annotated[str, Field(description="whose spending counts; left out is everybody's")] = ""
    use_case: Annotated[str, Field(description="what spending counts; left out is all of it")] = ""
    hard: Annotated[
        bool, Field(description="true: never overspent, the worst case is reserved; false: the estimate is reserved")
    ] = True
    on_exhausted: Annotated[
        Literal["refuse", "cap", "fallback"],
        Field(description="refuse with 429; cap `max_tokens` to what is left; or walk the failure chain"),
    ] = "refuse"
    alert_at: Annotated[tuple[Share, ...], Field(max_length=20, description="shares of the limit that are told")] = (
        0.8,
        1.0,
    )


class TierSection(Section):
    """What a tier is granted; what is left out keeps the default of that tier."""

    share: Annotated[
        Share | None, Field(description="it is admitted while less than this share of a limit is in flight")
    ] = None
    explore: Annotated[bool | None, Field(description="whether its requests may go to a target at random")] = None
    hedge: Annotated[bool | None, Field(description="whether its requests may have a second try beside the first")] = (
        None
    )
    fail: Annotated[
        Literal["open", "closed"] | None,
        Field(description="while budgets or the journal cannot be asked: open serves all the same, closed refuses"),
    ] = None


class TiersSection(Section):
    """The tiers; shares descend, so that load is shed strictly by tier."""

    critical: Annotated[TierSection, Field(description="refused last")] = TierSection()
    important: Annotated[TierSection, Field(description="refused before it")] = TierSection()
    opportunistic: Annotated[TierSection, Field(description="refused first")] = TierSection()

    def rules(self) -> tuple[TierRule, ...]:
        """The three tiers' rules, most important first."""
        return tuple(_rule(standing, self.section(standing.tier)) for standing in TIER_RULES)

    def section(self, tier: Tier) -> TierSection:
        """What is written about a tier."""
        return {"critical": self.critical, "important": self.important, "opportunistic": self.opportunistic}[tier]


def _rule(standing: TierRule, written: TierSection) -> TierRule:
    return TierRule(
        tier=standing.tier,
        share=standing.share if written.share is None else float(written.share),
        explore=standing.explore if written.explore is None else written.explore,
        hedge=standing.hedge if written.hedge is None else written.hedge,
        fail_open=standing.fail_open if written.fail is None else written.fail == "open",
    )


class BreakerSection(Section):
    """When a deployment is left alone: too many failures of late. Then one probe at a time shows when it is back."""

    failures: Annotated[Share, Field(description="share of tries that failed")] = 0.5
    least: Annotated[Count, Field(description="tries in the window before the share counts")] = 5
    window_s: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False, description="how far back tries count, in seconds")
    ] = 10.0
    probe_s: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False, description="seconds between two probes while it is open")
    ] = 1.0
