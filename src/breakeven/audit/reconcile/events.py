"""Events against predictions, from what was counted about them: which classes there are, and which matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
from msgspec.structs import replace

from breakeven.audit.reconcile.book import Book
from breakeven.schema.noun import Noun
from breakeven.schema.reconcile import Amount, Difference, DifferenceKind, Reconciliation

SHARE = 0.005
"""Above this share of all events, and above `FEW`, a class matters whatever its money."""
FEW = 5
FALL = 0.05
"""A smaller fall of the share of records with a subject is no break."""
SIGMAS = 6.0
DAYS = 2
"""Fewer days than this after a break prove none."""
KINDS: dict[str, DifferenceKind] = {
    "unknown_prediction": "missing",
    "withheld": "consent",
    "unattributed": "identity",
    "shifted": "timezone",
    "sent_twice": "duplicate",
    "ignored": "consent",
    "before_prediction": "out_of_order",
    "after_window": "late",
    "subject_lost": "identity",
}
"""The class of each thing that can be odd about an event."""
EXCLUDED = ("unknown_prediction", "withheld", "unattributed")
"""Events that the ledger does not count: all others count in spite of what is odd."""
PROPER = ("withheld", "unattributed")
"""What is normal, in bounds: consent was respected; a user acted without having been served."""


class Odd(Noun, frozen=True, kw_only=True):
    """Events with one thing about them."""

    reason: str
    count: int
    pico_usd: int
    examples: tuple[str, ...] = ()


class Identified(Noun, frozen=True, kw_only=True):
    """Predictions of one day and use case, those with a subject, and what those without cost."""

    day: int
    use_case: str
    predictions: int
    known: int
    pico_usd: int
    unknown_pico_usd: int


class Events(Noun, frozen=True, kw_only=True):
    """All that was counted: `sent` is every event once, `counted` those the ledger counts; Unix seconds."""

    start_s: float
    end_s: float
    sent: Amount
    counted: Amount
    odd: tuple[Odd, ...]
    identified: tuple[Identified, ...]
    remarks: tuple[str, ...] = ()


def reconciled(found: Events, examples: int = 3) -> Reconciliation:
    """Events against predictions: all events - those counted = what was not counted, exactly."""
    book = Book(examples)
    for one in found.odd:
        net = one.pico_usd if one.reason in EXCLUDED else 0
        text = "; ".join(one.examples[:examples])
        book.enter(KINDS[one.reason], one.reason, net, count=one.count, gross=abs(one.pico_usd), example=text)
    for broken in breaks(found.identified):
        count, pico, text = broken
        book.enter("identity", "subject_lost", 0, count=count, gross=pico, example=text)
    many = max(FEW, SHARE * max(1, found.sent.calls))
    differences = book.differences(found.sent.pico_usd, lambda count: count > many)
    plain = tuple(one for one in differences if one.reason not in PROPER)
    proper = tuple(_proper(one, found.sent.calls) for one in differences if one.reason in PROPER)
    return Reconciliation(
        subject="events",
        start_s=found.start_s,
        end_s=found.end_s,
        ledger=found.counted,
        other=found.sent,
        other_name="events",
        mode="events",
        differences=(*plain, *proper),
        unexplained_pico_usd=found.sent.pico_usd - found.counted.pico_usd - book.net,
        unexplained_gross_pico_usd=abs(found.sent.pico_usd - found.counted.pico_usd - book.net),
        remarks=found.remarks,
    )


def _proper(one: Difference, sent: int) -> Difference:
    """What is normal matters from a fifth of all events on."""
    return replace(one, material=one.count > max(FEW, sent // 5))


def breaks(found: Iterable[Identified]) -> Iterable[tuple[float, int, str]]:
    """Use cases whose records lost their subjects from some day on: how many, their pico-USD, and when."""
    by_use_case: dict[str, list[Identified]] = defaultdict(list)
    for one in found:
        by_use_case[one.use_case].append(one)
    for use_case, days in sorted(by_use_case.items()):
        at = _break(days)
        if at is not None:
            yield _lost(use_case, days, at)


def _break(days: Sequence[Identified]) -> int | None:
    """The day from which on the share with a subject is lower than days vary; None where there is none."""
    rates = np.array([one.known / one.predictions for one in days])
    best, found = 0.0, None
    for at in range(DAYS, len(rates) - DAYS + 1):
        before, after = rates[:at], rates[at:]
        fall = float(before.mean() - after.mean())
        spread = np.sqrt((before.var() * at + after.var() * len(after)) / max(1, len(rates) - 2))
        error = float(spread * np.sqrt(1 / at + 1 / len(after))) + 1e-9
        if fall >= FALL and fall / error >= SIGMAS and fall / error > best:
            best, found = fall / error, at
    return found


def _lost(use_case: str, days: Sequence[Identified], at: int) -> tuple[float, int, str]:
    before, after = days[:at], days[at:]
    usual = 1 - sum(one.known for one in before) / sum(one.predictions for one in before)
    paid = sum(one.unknown_pico_usd for one in before) / max(1, sum(one.pico_usd for one in before))
    served = sum(one.predictions for one in after)
    count = served - sum(one.known for one in after) - usual * served
    pico = sum(one.unknown_pico_usd for one in after) - round(paid * sum(one.pico_usd for one in after))
    when = datetime.fromtimestamp(after[0].day * 86_400, UTC)
    share = sum(one.known for one in after) / served
    return (
        max(1.0, count),
        max(0, pico),
        f"{use_case}: from {when:%Y-%m-%d} on {share:.0%} have a subject, {1 - usual:.0%} before",
    )
