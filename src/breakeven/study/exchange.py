"""Prices in other currencies, at the dated rates that a study states."""

from __future__ import annotations

from dataclasses import replace

from breakeven.algebra.amount import amount, number
from breakeven.algebra.unit import CURRENCIES, Unit, UnitError, currencies
from breakeven.config.study.file import Rate, StudyFile
from breakeven.errors import StudyError
from breakeven.schema.fact import Fact
from breakeven.study.known import Known


def checked(study: StudyFile) -> None:
    """Nothing where every currency is one, and every two of them have one rate.

    Raises:
        StudyError: a code is no currency, or a rate is missing its other end or stated twice.
    """
    _known(study.currency, ("currency",))
    pairs: set[frozenset[str]] = set()
    for at, rate in enumerate(study.fx):
        _known(rate.from_, ("fx", at, "from"))
        _known(rate.to, ("fx", at, "to"))
        pair = frozenset((rate.from_, rate.to))
        if len(pair) == 1 or pair in pairs:
            message = f"the rate from {rate.from_} to {rate.to} is stated twice, or is of one currency"
            raise StudyError(message, "keep one rate for two currencies, the one of the study's date", path=("fx", at))
        pairs.add(pair)


def _known(code: str, path: tuple[str | int, ...]) -> None:
    if code not in CURRENCIES:
        message = f"`{code}` is no currency that is known"
        raise StudyError(message, "currencies are ISO 4217 codes such as USD and EUR", path=path)


def converted(found: Known, study: StudyFile) -> tuple[Known, tuple[Fact, ...]]:
    """A quantity in the study's own currency, and the rates it took.

    Raises:
        UnitError: the study states no rate for its currency.
    """
    facts = []
    for name in currencies(found.amount.dims):
        if name != study.currency:
            rate = _rate(found, study, name)
            fact = _fact(study, rate)
            found = _exchanged(found, study.currency, name, rate, fact.key)
            facts.append(fact)
    return found, tuple(facts)


def _rate(found: Known, study: StudyFile, name: str) -> Rate:
    own = study.currency
    for rate in study.fx:
        if {rate.from_, rate.to} == {name, own}:
            return rate
    message = f"{found.text} is in {name}, and the study is in {own}"
    way_out = f"state a dated rate: `fx: [{{from: {name}, to: {own}, rate: ..., as_of: ..., source: ...}}]`"
    raise UnitError(message, way_out)


def _fact(study: StudyFile, rate: Rate) -> Fact:
    key = f"study/{study.id}/fx/{rate.from_}-{rate.to}"
    return Fact(
        key=key, value=rate.rate, unit=f"{rate.to}/{rate.from_}", source=rate.source, as_of=rate.as_of, layer="study"
    )


def _exchanged(found: Known, own: str, name: str, rate: Rate, key: str) -> Known:
    size = rate.rate if rate.to == own else 1 / rate.rate
    one = amount(size, Unit(tuple(sorted(((name, -1), (own, 1)))), 1.0, ""))
    power = dict(found.amount.dims)[name]
    text = f"{found.text} at {rate.rate:g} {rate.to}/{rate.from_} of {rate.as_of}"
    known = found.based(found.amount * one.raised(number(float(power))), text)
    return replace(known, facts=(*found.facts, key))
