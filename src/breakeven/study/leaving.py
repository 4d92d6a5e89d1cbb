"""What it costs to leave an option after a year: lock-in."""

from __future__ import annotations

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.study.bound import SHARE
from breakeven.study.costed import Costed
from breakeven.study.known import Known

EXIT_MONTH = 12
"""The month in which `exit_after_12` leaves."""


def leaving(costed: Costed) -> Known | None:
    """What leaving after `EXIT_MONTH` months costs: commitments, notice, migration, and value not recovered by sale."""
    stated, context = costed.option.exit, costed.context
    left = max(0, costed.horizon - EXIT_MONTH)
    due = np.zeros(1)
    if stated is not None:
        penalty = context.within(stated.penalty, SHARE, "", "exit", "penalty")
        notice = context.months(stated.notice, "exit", "notice", least=0, beyond=True)
        migration = context.read(stated.migration, "exit", "migration")
        committed = _committed(costed, left)
        due = due + (committed * penalty.amount.values[:, 0] if penalty is not None else 0.0)
        due = due + (costed.first_month * min(notice or 0, left))
        if migration is not None:
            with context.scope.at(*context.path("exit", "migration")):
                due = due + migration.amount.to(context.scope.unit(context.scope.study.currency), "moving away")[:, 0]
    if not context.batches and stated is None:
        return None
    return costed.money(due + _stranded(costed))


def _committed(costed: Costed, left: int) -> Array:
    """Rent, lease and units that stay due for the months left of their terms, which are renewed when they end."""
    option, context = costed.option, costed.context
    terms = {
        "rent": context.months(option.rent.term, "rent", "term") if option.rent else None,
        "lease": context.months(option.lease.term, "lease", "term") if option.lease else None,
        "provisioned": context.months(option.provisioned.term, "provisioned", "term") if option.provisioned else None,
    }
    due = np.zeros(1)
    for part, term in terms.items():
        months = min(left, -EXIT_MONTH % term) if term else 0
        owed = [flow for flow in costed.flows if flow.part == part and not flow.name.startswith("overflow_")]
        due = due + sum((costed.months_of(flow) for flow in owed), np.zeros(1)) * months
    return due


def _stranded(costed: Costed) -> Array:
    """Book value that a sale in that month would not bring back, by the resale curve."""
    lost = np.zeros(1)
    for batch in (*costed.context.batches, *costed.context.prepaid):
        age = np.maximum(0.0, EXIT_MONTH - batch.month)
        written = np.minimum(1.0, age / batch.life_months) * (batch.amount - batch.residual)
        fetched = batch.amount * batch.resale_share(age, batch.life_months)
        there = (batch.month < EXIT_MONTH) & (age <= batch.life_months)
        lost = lost + np.where(there, np.maximum(0.0, batch.amount - written - fetched), 0.0)[:, 0]
    return lost
