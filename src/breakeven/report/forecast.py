"""A simulated deployment as tables: latencies with their intervals, what it serves and draws, where memory goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.report.document import Align, Block, Document, Items, Risk, Section, Table
from breakeven.schema.forecast import Bounds, Forecast
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective

LEFT: Align = "left"
RIGHT: Align = "right"
_POINTS = ("mean", "p50", "p95", "p99")
_LATENCIES = (("TTFT", "ttft_s"), ("TPOT", "tpot_s"), ("E2E", "e2e_s"))
_MS = 1e3
_GB = 1e9


class Shown(Noun, frozen=True, kw_only=True):
    """What is shown: the forecast, and the deployment and workload in words."""

    title: str
    deployment: str
    workload: str
    forecast: Forecast
    objective: Objective
    memory: tuple[tuple[str, float], ...]
    holds: str
    overrides: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    calibration: str = ""


def forecast_document(shown: Shown) -> Document:
    """The forecast for people; latencies in milliseconds, every interval holds 80 %."""
    found = shown.forecast
    first: list[Block] = [Risk(text=found.note)] if found.note else []
    first += [latencies(found), served(found, shown.objective)]
    return Document(
        title=shown.title,
        subtitle=f"{shown.deployment}; {found.requests:,} requests of {shown.workload}",
        sections=(
            Section(title="Service", blocks=tuple(first)),
            Section(title="Memory", blocks=(_memory(shown),)),
            Section(title="What it rests on", blocks=(Items(items=tuple(_rests(shown))),)),
        ),
    )


def latencies(found: Forecast) -> Table:
    """Means and percentiles with their intervals."""
    rows = [
        (title, *(_point(getattr(getattr(found, name), one), getattr(getattr(found.intervals, name), one), _MS)
                  for one in _POINTS))
        for title, name in _LATENCIES
    ]  # fmt: skip
    return _table("latency, ms, and the 80 % interval of each", ("latency", *_POINTS), rows)


def served(found: Forecast, objective: Objective) -> Table:
    """Throughput, goodput, power and load."""
    bounds = found.intervals
    rows = [
        ("output tokens/s", _point(found.output_tokens_per_s, bounds.output_tokens_per_s)),
        (f"goodput, requests/s ({_targets(objective)})", _point(found.goodput_rps, bounds.goodput_rps)),
        ("goodput, share of requests", _point(found.goodput_share, bounds.goodput_share)),
        ("power, W", _point(found.power_w, bounds.power_w)),
        ("energy, J per output token", _point(found.energy_j_per_token, bounds.energy_j_per_token)),
        ("offered load, requests/s", "all at once" if found.rate_rps is None else number(found.rate_rps)),
        ("offered load, share of capacity (rho)", "all at once" if found.rho is None else number(found.rho)),
        ("in flight, mean", number(found.in_flight_mean)),
        ("batch of a step, mean", number(found.batch_mean)),
    ]
    return _table("all replicas together", ("figure", "value"), [*rows, *_features(found)])


def _features(found: Forecast) -> Iterator[tuple[str, str]]:
    if found.answered < found.requests:
        yield "not answered, requests", f"{found.requests - found.answered:,}"
    if found.preemptions:
        yield "preemptions", f"{found.preemptions:,}"
    if found.hit_share:
        yield "prompt tokens found in the prefix cache", f"{found.hit_share:.1%}"
    if abs(found.replicas_mean - round(found.replicas_mean)) > 1e-6:  # noqa: PLR2004 - rounding
        yield "replicas that are on, mean", number(found.replicas_mean)


def _targets(objective: Objective) -> str:
    named = (("TTFT", objective.ttft_s), ("TPOT", objective.tpot_s), ("E2E", objective.budget_s))
    said = [f"{name} within {number(target)} s" for name, target in named if target is not None]
    return " and ".join(said) or "answered"


def _memory(shown: Shown) -> Table:
    rows = [(name, f"{value / _GB:,.1f}") for name, value in shown.memory]
    made = _table("one accelerator, GB", ("part", "size"), rows)
    return Table(
        caption=made.caption,
        columns=made.columns,
        rows=made.rows,
        align=made.align,
        note=f"The cache holds {shown.holds}.",
    )


def _rests(shown: Shown) -> Iterator[str]:
    yield from (f"overridden: {said}" for said in shown.overrides)
    yield from (f"assumed: {said}" for said in shown.assumed)
    if shown.calibration:
        yield f"coefficients fitted to {shown.calibration}"


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    return Table(caption=caption, columns=columns, rows=tuple(rows), align=(LEFT, *[RIGHT] * (len(columns) - 1)))


def _point(value: float | None, bounds: Bounds | None, factor: float = 1.0) -> str:
    interval = None if bounds is None else f"{number(bounds[0] * factor)} to {number(bounds[1] * factor)}"
    if value is None:
        return interval or "unknown"
    shown = number(value * factor)
    return shown if interval is None or interval == f"{shown} to {shown}" else f"{shown} ({interval})"


def number(value: float) -> str:
    """A figure with three digits that count, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - no exponents for people
