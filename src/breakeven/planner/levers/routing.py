"""Part of the traffic to a cheaper model: by a share, or by a cascade that asks it first."""

from __future__ import annotations

from breakeven.config.lever.traffic import Cascade, ShareRouting
from breakeven.planner.levers.judge import About, Both, Effect, Extra, Stakes, Values, judge, spans_of
from breakeven.schema.lever import Lever

SHARE = About(
    name="share",
    title="Routing part of the traffic to a cheaper model",
    how="share x (1 - 1 / times cheaper) x cost - router, and what quality is worth",
    conditions=(
        "the prompts sent down cost as much as the mean prompt",
        "the cheaper model has capacity for its share, or is billed by use",
    ),
)
CASCADE = About(
    name="cascade",
    title="The cheaper model first, the dearer one where a verifier rejects",
    how="strong - (weak + verifier + rejected x strong), and what quality is worth",
    conditions=(
        "the verifier's rates hold on your own traffic; they decide more than the models do",
        "the latency budget has room for both models one after the other",
        "the dearer model is as often right where the cheaper one was rejected, unless `strong_after_reject` says",
    ),
)


def share(question: ShareRouting, stakes: Stakes) -> Lever:
    """Share s to a model k times cheaper saves s (1 - 1/k) of the cost, less the router."""

    def effect(v: Values) -> Effect:
        s, k, strong = v["share"], v["times_cheaper"], v["strong_usd"]
        latency: Both = (v.get("strong_s"), None)
        if "strong_s" in v and "weak_s" in v:
            latency = (v["strong_s"], s * v["weak_s"] + (1 - s) * v["strong_s"])
        saved = s * (1 - 1 / k)
        return Effect(
            cost=(strong, strong * (1 - saved) + v["router_usd"]),
            latency=latency,
            quality=(v.get("strong_quality"), v.get("routed_quality")),
            extra=lambda: {
                "cost_saved_share": Extra(saved - v["router_usd"] / strong, "share", "s (1 - 1/k) - router / cost")
            },
        )

    return judge(SHARE, spans_of(question), stakes, effect)


def cascade(question: Cascade, stakes: Stakes) -> Lever:
    """The weak model's answer passes where the verifier accepts it; the strong one is asked for the rest."""
    return judge(CASCADE, spans_of(question), stakes, cascade_effect)


def cascade_effect(v: Values) -> Effect:
    """Accepted = p a + (1 - p) f; cost = weak + verifier + (1 - accepted) strong; right = p a + (1 - accepted) q."""
    right, strong = v["weak_quality"], v["strong_quality"]
    good = right * v["accepts_right"]
    wrong = (1 - right) * v["accepts_wrong"]
    rejected = 1 - good - wrong
    first = v["weak_usd"] + v["verifier_usd"]
    seconds = (v["strong_s"], v["weak_s"] + rejected * v["strong_s"]) if {"weak_s", "strong_s"} <= set(v) else None
    return Effect(
        cost=(v["strong_usd"], first + rejected * v["strong_usd"]),
        latency=seconds or (v.get("strong_s"), None),
        quality=(strong, good + rejected * v.get("strong_after_reject", strong)),
        extra=lambda: {
            "rejected_share": Extra(rejected, "share", "asked of both models"),
            "wrong_share": Extra(wrong, "share", "wrong answers that the verifier passes on"),
            "most_rejected_share": Extra(1 - first / v["strong_usd"], "share", "above this the cascade costs more"),
        },
    )
