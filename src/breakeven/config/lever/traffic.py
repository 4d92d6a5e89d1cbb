"""Questions about where predictions go: routing, cascades, caches, context."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from breakeven.config.field import Section, Text
from breakeven.config.lever.span import Amount, Positive, Share


class ShareRouting(Section):
    """Part of the traffic goes to a cheaper model."""

    share: Annotated[Share, Field(description="of predictions that go to the cheaper model")]
    times_cheaper: Annotated[Positive, Field(description="how many times cheaper it is")]
    strong_usd: Annotated[Positive, Field(description="cost of a prediction by the dearer model")]
    router_usd: Annotated[Amount, Field(description="cost of routing one prediction")] = Amount(value=0.0)
    strong_quality: Annotated[Share | None, Field(description="share useful, all sent to the dearer model")] = None
    routed_quality: Annotated[Share | None, Field(description="share useful of the mix")] = None
    strong_s: Annotated[Positive | None, Field(description="seconds of an answer of the dearer model")] = None
    weak_s: Annotated[Positive | None, Field(description="seconds of an answer of the cheaper model")] = None


class Router(Section):
    """A router learned from outcomes of two models on the same prompts."""

    outcomes: Annotated[Text, Field(description="CSV: prompt, one quality column a model; beside this file")]
    strong: Annotated[str, Field(description="column of the dearer model; left out, the better one")] = ""
    weak: Annotated[str, Field(description="column of the cheaper model; left out, the other one")] = ""
    strong_usd: Annotated[Positive, Field(description="cost of a prediction by the dearer model")]
    weak_usd: Annotated[Positive, Field(description="cost of a prediction by the cheaper model")]
    router_usd: Annotated[Amount, Field(description="cost of routing one prediction")] = Amount(value=0.0)
    loss_budget: Annotated[float, Field(gt=0, lt=1, description="quality that may be lost, 0.03: 3 points")] = 0.03
    level: Annotated[float, Field(gt=0, lt=1, description="probability with which it may be exceeded")] = 0.05
    bound: Annotated[
        Literal["auto", "exact", "betting", "empirical-bernstein", "clopper-pearson"],
        Field(description="test of the loss; auto: exact where qualities are 0 or 1, else betting"),
    ] = "auto"
    labels_share: Annotated[float, Field(gt=0, lt=1, description="of the outcomes to learn and calibrate on")] = 0.5
    calibration_share: Annotated[float, Field(gt=0, lt=1, description="of these, those to calibrate on")] = 0.3
    seed: Annotated[int, Field(ge=0, description="of the split")] = 0


class Cascade(Section):
    """The cheaper model answers first; a verifier passes the answer on or calls the dearer one."""

    weak_usd: Annotated[Positive, Field(description="cost of an answer by the cheaper model")]
    strong_usd: Annotated[Positive, Field(description="cost of an answer by the dearer model")]
    verifier_usd: Annotated[Amount, Field(description="cost of judging an answer")] = Amount(value=0.0)
    weak_quality: Annotated[Share, Field(description="share of the cheaper model's answers that are right")]
    strong_quality: Annotated[Share, Field(description="share of the dearer model's that are right")]
    strong_after_reject: Annotated[
        Share | None, Field(description="likewise, of what the verifier rejects; left out, the same")
    ] = None
    accepts_right: Annotated[Share, Field(description="share of right answers that the verifier passes on")]
    accepts_wrong: Annotated[Share, Field(description="share of wrong answers that it passes on")]
    weak_s: Annotated[Positive | None, Field(description="seconds of the cheaper model's answer, judging too")] = None
    strong_s: Annotated[Positive | None, Field(description="seconds of the dearer model's answer")] = None


class Cache(Section):
    """Some predictions are answered from earlier ones that are alike."""

    answer_usd: Annotated[Positive, Field(description="cost of an answer by the model")]
    lookup_usd: Annotated[Amount, Field(description="cost of embedding and looking up one prediction")]
    hit_rate: Annotated[Share, Field(description="share of predictions that find one alike enough")]
    error_rate: Annotated[Share, Field(description="share of those hits whose answer is wrong")]
    wrong_usd: Annotated[Amount, Field(description="what a wrong answer loses beyond being asked again")]
    answer_s: Annotated[Positive | None, Field(description="seconds of an answer by the model")] = None
    lookup_s: Annotated[Positive | None, Field(description="seconds of a look-up")] = None


class Context(Section):
    """Tokens are cut from what is sent with every call."""

    system_tokens: Annotated[Amount, Field(description="of the system prompt, tools and examples")]
    history_tokens: Annotated[Amount, Field(description="of earlier turns, mean over calls")] = Amount(value=0.0)
    user_tokens: Annotated[Amount, Field(description="new in this call")] = Amount(value=0.0)
    output_tokens: Annotated[Amount, Field(description="of an answer")] = Amount(value=0.0)
    cut_tokens: Annotated[Amount, Field(description="to be cut, from system prompt and history")]
    input_usd_per_mtok: Annotated[Positive, Field(description="price of input")]
    cached_input_usd_per_mtok: Annotated[
        Amount | None, Field(description="price of input read from a prefix cache; left out, no discount")
    ] = None
    output_usd_per_mtok: Annotated[Amount, Field(description="price of output")] = Amount(value=0.0)
    cached_share: Annotated[Share, Field(description="of system prompt and history, read from the cache")] = Share(
        value=0.0
    )
    prompt_s_per_token: Annotated[Amount | None, Field(description="seconds that a prompt token takes")] = None
    quality: Annotated[Share | None, Field(description="share useful now")] = None
    cut_quality: Annotated[Share | None, Field(description="share useful afterwards")] = None
