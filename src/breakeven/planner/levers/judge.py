"""From both sides of a lever to its verdict: the base case, draws of its inputs' ranges, and where it flips.

Every lever is a function of arrays: with one value an input it gives the base case, with draws the interval, with a
sweep of one input the flips. What is judged, per prediction of cost c and share useful p, is

    c0 - c1 + (value + loss) (p1 - p0)      where p0, p1 and the value of a useful prediction are known (net value)
    c0 / p0 - c1 / p1                       where p0 and p1 are
    c0 - c1                                 else
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.config.field import Section
from breakeven.config.lever.span import Span
from breakeven.quantity import format_usd
from breakeven.schema.lever import Flip, Found, Judged, Lever, LeverVerdict, Side
from breakeven.schema.noun import Basis, Figure, Noun

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]
"""Inputs by name: shape () each, or a draw (or a point of a sweep) an element."""

SWEEP = 241
FINE = 33
REFINEMENTS = 4
DECADES = 3.0
"""A flip is sought up to a thousand times more and less than stated, unless an input has ends of its own."""
EDGE = 1e-6
"""A flip so near to an end of what is possible says that any of the input will do, or none."""
LOW, HIGH = 10.0, 90.0
SURE = 0.9
"""Share of the draws that must agree with the base case for a verdict."""
TINY = 1e-12


class Extra(NamedTuple):
    """A further figure of a lever."""

    values: Floats
    unit: str
    how: str = ""


Both = tuple[Floats | None, Floats | None]
"""Of the baseline and of what is changed; None is unknown."""


class Effect(NamedTuple):
    """Both sides: USD and seconds per prediction, shares useful; None is unknown."""

    cost: tuple[Floats, Floats]
    latency: Both = (None, None)
    quality: Both = (None, None)
    extra: Callable[[], Mapping[str, Extra]] = dict
    """Asked for once; what flips are searched with never needs it."""


Compute = Callable[[Values], Effect]


class Stakes(Noun, frozen=True, kw_only=True):
    """What predictions are worth and how many there are; draws of ranges and their seed."""

    value_usd: Span | None = None
    loss_usd: Span = Span(value=0.0)
    predictions_per_month: Span | None = None
    draws: int = 4000
    seed: int = 0


class About(Noun, frozen=True, kw_only=True):
    """What a lever is called, how its saving is computed, and what must hold for it."""

    name: str
    title: str
    how: str
    conditions: tuple[str, ...] = ()
    basis: Basis = "derived"
    quality: str = ""
    """Why quality need not be judged, where it need not."""
    unswept: tuple[str, ...] = ("predictions_per_month",)
    """Inputs that are no part of what is asked: no flips of them are told."""


def spans_of(question: Section) -> dict[str, Span]:
    """The numbers of a question by name, without those that are left out."""
    found = ((name, getattr(question, name)) for name in type(question).model_fields)
    return {name: value for name, value in found if isinstance(value, Span)}


def base(spans: Mapping[str, Span]) -> dict[str, Floats]:
    """Every input at its value."""
    return {name: np.asarray(span.value) for name, span in spans.items()}


def drawn(spans: Mapping[str, Span], draws: int, seed: int) -> dict[str, Floats]:
    """Every input with a range drawn from a triangle over it, independently; the others at their value."""
    random = np.random.default_rng(seed)
    return {name: _draw(span, draws, random) for name, span in spans.items()}


def _draw(span: Span, draws: int, random: np.random.Generator) -> Floats:
    low = span.value if span.low is None else span.low
    high = span.value if span.high is None else span.high
    if low == high:
        return np.asarray(span.value)
    return np.asarray(random.triangular(low, span.value, high, draws))


def judge(about: About, spans: Mapping[str, Span], stakes: Stakes, compute: Compute) -> Lever:
    """The lever's verdict with its interval and flips."""
    known = {**_stakes(stakes), **spans}
    at_base = compute(base(known))
    judged = judged_by(at_base, stakes)
    ranged = any(span.ranged for span in known.values())
    values = drawn(known, stakes.draws, stakes.seed)
    draws = compute(values) if ranged else None
    gained = gain(at_base, base(known), judged)
    spread = None if draws is None else np.broadcast_to(gain(draws, values, judged), stakes.draws)
    scribe = _Scribe(about, _counted(known, judged))
    more = {} if draws is None else draws.extra()
    surely = None if spread is None else float((spread > 0).mean())
    verdict = _verdict(float(gained), surely)
    whole = at_base.cost[0] if judged != "cost per useful prediction" else _unit(at_base, 0)
    whole_draws = (
        None if draws is None else draws.cost[0] if judged != "cost per useful prediction" else _unit(draws, 0)
    )
    saving = scribe.figure(gained, spread, "USD", about.how)
    cheaper = judged != "net value" or bool(at_base.cost[1] < at_base.cost[0])
    share = None if spread is None or whole_draws is None else spread / whole_draws
    return Lever(
        name=about.name,
        title=about.title,
        verdict=verdict,
        sentence=_sentence(verdict, saving, float(gained / whole), judged, cheaper=cheaper),
        judged=judged,
        baseline=_side(scribe, at_base, draws, 0),
        changed=_side(scribe, at_base, draws, 1),
        saving=saving,
        saving_share=scribe.figure(gained / whole, share, "share", "saving / baseline"),
        saving_usd_per_month=_month(scribe, gained, spread, base(known), values),
        surely=surely,
        conditions=(*about.conditions, about.quality or _unmeasured(judged)),
        flips=flips(known, compute, judged, about.unswept),
        found=tuple(
            Found(name=name, figure=scribe.figure(one.values, _of(more, name), one.unit, one.how))
            for name, one in at_base.extra().items()
        ),
    )


def judged_by(effect: Effect, stakes: Stakes) -> Judged:
    """What the verdict goes by: as much as is known."""
    if effect.quality[0] is None or effect.quality[1] is None:
        return "cost per prediction"
    return "cost per useful prediction" if stakes.value_usd is None else "net value"


def gain(effect: Effect, values: Values, judged: Judged) -> Floats:
    """What is saved per prediction (or per useful one), in USD, by the formula of this module."""
    first, second = effect.cost
    if judged == "cost per useful prediction":
        return np.asarray(_unit(effect, 0) - _unit(effect, 1))
    saved = np.asarray(first - second)
    if judged == "cost per prediction" or effect.quality[0] is None or effect.quality[1] is None:
        return saved
    return np.asarray(saved + (values["value_usd"] + values["loss_usd"]) * (effect.quality[1] - effect.quality[0]))


def _unit(effect: Effect, side: int) -> Floats:
    """Cost per useful prediction; infinite where none is useful."""
    quality = effect.quality[side]
    if quality is None:
        return np.asarray(np.nan)
    useful = np.asarray(quality)
    return np.where(useful > 0, effect.cost[side] / np.where(useful > 0, useful, 1.0), np.inf)


def _stakes(stakes: Stakes) -> dict[str, Span]:
    found = {
        "value_usd": stakes.value_usd,
        "loss_usd": stakes.loss_usd,
        "predictions_per_month": stakes.predictions_per_month,
    }
    return {name: span for name, span in found.items() if span is not None}


def _verdict(gained: float, surely: float | None) -> LeverVerdict:
    if abs(gained) <= TINY and surely in {None, 0.0}:
        return "changes nothing"
    agree = 1.0 if surely is None else surely if gained > 0 else 1.0 - surely
    if agree < SURE:
        return "not sure"
    return "pays" if gained > 0 else "loses money"


_PER = {
    "cost per useful prediction": "useful prediction",
    "cost per prediction": "prediction",
    "net value": "prediction",
}


def _sentence(verdict: LeverVerdict, saving: Figure, share: float, judged: Judged, *, cheaper: bool) -> str:
    per, amount = _PER[judged], saving.value or 0.0
    size = f"{format_usd(abs(amount))} per {per} ({_part(abs(share))} its cost)"
    if verdict == "pays":
        return f"Saves {size}, judged by {judged}." if cheaper else _brings(amount, share)
    if verdict == "loses money":
        return f"Loses money: {size}, judged by {judged}."
    if verdict == "changes nothing":
        return f"Changes nothing, judged by {judged}."
    way = "saves" if amount > 0 else "loses"
    bounds = f"{format_usd(saving.low)} to {format_usd(saving.high)}"
    return f"Not sure: at the stated values it {way} {size}; the inputs' ranges allow {bounds}."


def _brings(amount: float, share: float) -> str:
    return f"Pays: brings {format_usd(amount)} per prediction more than it costs ({_part(share)} what one costs now)."


def _part(share: float) -> str:
    return f"{share:.1%}".replace("%", " % of") if share < 1 else f"{share:.3g} times"


def _unmeasured(judged: Judged) -> str:
    if judged == "cost per prediction":
        return "quality stays as it is: no share of useful predictions is stated for both sides, so it is not judged"
    if judged == "cost per useful prediction":
        return "a useful prediction that is lost costs no more than its own inference: no value of one is stated"
    return "a prediction is useful or not, and what a useful one brings does not depend on the lever"


def _counted(spans: Mapping[str, Span], judged: Judged) -> dict[str, Span]:
    """The inputs that the judgement rests on."""
    worth = () if judged == "net value" else ("value_usd", "loss_usd")
    return {name: span for name, span in spans.items() if name not in worth}


class _Scribe:
    """Writes figures: value, interval, how, and which inputs nobody measured."""

    def __init__(self, about: About, spans: Mapping[str, Span]) -> None:
        self.about = about
        assumed = sorted(name for name, span in spans.items() if span.basis == "assumed")
        self.note = f"assumed: {', '.join(assumed)}" if assumed else ""

    def figure(self, value: Floats | None, draws: Floats | None, unit: str, how: str = "") -> Figure:
        point = None if value is None else _finite(float(value))
        low, high = (None, None) if draws is None or point is None else _bounds(draws)
        return Figure(
            value=point, unit=unit, basis=self.about.basis if point is not None else "unknown", low=low, high=high,
            how=how, note=self.note if point is not None else "",
        )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _bounds(draws: Floats) -> tuple[float | None, float | None]:
    if draws.ndim == 0 or not np.isfinite(draws).any():
        return None, None
    low, high = np.percentile(draws[np.isfinite(draws)], [LOW, HIGH])
    return float(low), float(high)


def _side(scribe: _Scribe, at_base: Effect, draws: Effect | None, side: int) -> Side:
    def of(part: Literal["latency", "quality"]) -> Both:
        value = getattr(at_base, part)[side]
        return value, None if draws is None else getattr(draws, part)[side]

    known = at_base.quality[side] is not None
    return Side(
        cost_usd=scribe.figure(at_base.cost[side], None if draws is None else draws.cost[side], "USD"),
        cost_per_useful_usd=scribe.figure(
            _unit(at_base, side) if known else None, None if draws is None or not known else _unit(draws, side), "USD"
        ),
        latency_s=scribe.figure(*of("latency"), "s"),
        quality=scribe.figure(*of("quality"), "share"),
    )


def _month(scribe: _Scribe, gained: Floats, spread: Floats | None, at: Values, values: Values) -> Figure:
    if "predictions_per_month" not in at:
        return scribe.figure(None, None, "USD/month")
    draws = None if spread is None else spread * values["predictions_per_month"]
    return scribe.figure(gained * at["predictions_per_month"], draws, "USD/month", "saving x predictions a month")


def _of(more: Mapping[str, Extra], name: str) -> Floats | None:
    return more[name].values if name in more else None


def flips(spans: Mapping[str, Span], compute: Compute, judged: Judged, unswept: Sequence[str] = ()) -> tuple[Flip, ...]:
    """For each input, the nearest value at which the verdict turns while the others stay as stated."""
    names = [name for name in spans if name not in unswept]
    found = (_flip(name, spans, compute, judged) for name in names)
    return tuple(one for one in found if one is not None)


def _flip(name: str, spans: Mapping[str, Span], compute: Compute, judged: Judged) -> Flip | None:
    span, at = spans[name], base(spans)

    def gained(points: Floats) -> Floats:
        values = {**at, name: points}
        with np.errstate(all="ignore"):
            return np.broadcast_to(gain(compute(values), values, judged), points.shape)

    points = _points(span)
    turns = _turns(points, gained(points))
    if not turns:
        return None
    low, high = min(turns, key=lambda ends: min(abs(ends[0] - span.value), abs(ends[1] - span.value)))
    for _ in range(REFINEMENTS):
        fine = np.linspace(low, high, FINE)
        nearer = _turns(fine, gained(fine))
        low, high = nearer[0] if nearer else (low, high)
    above = bool(gained(np.asarray([high]))[0] > 0)
    value = (low + high) / 2
    if min(abs(value - points[0]), abs(value - points[-1])) <= EDGE * (points[-1] - points[0]):
        return None
    return Flip(input=name, unit=unit_of(name), stated=span.value, value=value, pays="above" if above else "below")


def _turns(points: Floats, gained: Floats) -> list[tuple[float, float]]:
    """Neighbouring points between which the sign changes."""
    pays = gained > 0
    known = np.isfinite(gained) | np.isinf(gained)
    edges = np.flatnonzero((pays[1:] != pays[:-1]) & known[1:] & known[:-1])
    return [(float(points[edge]), float(points[edge + 1])) for edge in edges]


def _points(span: Span) -> Floats:
    """Where a flip is sought: all that the input may be, else by factors of what is stated."""
    if np.isfinite(span.most):
        return np.linspace(span.least, span.most, SWEEP)
    size = abs(span.value) or 1.0
    ladder = size * np.logspace(-DECADES, DECADES, SWEEP)
    if np.isfinite(span.least):
        return ladder if span.positive else np.concatenate([[0.0], ladder])
    return np.concatenate([-ladder[::-1], [0.0], ladder])


_UNITS = {
    "predictions_per_month": "1/month",
    "usd_per_mtok": "USD/Mtok",
    "usd_per_month": "USD/month",
    "usd_per_hour": "USD/h",
    "usd_per_year": "USD/year",
    "usd": "USD",
    "s_per_token": "s/token",
    "per_month": "share",
    "per_year": "share",
    "months": "months",
    "tokens": "tokens",
    "share": "share",
    "rate": "share",
    "quality": "share",
    "s": "s",
    "batch": "sequences",
}


def unit_of(name: str) -> str:
    """The unit that an input's name ends in; a ratio otherwise."""
    return next((unit for end, unit in _UNITS.items() if name == end or name.endswith(f"_{end}")), "ratio")
