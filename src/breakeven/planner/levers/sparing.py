"""Calls that are not made, and tokens that are not sent: a semantic cache, a shorter context."""

from __future__ import annotations

import numpy as np

from breakeven.config.lever.traffic import Cache, Context
from breakeven.errors import UsageError
from breakeven.planner.levers.judge import About, Both, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.schema.lever import Lever

MTOK = 1e6

CACHE = About(
    name="cache",
    title="A semantic cache",
    how="hit rate x ((1 - error) x answer - error x loss of a wrong one) - look-up",
    conditions=(
        "a right hit saves the answer's cost, a wrong one saves nothing and loses what is stated",
        "the error rate is per hit, audited on your own traffic; per request it looks smaller",
        "what is saved is billed by use, or frees capacity that other work takes",
    ),
    quality="wrong answers are counted as cost, at what each is stated to lose",
)
CONTEXT = About(
    name="context",
    title="A shorter context",
    how="tokens cut x the price they are billed at (cached or not), and what quality is worth",
    conditions=(
        "what is cut is part of the system prompt and the history, cached as often as the rest of them",
        "the cut leaves the prefix the same for all calls, otherwise the cache is lost: `cached_share` afterwards",
    ),
)


def cache(question: Cache, stakes: Stakes) -> Lever:
    """Serve from the cache while p_err < c / (c + L): the net saving at this hit rate and error."""
    return judge(CACHE, spans_of(question), stakes, cache_effect)


def cache_effect(v: Values) -> Effect:
    """Changed cost = look-up + (1 - h) c + h e (c + L): a wrong hit is asked again, and loses L."""
    answer, hits, wrong = v["answer_usd"], v["hit_rate"], v["error_rate"]
    right = 1 - wrong
    changed = v["lookup_usd"] + answer * (1 - hits * right) + hits * wrong * v["wrong_usd"]
    latency: Both = (v.get("answer_s"), None)
    if "answer_s" in v and "lookup_s" in v:
        latency = (v["answer_s"], v["lookup_s"] + (1 - hits * right) * v["answer_s"])
    each = right * answer - wrong * v["wrong_usd"]
    return Effect(
        cost=(answer, changed),
        latency=latency,
        extra=lambda: {
            "highest_error_rate": Extra(
                answer / (answer + v["wrong_usd"]), "share", "serve a hit while its error is below c / (c + L)"
            ),
            "lowest_hit_rate": Extra(_or_never(v["lookup_usd"], each), "share", "look-up / net saving of a hit"),
            "wrong_share": Extra(hits * wrong, "share", "of all predictions, answered wrongly from the cache"),
        },
    )


def _or_never(cost: Floats, gain: Floats) -> Floats:
    """Cost / gain; infinite where nothing is gained."""
    return np.where(gain > 0, cost / np.where(gain > 0, gain, 1.0), np.inf)


def context(question: Context, stakes: Stakes) -> Lever:
    """What system prompt and history cost on every call, and what cutting some of them saves.

    Raises:
        UsageError: more is to be cut than there is.
    """
    there = question.system_tokens.value + question.history_tokens.value
    if question.cut_tokens.value > there:
        message = f"{question.cut_tokens.value:g} tokens are to be cut of a system prompt and history of {there:g}"
        raise UsageError(message, "cut at most as many as are sent")
    return judge(CONTEXT, spans_of(question), stakes, context_effect)


def context_effect(v: Values) -> Effect:
    """Input price of a context token = (1 - cached) full + cached x cached price."""
    price = v["input_usd_per_mtok"] / MTOK
    cached = v.get("cached_input_usd_per_mtok", v["input_usd_per_mtok"]) / MTOK
    share = v["cached_share"]
    each = (1 - share) * price + share * cached
    kept, cut = v["system_tokens"] + v["history_tokens"], v["cut_tokens"]
    rest = v["user_tokens"] * price + v["output_tokens"] * v["output_usd_per_mtok"] / MTOK
    now = kept * each + rest
    after = np.maximum(kept - cut, 0.0) * each + rest
    latency: Both = (None, None)
    if "prompt_s_per_token" in v:
        read = v["prompt_s_per_token"] * (1 - share)
        fresh = v["prompt_s_per_token"] * v["user_tokens"]
        latency = (read * kept + fresh, read * np.maximum(kept - cut, 0.0) + fresh)
    return Effect(
        cost=(now, after),
        latency=latency,
        quality=(v.get("quality"), v.get("cut_quality")),
        extra=lambda: {
            "system_usd": Extra(v["system_tokens"] * each, "USD", "system prompt of one call"),
            "history_usd": Extra(v["history_tokens"] * each, "USD", "history of one call"),
            "context_share": Extra(kept * each / now, "share", "of the call's cost"),
            "saved_by_caching_usd": Extra(
                kept * share * (price - cached), "USD", "what the prefix cache saves already"
            ),
            "left_to_cache_usd": Extra(
                kept * (1 - share) * (price - cached), "USD", "what caching all of it would save without a cut"
            ),
        },
    )
