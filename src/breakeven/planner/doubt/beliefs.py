"""Every input of a question with its range: measured errors, facts of the catalog, and what is believed beyond them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from breakeven.catalog.fields import ASSUMPTIONS
from breakeven.cost.assumptions import PREFIX, RESIDUAL_AGES, Assumptions
from breakeven.perf.coefficients import Residuals
from breakeven.planner.doubt.belief import Z80, Belief
from breakeven.planner.doubt.month import TREND, price_key
from breakeven.planner.doubt.placed import Speed
from breakeven.planner.doubt.terms import Terms
from breakeven.planner.promise import rate_error
from breakeven.planner.question import Question
from breakeven.schema.deployment import Deployment
from breakeven.schema.doubt import Beliefs
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure
from breakeven.schema.workload import Workload

PRICES = {
    "input_usd_per_mtok": ("input price", "USD/Mtok"),
    "cached_input_usd_per_mtok": ("cached input price", "USD/Mtok"),
    "output_usd_per_mtok": ("output price", "USD/Mtok"),
    "request_usd": ("price per request", "USD/request"),
    "usd_per_hour": ("hourly price", "USD/h"),
    "purchase_usd": ("purchase price", "USD"),
    "usd_per_device_month": ("price a month", "USD/device"),
}
TRENDS = {
    "trend/api": ("API list prices", "api_price_decay"),
    "trend/rent": ("rents of accelerators", "cloud_gpu_price_decay"),
    "trend/purchase": ("server prices", "cloud_gpu_price_decay"),
}
"""What changes, and the fact that says how fast it may fall."""
ASSUMED = tuple(name for name in Assumptions.__struct_fields__ if name != "scenario")
DAY_S = 86_400.0
CHANGE = "change per year"
"""The unit of growth and trends."""
FAR, NEAR = 20.0, 1 / 20
"""How far from base, in ratios, a flip is looked for."""
FASTER, SLOWER = 0.8, 0.7
"""Ln of speed, likewise: as far as the response is known."""


def demand(question: Question, believed: Beliefs) -> Iterator[Belief]:
    """Level of the demand, how it grows, and the useful share of what comes in time."""
    load = question.workload
    unseen = unseen_level(load, believed)
    yield _lognormal(
        "demand",
        "demand",
        "requests/s",
        load.rate_mean_rps,
        math.hypot(math.log1p(rate_error(load)), math.log1p(unseen)),
        source=f"{load.n} requests over {load.span_s:,.0f} s, as dispersed as they are"
        + (f", and {unseen:.0%} for the times not seen, assumed" if unseen else ""),
    )
    low, base, high = believed.growth_low, believed.growth_base, believed.growth_high
    kind = "assumption of this project" if believed.path is None else "replaced by the forecast"
    if believed.path is not None:
        low = high = base
        yield _forecast()
    yield Belief(
        key="growth", name="growth of demand", unit=CHANGE, base=base, low=low, high=high,
        least=-0.9, most=4.0, source=kind,
    )  # fmt: skip


def unseen_level(load: Workload, believed: Beliefs) -> float:
    """How far the mean rate may be off because not all hours of a day, or days of a week, were seen (80 %)."""
    if load.span_s < DAY_S:
        return believed.unseen_day
    return believed.unseen_week if load.span_s < 7 * DAY_S else 0.0


def _forecast() -> Belief:
    """Where in the forecast's quantiles the demand goes, as a normal score."""
    return Belief(
        key="path", name="demand against its forecast", unit="standard deviations", base=0.0, low=-Z80, high=Z80,
        least=-3.0, most=3.0, shape="normal", source="the forecast's quantiles",
    )  # fmt: skip


def useful(share: float | None, n: int) -> Belief:
    """Useful predictions among those in time, counted in `n`; 1 and exact where use is not measured."""
    if share is None or n <= 0 or not 0 < share < 1:
        base = 1.0 if share is None else share
        return Belief(
            key="useful", name="useful share", unit="share", base=base, low=base, high=base, least=base, most=base,
            shape="exact", source="not measured: every prediction in budget counts",
        )  # fmt: skip
    width = Z80 * math.sqrt(share * (1 - share) / n)
    return Belief(
        key="useful", name="useful share", unit="share", base=share, low=max(0.0, share - width),
        high=min(1.0, share + width), least=share / 4, most=1.0, shape="beta", n=n, source=f"counted in {n:,} cases",
    )  # fmt: skip


def quality_key(at: Deployment) -> str:
    """Models are equally useful or not in each of their precisions."""
    return f"quality/{at.model}/{at.precision}"


def quality(key: str, known: Figure | None, believed: Beliefs) -> Belief:
    """Useful predictions of a model against those of the reference, as measured or as believed."""
    base = known.value if known is not None and known.value else 1.0
    low, high = (believed.quality_low * base, believed.quality_high * base)
    if known is not None and known.low is not None and known.high is not None:
        low, high = known.low, known.high
    source = "assumption of this project: not measured" if known is None else known.how or known.basis
    name = f"usefulness of {' in '.join(key.split('/')[1:])}"
    return Belief(
        key=key, name=name, unit="of the reference", base=base, low=low, high=high, least=base / 3, most=base * 3,
        shape="lognormal" if low < base < high else "exact", source=source,
    )  # fmt: skip


def speed(key: str, at: Deployment, error: Residuals, believed: Beliefs) -> Belief:
    """Speed of a deployment against the predicted one; steps were exp(log_low) to exp(log_high) times as long."""
    parts = (
        (f"speed of {at.model}", believed.error_of_model),
        (f"speed on {at.accelerator}", believed.error_of_accelerator),
        (f"speed with {at.engine}", believed.error_of_engine),
    )
    return Belief(
        key=key, name=key.replace("/", " of ", 1), unit="of predicted", base=1.0,
        low=math.exp(-max(0.0, error.log_high)), high=math.exp(-min(0.0, error.log_low)), least=math.exp(-SLOWER),
        most=math.exp(FASTER), shape="lognormal", parts=parts, source=f"{error.n} measured rows, {error.how}",
    )  # fmt: skip


def stated_speed(known: Speed) -> Belief:
    """Speed of units or devices against the stated one; it errs with nobody else's."""
    return Belief(
        key=known.key, name=known.key.replace("/", " of ", 1), unit="of stated", base=1.0, low=known.low,
        high=known.high, least=math.exp(-SLOWER), most=math.exp(FASTER), shape="lognormal", source=known.source,
    )  # fmt: skip


def trends(options: Iterable[Terms], known: Mapping[str, Fact], believed: Beliefs) -> Iterator[Belief]:
    """How prices change a year: flat at base, as the plan's are; down at most as a fact says, or a little up."""
    needed = {TREND.get(one.offer.kind, "") for one in options}
    for key, (what, fact_name) in TRENDS.items():
        fact = known.get(PREFIX + fact_name)
        fall = 0.0 if fact is None else -(fact.high if fact.high is not None else fact.value or 0.0)
        active = key in needed
        yield Belief(
            key=key, name=f"change of {what}", unit=CHANGE, base=0.0, low=fall if active else 0.0,
            high=believed.price_rise if active else 0.0, least=-0.9, most=1.0,
            source=f"today's prices hold; a fall as {fact_name} at most says, a rise is assumed",
            facts=(fact.key,) if fact is not None and active else (),
        )  # fmt: skip


def assumptions(used: frozenset[str], known: Mapping[str, Fact]) -> Iterator[Belief]:
    """The operating assumptions: with their range where a bill rests on them."""
    for name in ASSUMED:
        fact = known[PREFIX + name]
        base = fact.value or 0.0
        low, high = (base if end is None or fact.key not in used else end for end in (fact.low, fact.high))
        bounds = ASSUMPTIONS[name]
        yield Belief(
            key=fact.key, name=name.replace("_", " "), unit=fact.unit, base=base, low=min(low, base),
            high=max(high, base), least=max(bounds.least, base * NEAR), most=min(bounds.most, base * FAR),
            source=fact.source, facts=(fact.key,) if fact.key in used else (),
        )  # fmt: skip


def used_assumptions(keys: Iterable[str]) -> frozenset[str]:
    """The assumptions among fact keys; with a life that may differ come the resale shares of all ages."""
    found = {key for key in keys if key.startswith(PREFIX)}
    if f"{PREFIX}useful_life" in found:
        found |= {f"{PREFIX}residual_{age}m" for age in RESIDUAL_AGES}
    return frozenset(found)


def prices(options: Sequence[Terms]) -> Iterator[Belief]:
    """Today's prices: known exactly, and turned to see where the choice flips."""
    seen: set[str] = set()
    for one in options:
        fields = [field for field, _ in one.lines if field] or ["usd_per_hour", "purchase_usd", "usd_per_device_month"]
        for field in fields:
            base, key = getattr(one.offer, field), price_key(one, field)
            if not base or key in seen:
                continue
            seen.add(key)
            what, unit = PRICES[field]
            yield Belief(
                key=key, name=f"{what} of {one.offer.id}", unit=unit, base=base, low=base, high=base,
                least=base * NEAR, most=base * FAR, shape="exact", source=one.offer.source,
            )  # fmt: skip


def _lognormal(key: str, name: str, unit: str, base: float, log_width: float, *, source: str) -> Belief:
    return Belief(
        key=key, name=name, unit=unit, base=base, low=base * math.exp(-log_width), high=base * math.exp(log_width),
        least=base * NEAR, most=base * FAR, shape="lognormal", source=source,
    )  # fmt: skip
