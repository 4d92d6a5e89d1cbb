"""A workload in YAML: three numbers by hand, or everything that was fitted to a trace, with what each key means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from breakeven.config import reading
from breakeven.config.demand_text import Key, block
from breakeven.config.field import NotNegative, Positive, Section, Share
from breakeven.config.problem import Complaint
from breakeven.config.rule import mapping, number
from breakeven.config.tree import Value
from breakeven.schema.demand import Profile

Tokens = Annotated[float, Field(ge=1, le=10_000_000, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Amount = Annotated[float, Field(allow_inf_nan=False)]
Pair = tuple[NotNegative, NotNegative]
Shape = Literal["steady", "bursty", "event_driven", "unknown"]


class LengthSection(Section):
    """Tokens of a request as a distribution."""

    mean: Annotated[NotNegative, Field(description="mean tokens of a request")]
    p50: Annotated[NotNegative, Field(description="half of the requests have at most so many")]
    p95: Annotated[NotNegative, Field(description="95 of 100 requests have at most so many")]
    p99: Annotated[NotNegative | None, Field(description="99 of 100; left out, as `p95`")] = None
    most: Annotated[NotNegative | None, Field(description="the longest; left out, as `p99`")] = None


class SloSection(Section):
    """What an answer must keep."""

    ttft_s: Annotated[Positive | None, Field(description="seconds to the first token")] = None
    tpot_s: Annotated[Positive | None, Field(description="seconds per further token")] = None
    e2e_s: Annotated[Positive | None, Field(description="seconds for the whole answer")] = None


class TierSection(Section):
    """Shares of the requests by tier."""

    critical: Annotated[float, Field(ge=0, le=1, description="must not fail")] = 0.0
    important: Annotated[float, Field(ge=0, le=1, description="should be answered in time")] = 0.0
    opportunistic: Annotated[float, Field(ge=0, le=1, description="may wait")] = 0.0


class SplitSection(Section):
    """How the requests of a window fall on its equal parts."""

    window_s: Annotated[Positive, Field(description="the window")]
    parts: Annotated[int, Field(ge=2, le=100_000, description="its parts")]
    concentration: Annotated[
        Positive | None, Field(description="of the Dirichlet-multinomial law; null: independent requests")
    ] = None


class ChangeSection(Section):
    """A lasting change of the rate."""

    at_s: Annotated[NotNegative, Field(description="seconds from the start")]
    before_rps: Annotated[NotNegative, Field(description="requests/s before")]
    after_rps: Annotated[NotNegative, Field(description="requests/s after")]


class StretchSection(Section):
    """A stretch of time without a record."""

    start_s: Annotated[NotNegative, Field(description="seconds from the start")]
    end_s: Annotated[NotNegative, Field(description="seconds from the start")]


class CallersSection(Section):
    """Who asked."""

    subjects: Annotated[int, Field(ge=0, description="distinct subjects")]
    sessions: Annotated[int, Field(ge=0, description="distinct sessions")]
    session_requests_mean: Annotated[NotNegative, Field(description="requests of a session")]
    session_requests_p95: Annotated[NotNegative, Field(description="the same, 95th percentile")]
    busiest_share: Annotated[float, Field(ge=0, le=1, description="share of the busiest subject")]


class FittedSection(Section):
    """What was read off a trace; `breakeven workload fit --out` writes it, and nobody has to."""

    n: Annotated[int, Field(ge=0, description="requests seen")]
    span_s: Annotated[NotNegative, Field(description="over how long")]
    rate_max: Annotated[NotNegative, Field(description="requests/s of the highest window")]
    window_s: Annotated[Positive, Field(description="the window of `rate_p95` and `rate_max`")]
    step_s: Annotated[Positive, Field(description="the window of `counts`")]
    counts: Annotated[
        tuple[NotNegative | None, ...], Field(min_length=1, description="requests in each window; null: not collected")
    ]
    start_s: Annotated[Amount | None, Field(description="when they begin; days begin at multiples of 86400")] = None
    splits: Annotated[tuple[SplitSection, ...], Field(description="how requests clump inside a window")] = ()
    dispersion: Annotated[
        tuple[Pair, ...], Field(description="[window in s, variance / mean of counts]; independent requests have 1")
    ] = ()
    autocorrelation: Annotated[
        tuple[tuple[NotNegative, Amount], ...], Field(description="[lag in s, autocorrelation of counts]")
    ] = ()
    gap_variation: Annotated[NotNegative | None, Field(description="standard deviation / mean of gaps")] = None
    weekly: Annotated[tuple[NotNegative, ...], Field(description="seven factors of mean 1")] = ()
    changes: Annotated[tuple[ChangeSection, ...], Field(description="lasting changes of the rate")] = ()
    missing: Annotated[tuple[StretchSection, ...], Field(description="stretches without a record")] = ()
    quirks: Annotated[tuple[str, ...], Field(description="what is the log's doing")] = ()
    correlation: Annotated[float | None, Field(ge=-1, le=1, description="Spearman's, of input and output")] = None
    pairs: Annotated[
        tuple[tuple[NotNegative, NotNegative, NotNegative], ...],
        Field(max_length=512, description="[input, output, of input seen before] of requests that stand for all"),
    ] = ()
    prefix_share: Annotated[float | None, Field(ge=0, le=1, description="share of blocks that came before")] = None
    block_tokens: Annotated[int, Field(ge=0, description="tokens of a block; 0: prompts are not known in blocks")] = 0
    callers: Annotated[CallersSection | None, Field(description="who asked")] = None
    evidence: Annotated[tuple[str, ...], Field(description="what the shape rests on")] = ()
    warnings: Annotated[tuple[str, ...], Field(description="what to be careful with")] = ()
    source: Annotated[str, Field(description="from which file")] = ""
    basis: Annotated[Literal["measured", "fitted", "derived", "assumed", "unknown"], Field(description="how known")] = (
        "measured"
    )


class DemandSection(Section):
    """A workload for `breakeven plan --workload` and `breakeven workload sample`."""

    rate: Annotated[Rate, Field(description="requests per second on average")]
    input_tokens: Annotated[Tokens | LengthSection | None, Field(description="prompt tokens: a mean or a distribution")]
    output_tokens: Annotated[Tokens | LengthSection | None, Field(description="answer tokens, likewise")]
    rate_p95: Annotated[Rate | None, Field(description="requests per second that 95 of 100 windows keep under")] = None
    shape: Annotated[Shape, Field(description="how requests come")] = "steady"
    name: Annotated[str, Field(description="what it is called; left out, as the file")] = ""
    slo: Annotated[SloSection, Field(description="what an answer must keep")] = SloSection()
    tiers: Annotated[TierSection | None, Field(description="shares by tier; left out, all important")] = None
    prefix_share: Annotated[Share | None, Field(description="share of prompt tokens that came before")] = None
    daily: Annotated[
        tuple[NotNegative, ...], Field(description="24 factors, one for each hour of the day; scaled to a mean of 1")
    ] = ()
    fitted: Annotated[FittedSection | None, Field(description="the rest of what was measured")] = None


def load(text: str, filename: str = "workload.yaml") -> DemandSection:
    """A workload from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(DemandSection, text, filename, (_ordered, _rates, _days, _shares))


def profile(file: DemandSection, fitted: FittedSection) -> Profile:
    """The profile that a fitted file holds; what was changed by hand in its upper part counts."""
    below = {key: value for key, value in fitted.model_dump(mode="json").items() if key not in _MIX | {"rate_max"}}
    mix = None
    if isinstance(file.input_tokens, LengthSection) and isinstance(file.output_tokens, LengthSection):
        mix = {"input": _full(file.input_tokens), "output": _full(file.output_tokens)} | {
            key: getattr(fitted, key) for key in _MIX
        }
    tiers = {} if file.tiers is None else file.tiers.model_dump()
    stated = {
        "name": file.name, "shape": file.shape, "rate_mean_rps": file.rate, "rate_max_rps": fitted.rate_max,
        "rate_p95_rps": file.rate if file.rate_p95 is None else file.rate_p95, "daily": file.daily, "mix": mix,
        "targets": file.slo.model_dump(), "tiers": [(tier, share) for tier, share in tiers.items() if share > 0],
    }  # fmt: skip
    return msgspec.convert(below | stated, Profile)


_MIX = frozenset({"correlation", "pairs"})


def _full(given: LengthSection) -> dict[str, float]:
    p99 = given.p95 if given.p99 is None else given.p99
    return {"mean": given.mean, "p50": given.p50, "p95": given.p95, "p99": p99,
            "most": p99 if given.most is None else given.most}  # fmt: skip


def write(found: Profile) -> str:
    """A profile as commented YAML, which `load` and `profile` read back as the same profile."""
    held: dict[str, Any] = msgspec.to_builtins(found)
    mix = held.pop("mix") or {"input": None, "output": None, "correlation": None, "pairs": ()}
    targets = {key: value for key, value in held.pop("targets").items() if value is not None}
    top = {
        "rate": held.pop("rate_mean_rps"), "rate_p95": held.pop("rate_p95_rps"), "input_tokens": mix["input"],
        "output_tokens": mix["output"], "shape": held.pop("shape"), "name": held.pop("name"), "slo": targets or None,
        "tiers": dict(held.pop("tiers")) or None, "daily": held.pop("daily"),
    }  # fmt: skip
    fitted = {"rate_max": held.pop("rate_max_rps"), "correlation": mix["correlation"], "pairs": mix["pairs"]} | held
    return (
        "# A workload of `breakeven workload`: change the upper part freely; the part under `fitted` is what was\n"
        "# measured, and what samples and forecasts are drawn from.\n"
        + block(top, _keys(DemandSection), "", needed=frozenset({"input_tokens", "output_tokens"}))
        + "fitted:\n"
        + block(fitted, _keys(FittedSection), "  ")
    )


def _keys(section: type[Section]) -> list[Key]:
    return [Key(name, (field.description or "").split(";")[0]) for name, field in section.model_fields.items()]


def _ordered(value: Value) -> Iterator[Complaint]:
    """A median above the 95th percentile is no distribution."""
    for name in ("input_tokens", "output_tokens"):
        lengths = mapping(value, name)
        p50, p95 = number(lengths, "p50"), number(lengths, "p95")
        if p50 is not None and p95 is not None and p50 > p95:
            message = f"`p50` of {p50:g} tokens is above `p95` of {p95:g}"
            yield Complaint(path=(name, "p50"), message=message, hint=f"write at most {p95:g}, or raise `p95`")


def _rates(value: Value) -> Iterator[Complaint]:
    """A 95th percentile far below the mean is a slip of the unit."""
    given = value if isinstance(value, dict) else {}
    rate, high = number(given, "rate"), number(given, "rate_p95")
    if rate is not None and high is not None and high < rate and "fitted" not in given:
        message = f"`rate_p95` of {high:g} requests/s is below the mean `rate` of {rate:g}"
        yield Complaint(path=("rate_p95",), message=message, hint="both are per second; raise it, or leave it out")


def _days(value: Value) -> Iterator[Complaint]:
    daily = value.get("daily") if isinstance(value, dict) else None
    if isinstance(daily, tuple) and len(daily) not in {0, 24}:
        message = f"`daily` has {len(daily)} factors, and a day has 24 hours"
        yield Complaint(path=("daily",), message=message, hint="write one for each hour from midnight on")
    elif isinstance(daily, tuple) and daily and not any(daily):
        message = "`daily` has 24 factors of 0"
        yield Complaint(path=("daily",), message=message, hint="write more than 0 for an hour with requests")


def _shares(value: Value) -> Iterator[Complaint]:
    tiers = mapping(value, "tiers")
    shares = [number(tiers, tier) or 0.0 for tier in tiers]
    if tiers and abs(sum(shares) - 1) > 1e-6:  # noqa: PLR2004 - what shares written with six digits may miss
        message = f"the shares of `tiers` sum to {sum(shares):g}"
        yield Complaint(path=("tiers",), message=message, hint="let them sum to 1")
