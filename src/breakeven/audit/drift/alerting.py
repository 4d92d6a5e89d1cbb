"""What somebody should be told: drift, budgets that will be passed, figures over their limits, lost records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from breakeven.schema.drift import Alert, Drift, Series, Severity, Spending
from breakeven.schema.noun import Noun
from breakeven.schema.statement import Statement

LIKELY, CERTAIN = 0.5, 0.95
"""Chances of passing a budget at which one is warned, and at which it is critical."""


class Limit(Noun, frozen=True, kw_only=True):
    """A bound on a day's figure of a use case ("" is any)."""

    metric: str
    over: float | None = None
    under: float | None = None
    use_case: str = ""
    critical: bool = False


def alerts(
    drifts: Iterable[Drift],
    spending: Iterable[Spending],
    series: Sequence[Series],
    limits: Iterable[Limit],
    statement: Statement,
) -> tuple[Alert, ...]:
    """Every alert that stands, critical ones first; ids are unique."""
    found = [*_drifted(drifts), *_spent(spending), *_bounded(series, limits), *_unsound(statement)]
    unique = {one.id: one for one in found}
    order = {"critical": 0, "warning": 1, "info": 2}
    return tuple(sorted(unique.values(), key=lambda one: (order[one.severity], one.id)))


def _drifted(drifts: Iterable[Drift]) -> Iterator[Alert]:
    for one in drifts:
        if one.verdict in {"worse", "changed"}:
            yield Alert(
                id=f"drift/{one.metric}/{one.key}",
                severity="warning" if one.verdict == "worse" else "info",
                metric=one.metric,
                key=one.key,
                message=f"{one.metric} of {one.key} {_moved(one)} since {one.since}",
                value=one.recent,
                limit=one.baseline,
            )


def _moved(one: Drift) -> str:
    if one.baseline is None or one.recent is None:
        return "changed"
    return f"went from {one.baseline:.4g} to {one.recent:.4g} {one.unit}"


def _spent(spending: Iterable[Spending]) -> Iterator[Alert]:
    for one in spending:
        if one.limit_usd is None:
            continue
        passed = one.spent_usd > one.limit_usd
        if not passed and (one.over is None or one.over < LIKELY):
            continue
        expected = f", {one.p50_usd:,.2f} expected by the end of it" if one.p50_usd is not None else ""
        yield Alert(
            id=f"budget/{one.budget}/{one.scope}",
            severity="critical" if passed or (one.over or 0.0) >= CERTAIN else "warning",
            metric="spent_usd",
            key=f"{one.budget} {one.scope}".strip(),
            message=(
                f"budget {one.budget}{' of ' + one.scope if one.scope else ''}: {one.spent_usd:,.2f} of "
                f"{one.limit_usd:,.2f} USD spent in {one.month}{expected}"
            ),
            value=one.p50_usd if one.p50_usd is not None else one.spent_usd,
            limit=one.limit_usd,
        )


def _bounded(series: Sequence[Series], limits: Iterable[Limit]) -> Iterator[Alert]:
    for limit in limits:
        for one in series:
            if one.metric == limit.metric and limit.use_case in ("", one.key) and one.days:
                yield from _passed(one, limit)


def _passed(one: Series, limit: Limit) -> Iterator[Alert]:
    value = one.days[-1].value
    for word, bound, bad in (("over", limit.over, 1), ("under", limit.under, -1)):
        if bound is not None and bad * (value - bound) > 0:
            yield Alert(
                id=f"limit/{one.metric}/{one.key}/{word}",
                severity="critical" if limit.critical else "warning",
                metric=one.metric,
                key=one.key,
                message=f"{one.metric} of {one.key} is {value:.4g} {one.unit}, {word} {bound:.4g}",
                value=value,
                limit=bound,
            )


def _unsound(statement: Statement) -> Iterator[Alert]:
    unpriced = statement.total.unpriced
    said: tuple[tuple[str, int, Severity, str], ...] = (
        ("conserved", not statement.conserved, "critical", "a breakdown does not sum to its total"),
        ("lost", statement.lost, "critical", f"{statement.lost} records are missing from their node's sequence"),
        ("unpriced", unpriced, "warning", f"{unpriced} of {statement.predictions} predictions have no price"),
    )
    for name, wrong, severity, message in said:
        if wrong:
            yield Alert(
                id=f"ledger/{name}", severity=severity, metric=name, key="ledger", message=message, value=float(wrong)
            )
