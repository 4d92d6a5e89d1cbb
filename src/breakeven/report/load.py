"""A load test as tables: every point with its interval, percentiles, and all that is doubtful about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from breakeven.report.document import Align, Block, Document, Items, Section, Table
from breakeven.schema.load import LoadPoint, LoadReport, Spread

LEFT: Align = "left"
RIGHT: Align = "right"
_LOADS = {"closed_concurrency": "{:g} in flight", "open_qps": "{:g}/s", "batch": "{:g} rows"}
_MS = 1e3
_LATENCIES: tuple[tuple[str, Callable[[LoadPoint], Spread | None]], ...] = (
    ("TTFT", lambda point: point.ttft_s),
    ("TPOT", lambda point: point.tpot_s),
    ("E2E", lambda point: point.e2e_s),
)


def load_document(report: LoadReport) -> Document:
    """The report for people; milliseconds."""
    who = " ".join(part for part in (report.engine, report.version) if part)
    sections = [Section(title="Points of load", blocks=tuple(_points(report)))]
    doubts = tuple(_said(report))
    if doubts:
        sections.append(Section(title="What to know about them", blocks=(Items(items=doubts),)))
    sections.append(Section(title="How it was measured", blocks=(Items(items=report.remarks),)))
    return Document(
        title=f"{report.model} at {report.url}",
        subtitle=f"{who or 'an engine that does not say its name'}, {report.api}"
        f"{', interrupted: later points are missing' if report.interrupted else ''}",
        sections=tuple(sections),
        meta=(("date", report.date), ("source", report.source)),
    )


def load_name(point: LoadPoint) -> str:
    """How the load of a point is called."""
    return "1 row" if (point.kind, point.load) == ("batch", 1) else _LOADS[point.kind].format(point.load)


def load_line(point: LoadPoint) -> str:
    """A point in one line."""
    parts = [f"{load_name(point)}: {point.measured:,} measured of {point.sent:,} sent, {point.failed:,} failed"]
    parts += [f"{name} {_plain(spread.mean * _MS)} ms" for name, spread in _spreads(point)]
    parts += [f"{_plain(point.output_tok_s)} tok/s"] if point.output_tok_s is not None else []
    parts += [f"{_plain(point.rows_s)} rows/s"] if point.rows_s is not None else []
    return ", ".join([*parts, *(["in doubt"] if point.doubts else [])])


def _points(report: LoadReport) -> Iterator[Block]:
    classic = [point for point in report.points if point.kind == "batch"]
    streamed = [point for point in report.points if point.kind != "batch"]
    if streamed:
        yield _table(
            "means, and the 95 % interval of each",
            ("load", "measured", "failed", "TTFT, ms", "TPOT, ms", "E2E, ms", "output tok/s", "tokens in, out"),
            [_means(point) for point in streamed],
        )
    if classic:
        rows = [(load_name(one), *_counts(one), _mean(one.e2e_s), _plain(one.rows_s)) for one in classic]
        columns = ("load", "measured", "failed", "a call, ms", "rows/s")
        yield _table("means, and the 95 % interval of a call", columns, rows)
    tails = [(load_name(one), name, *_tail(found)) for one in report.points for name, found in _spreads(one)]
    if tails:
        yield _table("percentiles, ms", ("load", "latency", "p50", "p95", "p99", "n"), tails)


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    return Table(caption=caption, columns=columns, rows=tuple(rows), align=(LEFT, *[RIGHT] * (len(columns) - 1)))


def _means(point: LoadPoint) -> tuple[str, ...]:
    tokens = f"{_plain(point.input_tokens)}, {_plain(point.output_tokens)}"
    speed = _with(point.output_tok_s, point.output_tok_s_low, point.output_tok_s_high)
    latencies = (_mean(found(point)) for _, found in _LATENCIES)
    return load_name(point), *_counts(point), *latencies, speed, tokens


def _counts(point: LoadPoint) -> tuple[str, str]:
    return f"{point.measured:,} of {point.sent:,}", f"{point.failed:,}"


def _spreads(point: LoadPoint) -> Iterator[tuple[str, Spread]]:
    for name, found in _LATENCIES:
        if (spread := found(point)) is not None:
            yield name, spread


def _tail(spread: Spread) -> tuple[str, ...]:
    return *(_plain(value * _MS) for value in (spread.p50, spread.p95, spread.p99)), f"{spread.n:,}"


def _mean(spread: Spread | None) -> str:
    if spread is None:
        return "unknown"
    low, high = (None if bound is None else bound * _MS for bound in (spread.low, spread.high))
    return _with(spread.mean * _MS, low, high)


def _with(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return _plain(value)
    return f"{_plain(value)} ({_plain(low)} to {_plain(high)})"


def _plain(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - no exponents for people


def _said(report: LoadReport) -> Iterator[str]:
    for point in report.points:
        name = load_name(point)
        yield from (f"{name}: in doubt, and not among the rows: {doubt}" for doubt in point.doubts)
        yield from (f"{name}: {note}" for note in point.notes)
        yield from (f"{name}: {count:,} failed: {why}" for why, count in point.failures)
