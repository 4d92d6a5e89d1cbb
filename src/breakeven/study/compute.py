"""A study computed into the nouns that are shown, stored and compared."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.config.study.file import Named, StudyFile
from breakeven.errors import StudyError
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure
from breakeven.schema.outlook import Outlook, Turn
from breakeven.schema.tco import Pair, Result, Tco, TcoLine, TcoOption, Variant
from breakeven.study import strain
from breakeven.study.bound import AbsentError, UnpricedError
from breakeven.study.costed import Costed
from breakeven.study.doubt import doubts
from breakeven.study.evaluate import Evaluated
from breakeven.study.figures import FIGURES as OF_OPTION
from breakeven.study.figures import USUAL, base_unit, shown_in, unit_of
from breakeven.study.flow import Flow
from breakeven.study.known import Known
from breakeven.study.level import levels
from breakeven.study.outlook.case import case_of
from breakeven.study.outlook.turn import turns
from breakeven.study.pair import FIGURES as OF_PAIR
from breakeven.study.pair import NOT_WITHIN, VOLUME, Versus
from breakeven.study.truth import truths
from breakeven.study.vary import changed, variants

CENTS = 6
"""Money is rounded to a millionth before it is added, so that the lines of a table add up to its total exactly."""
VOLUME_UNITS = ["request/month", "Mtok/month"]
NOT_CARRIED = "the fleet does not carry the demand"
OWN_TOTALS = frozenset({"capex", "residual", "first_month", "total", "present", "annuity", "accounting_month"})
"""Figures that an option shows as fields of its own."""


def compute(study: StudyFile, catalog: Catalog, look_ahead: Callable[[], Outlook] | None = None) -> Tco:
    """The study, its variants, its rules, and its outlook where one is asked for.

    Raises:
        StudyError: something in it cannot be computed; names the place.
    """
    base = Evaluated(study, catalog)
    first = _variant("", (), base)
    others, facts = [], dict(base.scope.facts)
    for name, inputs in variants(study):
        again = Evaluated(changed(study, name, inputs), catalog)
        told = tuple(
            (key, str(given.value if given.value is not None else given.fact)) for key, given in inputs.items()
        )
        with _of(study, name):
            others.append(_variant(name, told, again))
        facts |= {key: fact for key, fact in again.scope.facts.items() if key not in facts}
    outlook = look_ahead() if look_ahead is not None else None
    if outlook is not None:
        facts |= {key: fact for key, fact in base.scope.facts.items() if key not in facts}
    return Tco(
        id=study.id,
        title=study.title,
        as_of=base.scope.on,
        currency=study.currency,
        conventions=_conventions(study, base),
        base=first,
        variants=tuple(others),
        levels=levels(study, catalog, base),
        truths=truths(study, catalog),
        outlook=outlook,
        turns=outlook.turns if outlook is not None else _turns(study, catalog, base),
        facts=_sorted(facts),
        warnings=doubts(study, catalog, base),
        source=study.source.title,
        digest=_digest(study, facts),
    )


def _turns(study: StudyFile, catalog: Catalog, base: Evaluated) -> tuple[Turn, ...]:
    """What would make another option the cheapest; nothing where fewer than two can be chosen."""
    able = [one for one in base.priced() if not strain.overloaded(one)[0]]
    return turns(case_of(study, catalog, "")) if len(able) > 1 else ()


@contextmanager
def _of(study: StudyFile, variant: str) -> Iterator[None]:
    """Errors inside are errors of a variant: they name it, and stand where it does."""
    try:
        yield
    except StudyError as error:
        place = ("variants", variant) if variant in study.variants else ("grid",)
        message = f"variant `{variant}`: {error.message}"
        raise StudyError(message, error.way_out, path=place) from error


def _digest(study: StudyFile, facts: dict[str, Fact]) -> str:
    written = (study.model_dump_json().encode(), *(msgspec.json.encode(fact) for fact in _sorted(facts)))
    return hashlib.sha256(b"\n".join(written)).hexdigest()


def _sorted(facts: dict[str, Fact]) -> tuple[Fact, ...]:
    return tuple(facts[key] for key in sorted(facts))


def _conventions(study: StudyFile, base: Evaluated) -> tuple[tuple[str, str], ...]:
    stated, calendar = study.conventions, base.scope.units.calendar
    rate = base.scope.read(stated.discount_rate, "conventions", "discount_rate")
    return (
        ("hours per month", "not stated" if stated.hours_per_month is None else f"{stated.hours_per_month:g}"),
        ("days per month", "not stated" if calendar.days is None else f"{calendar.days:.6g}"),
        ("horizon", f"{stated.horizon_months} months"),
        ("discount rate", "none" if rate is None else rate.text),
        ("compounding", stated.compounding),
        ("hourly costs", stated.opex.replace("_", " ")),
        ("currency", study.currency),
    )


def _variant(name: str, told: tuple[tuple[str, str], ...], found: Evaluated) -> Variant:
    options = tuple(_option(found, found.option(one)) for one in found.study.options)
    pairs = tuple(_pair(found, versus) for versus in found.pairs())
    results = tuple(Result(name=key, figure=_stated(found, key, stated)) for key, stated in found.study.results.items())
    return Variant(name=name, changed=told, options=options, pairs=pairs, results=results)


def _stated(found: Evaluated, name: str, stated: Named) -> Figure:
    """A result of the study's own; one that rests on a price nobody has stated says so."""
    try:
        with found.scope.at("results", name):
            known = found.named(name)
            unit = stated.unit or shown_in(found.scope, known, USUAL) or base_unit(known)
            return _figure(found, known, unit, stated.note)
    except UnpricedError as error:
        unit = stated.unit.replace("CUR", found.study.currency)
        return Figure(value=None, unit=unit, basis="unknown", note=f"unpriced: {error.message}")


def _option(found: Evaluated, costed: Costed) -> TcoOption:
    if not np.isfinite(costed.present).all():
        message = f"the cost of option `{costed.name}` is beyond any number"
        raise StudyError(message, "correct the price or count that is too large", path=("options", costed.name))
    unpriced = tuple(dict.fromkeys(costed.context.unpriced))
    lines = tuple(_line(costed, flow) for flow in costed.flows)
    totals = _totals(costed, lines) if not unpriced else {}
    cash = _cash(lines, costed.horizon)
    return TcoOption(
        name=costed.name,
        title=costed.option.title or costed.name,
        placement=costed.option.placement,
        lines=lines,
        first_month=totals.get("first_month"),
        total=totals.get("total"),
        present=totals.get("present"),
        annuity=totals.get("annuity"),
        accounting_month=totals.get("accounting_month"),
        capex=cash[0],
        residual=_money(costed.residual[0]),
        cash=cash,
        depreciation=tuple(_money(month) for month in costed.depreciation) if _written_off(costed) else (),
        accounting=tuple(_money(month) for month in costed.accounting),
        figures=_figures(found, costed) if not unpriced else (),
        unpriced=unpriced,
        load=None if (load := strain.strain(costed)) is None else float(load[0]),
    )


def _written_off(costed: Costed) -> bool:
    return bool(costed.context.batches or costed.context.prepaid)


def _totals(costed: Costed, lines: tuple[TcoLine, ...]) -> dict[str, float]:
    """Sums of the rounded lines, so that a reader who adds up the table gets the total."""
    present = _money(math.fsum(line.present for line in lines))
    first = _money(math.fsum(line.first_month for line in lines))
    return {
        "first_month": first,
        "total": _money(math.fsum(line.total for line in lines)),
        "present": present,
        "annuity": _money(present / float(costed.factors[0, 1:].sum())),
        "accounting_month": _money(first + float(costed.depreciation[0])),
    }


def _cash(lines: tuple[TcoLine, ...], horizon: int) -> tuple[float, ...]:
    """The rounded lines summed month by month, from the start to the horizon."""
    months = zip(*(line.cash for line in lines), strict=True) if lines else [()] * (horizon + 1)
    return tuple(_money(math.fsum(month)) for month in months)


def _line(costed: Costed, flow: Flow) -> TcoLine:
    cash = tuple(_money(month) for month in flow.cash(costed.horizon)[0])
    return TcoLine(
        name=flow.name,
        category=flow.category,
        first_month=_money(costed.months_of(flow)[0]),
        total=_money(math.fsum(cash)),
        present=_money(costed.present_of(flow)[0]),
        fixed=flow.fixed,
        formula=flow.formula,
        basis=flow.basis,
        facts=flow.facts,
        cash=cash,
    )


def _money(value: float | np.floating) -> float:
    return round(float(value), CENTS) + 0.0


def _figures(found: Evaluated, costed: Costed) -> tuple[Result, ...]:
    """The figures that can be computed; those whose demand or capacity the study does not state are left out."""
    results = []
    for name in OF_OPTION:
        if name in OWN_TOTALS:
            continue
        try:
            with found.scope.at("options", costed.name):
                known = found.named(f"{costed.name}.{name}")
                figure = _figure(found, known, unit_of(costed, name, known), OF_OPTION[name].meaning)
        except AbsentError:
            continue
        results.append(Result(name=f"{costed.name}.{name}", figure=_never(figure, NOT_CARRIED)))
    return tuple(results)


def _figure(found: Evaluated, known: Known, unit: str, note: str) -> Figure:
    chosen = found.scope.unit(unit.replace("CUR", found.study.currency))
    value = float(known.amount.to(chosen).flat[0])
    usable = math.isfinite(value)
    return Figure(
        value=value if usable else None,
        unit=chosen.text,
        basis=known.basis,
        how=known.text,
        facts=known.facts,
        note=note,
    )


def _pair(found: Evaluated, versus: Versus) -> Pair:
    results = []
    for name, spec in OF_PAIR.items():
        try:
            known = found.named(f"{versus.name}.{name}")
        except AbsentError:
            continue
        unit = shown_in(found.scope, known, [spec.unit, "month", ""])
        if (not unit and spec.unit) or (spec.beside and _alike(known, found.named(f"{versus.name}.{spec.beside}"))):
            continue
        figure = _figure(found, known, unit, spec.meaning)
        results.append(Result(name=f"{versus.name}.{name}", figure=_never(figure, spec.never)))
    results.extend(_volume(found, versus))
    saved = tuple(_money(month) for month in versus.saved[0])
    return Pair(owner=versus.owner.name, rival=versus.rival.name, figures=tuple(results), saved=saved)


def _alike(one: Known, other: Known) -> bool:
    """Whether two figures say the same, never included."""
    return np.allclose(one.amount.values, other.amount.values, equal_nan=True)


def _never(figure: Figure, reason: str) -> Figure:
    if figure.value is not None:
        return figure
    return Figure(
        value=None,
        unit=figure.unit,
        basis=figure.basis,
        facts=figure.facts,
        note=f"never: {reason or NOT_WITHIN}",
    )


def _volume(found: Evaluated, versus: Versus) -> tuple[Result, ...]:
    try:
        known = found.volume(versus.owner.name, versus.rival.name)
    except StudyError:
        return ()
    unit = shown_in(found.scope, known, VOLUME_UNITS)
    figure = _figure(found, known, unit, "demand from which owning costs less a month")
    never = "between a ten-thousandth and ten thousand times the stated demand owning never costs less"
    return (Result(name=f"{versus.name}.{VOLUME}", figure=_never(figure, never)),)
