"""What leaving costs, and what a broken promise pays at most."""

from __future__ import annotations

import math

from breakeven.config.study.option import Option
from breakeven.schema.comparison import CostPart
from breakeven.schema.noun import Figure
from breakeven.study.bound import UnpricedError
from breakeven.study.evaluate import Evaluated
from breakeven.study.leaving import EXIT_MONTH
from breakeven.study.vendor.case import OFFER, Asked
from breakeven.study.vendor.currency import PEOPLE
from breakeven.study.vendor.fact import keyed


def leaving(asked: Asked, found: Evaluated) -> Figure:
    """Cost of leaving after a year; unknown while the proposal leaves a part of it open, with what is known."""
    currency, unknown = asked.workload.currency, open_terms(asked.option)
    known = _known(found)
    if unknown:
        least = f"; at least {known.value:,.0f} {currency}" if known is not None and known.value else ""
        return Figure(value=None, unit=currency, note=f"not stated: {', '.join(unknown)}{least}")
    if known is None:
        return Figure(value=None, unit=currency, note="a part of what is paid until then has no price")
    facts = tuple(keyed(key, asked.proposal.id) for key in known.facts)
    how = f"notice, penalty, migration and value not recovered, leaving after {EXIT_MONTH} months"
    return Figure(value=known.value, unit=currency, basis="derived", how=how, facts=facts)


def _known(found: Evaluated) -> Figure | None:
    if found.study.options[OFFER].exit is None:
        return None
    try:
        known = found.named(f"{OFFER}.exit_after_12")
    except UnpricedError:
        return None
    return Figure(value=float(known.amount.scalar), unit="", facts=known.facts)


def open_terms(option: Option) -> list[str]:
    """What the exit section leaves out; the penalty only where there is a commitment that it is a share of."""
    stated = option.exit
    wanted = ["notice", "migration", *(["penalty"] if committed(option) else [])]
    return [name for name in wanted if stated is None or getattr(stated, name) is None]


def committed(option: Option) -> bool:
    """Whether a term binds."""
    return option.lease is not None or any(part is not None and part.term for part in (option.rent, option.provisioned))


def in_months(exit_cost: Figure, month: Figure) -> Figure:
    """Leaving in months of spend."""
    if exit_cost.value is None or not month.value:
        return Figure(value=None, unit="month", note=exit_cost.note or "nothing is spent")
    how = "cost of leaving / cost of a month"
    return Figure(value=exit_cost.value / month.value, unit="month", basis="derived", how=how, facts=exit_cost.facts)


def most_credit(asked: Asked, found: Evaluated, lines: tuple[CostPart, ...]) -> Figure:
    """The most that broken promises pay back a month: its cap, else one breach; unknown where no credit is stated.

    It is a share of the bill, which one's own people are no part of.
    """
    bill = math.fsum(line.amount for line in lines if line.category != PEOPLE)
    sla, unit = asked.proposal.sla, f"{asked.workload.currency}/month"
    credit = found.scope.wanted(sla.credit, "", "sla", "credit")
    cap = found.scope.wanted(sla.credit_cap, "", "sla", "credit_cap")
    if credit is None:
        return Figure(value=None, unit=unit, note="no credit is stated")
    one = float(credit.amount.scalar)
    share = one if cap is None else float(cap.amount.scalar) if one else 0.0
    how = f"{share:.3g} of a month's bill" + ("" if cap is not None else ", one breach: no cap is stated")
    facts = tuple(keyed(key, asked.proposal.id) for known in (credit, cap) if known is not None for key in known.facts)
    return Figure(value=share * bill, unit=unit, basis="derived", how=how, facts=facts)
