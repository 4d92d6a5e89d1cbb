"""How fast deployments answered under the traffic they had: windows of a ledger, for rows to calibrate with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from breakeven.ledger.engine.port import NANO, Engine, Query, Slice
from breakeven.metric.steadiness import variation
from breakeven.schema.noun import Noun
from breakeven.schema.observed import Limits, Observed

SLICES = 20
"""Parts of a window in which the number in flight is looked at."""
LEFT_OUT = ("cached", "cancelled", "failed", "fallback", "refused", "retried")
"""Requests that tell nothing of an engine's speed."""
SPOILT = ("cancelled", "failed", "fallback", "retried")
"""Those of them that kept it busy all the same."""


class Seen(Noun, frozen=True, kw_only=True):
    """Windows by deployment and time, and the requests that are in none of their means, by what became of them."""

    windows: tuple[Observed, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()


def observe(
    engine: Engine, query: Query, window_s: float, limits: Limits | None = None, *, emulated: bool = False
) -> Seen:
    """Every window of so many seconds (whole multiples of it since 1970) in which a request was answered.

    In flight is exact: the time of all requests within the window over its length. A request is counted in the window
    in which it ended, the first token included. `emulated` takes what an emulator answered for an answer.

    Raises:
        UsageError: a window is shorter than `SLICES` seconds.
    """
    windows: dict[tuple[str, int], list[Slice]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for one in engine.slices(query, window_s / SLICES):
        left_out.update({name: getattr(one, name) for name in LEFT_OUT if getattr(one, name)})
        if one.deployment:
            windows[one.deployment, one.slice // SLICES].append(one)
    found = (_window(*key, windows[key], window_s, limits or Limits(), emulated=emulated) for key in sorted(windows))
    return Seen(windows=tuple(one for one in found if one.finished), left_out=tuple(sorted(left_out.items())))


def _window(
    name: str, place: int, parts: Sequence[Slice], window_s: float, limits: Limits, *, emulated: bool
) -> Observed:
    finished, tokens = _sum(parts, "finished"), _sum(parts, "output_tokens")
    return Observed(
        name=name,
        model=max(one.model_high for one in parts),
        start_s=place * window_s,
        window_s=window_s,
        finished=finished,
        in_flight=_sum(parts, "busy_ns") / NANO / window_s,
        input_tokens=_mean(_sum(parts, "input_tokens"), finished),
        output_tokens=_mean(tokens, finished),
        ttft_s=_mean(_sum(parts, "ttft_ns") / NANO, _sum(parts, "ttft_n")),
        tpot_s=_mean(_sum(parts, "tpot_ns") / NANO, _sum(parts, "tpot_n")),
        output_tok_s=tokens / window_s,
        refused=tuple(_wrong(parts, window_s, limits, emulated=emulated)),
    )


def _wrong(parts: Sequence[Slice], window_s: float, limits: Limits, *, emulated: bool) -> Iterator[str]:
    finished, faked = _sum(parts, "finished"), _sum(parts, "emulated")
    if faked and not emulated:
        yield f"{faked} of {finished} answers came from an emulator, whose times are a prediction's and no measurement"
    if finished < limits.finished:
        yield f"{finished} requests finished in {window_s:g} s, fewer than {limits.finished}"
    if not _sum(parts, "tpot_n"):
        yield f"none of {finished} answers was streamed with two tokens or more, so there is no time per token"
    if (spread := _variation(parts)) > limits.variation:
        yield f"requests in flight varied by {spread:.0%} of their mean, more than {limits.variation:.0%}"
    yield from _mixed(parts, finished, limits)


def _mixed(parts: Sequence[Slice], finished: int, limits: Limits) -> Iterator[str]:
    """What makes the figures those of more than one thing."""
    spoilt = sum(_sum(parts, name) for name in SPOILT)
    if spoilt > limits.left_out * (finished + spoilt):
        yield (
            f"{spoilt} of {finished + spoilt} requests failed, were cancelled, retried or fell back, "
            f"more than {limits.left_out:.0%}"
        )
    cached, tokens = _sum(parts, "cached_input_tokens"), _sum(parts, "input_tokens")
    if cached > limits.cached * tokens:
        yield f"{cached / tokens:.0%} of prompt tokens came from a prefix cache, more than {limits.cached:.0%}"
    low = min((one.model_low for one in parts if one.finished), default="")
    high = max(one.model_high for one in parts)
    if low != high:
        yield f"it was asked for two models, {low!r} and {high!r}"


def _variation(parts: Iterable[Slice]) -> float:
    """Over all slices of the window: those without a request were empty."""
    busy = [float(one.busy_ns) for one in parts]
    return variation(busy + [0.0] * (SLICES - len(busy)))


def _sum(parts: Iterable[Slice], name: str) -> int:
    return sum(getattr(one, name) for one in parts)


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None
