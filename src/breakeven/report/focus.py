"""A study's option, and savings, as FOCUS 1.2 rows: what was planned, in the columns in which it will be billed.

Cash and accrual stand side by side. A purchase has its BilledCost in its month and an EffectiveCost of 0; its
depreciation has EffectiveCost month by month and a BilledCost of 0. So BilledCost sums to the option's cash total and
EffectiveCost to its accounting total. Savings are Credit rows in a table of their own: nobody pays them out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from breakeven.errors import EvidenceError, UsageError
from breakeven.schema.focus import NAMES, Row, Table
from breakeven.schema.focus_csv import Sheet
from breakeven.schema.focus_row import Account, Category, Charge, Frequency, Seller, each, months_later, row
from breakeven.schema.noun import Noun
from breakeven.schema.tco import Tco, TcoLine, TcoOption

EXACT = 1e-12
"""Of a sum, what floats may differ by."""
NEAR, GRAIN = 1e-9, 1e-4
"""How far two sums of the same money may differ, relative to the larger or in all: a study rounds to millionths."""
CAPITAL = "capital"
"""The category of purchases and resales in a study."""


class Saving(Noun, frozen=True, kw_only=True):
    """Money not spent in one month, `amount` in `currency`, positive when something was saved; `how`: against what."""

    month: date
    use_case: str
    amount: float
    how: str
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Whose plan, of which option, from which month."""

    tco: Tco
    option: TcoOption
    account: Account
    start: datetime

    @property
    def months(self) -> int:
        """The horizon."""
        return len(self.option.cash) - 1


def planned(
    tco: Tco,
    option: str,
    start: date,
    *,
    account: Account | None = None,
    cash: Mapping[str, Sequence[float]] | None = None,
) -> Sheet:
    """One option of the study as written, a row for each line and month from the month of `start`.

    `cash` gives the amounts of a line for months 0..horizon; month 0 is booked in the first month. A line without them
    is level, or grows at the constant monthly rate that makes first month and total true; the remarks name those.

    Raises:
        UsageError: the study has no such option.
        EvidenceError: the option is unpriced: it has no rows, rather than rows of 0.
    """
    frame = _frame(tco, option, start, account or Account())
    amounts = [_months(line, frame, cash or {}) for line in frame.option.lines]
    rows = [one for line, months in zip(frame.option.lines, amounts, strict=True) for one in _line(line, months, frame)]
    rows += _depreciation(frame) if _capital(frame) else []
    return Sheet(table=Table(columns=NAMES, rows=tuple(rows)), remarks=tuple(_remarks(frame, amounts, cash or {})))


def purchases(tco: Tco, option: str, start: date, *, account: Account | None = None) -> Sheet:
    """The purchases of an option alone, for the file of actual usage: billed in their month, without EffectiveCost.

    Raises:
        UsageError: the study has no such option.
        EvidenceError: the option is unpriced.
    """
    frame = _frame(tco, option, start, account or Account())
    bought = [line for line in frame.option.lines if _one_off(line) and line.total > 0]
    rows = tuple(_row(frame, line.name, 0, line.total, "purchase", line.formula) for line in bought)
    return Sheet(table=Table(columns=NAMES, rows=rows))


def savings(found: Iterable[Saving], *, account: Account | None = None) -> Sheet:
    """Credit rows of savings, negative, for a file of their own: never add them to usage."""
    owner = account or Account()
    rows = tuple(_saving(one, owner) for one in found)
    remark = "savings are not paid out: keep this file apart from usage, or budgets count money that is not there"
    return Sheet(table=Table(columns=NAMES, rows=rows), remarks=(remark,) if rows else ())


def _frame(tco: Tco, option: str, start: date, account: Account) -> Frame:
    found = next((one for one in tco.base.options if one.name == option), None)
    if found is None:
        names = ", ".join(one.name for one in tco.base.options)
        message = f"study {tco.title!r} has no option {option!r}; it has {names}"
        raise UsageError(message, "name one of these options")
    if found.unpriced:
        message = f"option {option!r} is unpriced: {', '.join(found.unpriced)}"
        raise EvidenceError(message, "state these prices in the study: FOCUS needs numbers, and 0 would be a wrong one")
    first = datetime(start.year, start.month, 1, tzinfo=UTC)
    return Frame(tco=tco, option=found, account=account, start=first)


def _one_off(line: TcoLine) -> bool:
    return line.first_month == 0 and line.total != 0


def _capital(frame: Frame) -> frozenset[str]:
    """The one-off lines that depreciation stands for: those of category capital, else all; none where sums differ."""
    option = frame.option
    single = [line for line in option.lines if _one_off(line)]
    for lines in ([line for line in single if line.category == CAPITAL], single):
        net = math.fsum(line.total for line in lines)
        if lines and option.depreciation and _near(net, math.fsum(option.depreciation)):
            return frozenset(line.name for line in lines)
    return frozenset()


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=NEAR, abs_tol=GRAIN)


def _months(line: TcoLine, frame: Frame, cash: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """What a line costs in months 0..horizon."""
    given, months = cash.get(line.name) or line.cash or None, frame.months
    if given is not None:
        return _checked(line, given, months)
    if _one_off(line):
        # Bought at the start, sold at the end: the only two instants of which every option says what happens then.
        return (line.total, *(0.0,) * months) if line.total > 0 else (*(0.0,) * months, line.total)
    growth = _growth(line.first_month, line.total, months)
    if growth is None:
        return (0.0, *(line.total / months,) * months)
    return (0.0, *(line.first_month * growth**month for month in range(months)))


def _checked(line: TcoLine, given: Sequence[float], months: int) -> tuple[float, ...]:
    if len(given) != months + 1 or not _near(math.fsum(given), line.total):
        message = (
            f"line {line.name!r}: {len(given)} monthly amounts sum to {math.fsum(given):g}; "
            f"the option has {months + 1} months (0 included) and the line a total of {line.total:g}"
        )
        raise UsageError(message, "give one amount for each month 0..horizon, which sum to the line's total")
    return tuple(given)


def _growth(first: float, total: float, months: int) -> float | None:
    """The monthly factor g with first x (1 + g + ... + g^(months - 1)) = total, by bisection; None where none does."""
    if not first or math.isclose(first * months, total, rel_tol=EXACT):
        return 1.0
    ratio, low, high = total / first, 0.0, 2.0
    if ratio < 1 or months == 1:
        return None
    while _series(high, months) < ratio:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _series(middle, months) < ratio else (low, middle)
    return (low + high) / 2


def _series(growth: float, months: int) -> float:
    return math.fsum(growth**month for month in range(months))


def _line(line: TcoLine, amounts: Sequence[float], frame: Frame) -> Iterator[Row]:
    kind = "planned" if not _one_off(line) else "one_off"
    if line.name in _capital(frame):
        kind = "purchase" if line.total > 0 else "resale"
    for month, amount in enumerate(amounts):
        if amount:
            yield _row(frame, line.name, month, amount, kind, line.formula, line=line)


def _depreciation(frame: Frame) -> list[Row]:
    amounts = enumerate(frame.option.depreciation, 1)
    return [_row(frame, "depreciation", month, amount, "depreciation", "") for month, amount in amounts if amount]


_SHAPES: dict[str, tuple[Category, Frequency]] = {
    "planned": ("Usage", "Recurring"),
    "depreciation": ("Usage", "Recurring"),
    "purchase": ("Purchase", "One-Time"),
    "resale": ("Purchase", "One-Time"),
    "one_off": ("Purchase", "One-Time"),
}


def _row(
    frame: Frame, name: str, month: int, amount: float, kind: str, formula: str, line: TcoLine | None = None
) -> Row:
    option, cost = frame.option, Decimal(repr(amount))
    category, frequency = _SHAPES[kind]
    start = months_later(frame.start, max(0, month - 1))
    charge = Charge(
        description=f"{name} of {option.title}" + (f": {formula}" if formula else ""),
        start=start,
        end=months_later(start, 1),
        effective=Decimal(0) if kind in {"purchase", "resale"} else cost,
        billed=Decimal(0) if kind == "depreciation" else cost,
        listed=cost,
        price=each(cost, "Months" if category == "Usage" else "Units"),
        service="Plan",
        sku_price=f"{frame.tco.id}/{option.name}/{name}".replace("@", "-"),
        category=category,
        frequency="Usage-Based" if line is not None and kind == "planned" and not line.fixed else frequency,
        pricing="Other",
        resource=option.name,
        resource_name=option.title if option.title != option.name else "",
        resource_type="Option",
        currency=frame.tco.currency,
    )
    custom: Row = {"x_cost_kind": kind, "x_option": option.name, "x_placement": option.placement}
    custom["x_basis"] = line.basis if line is not None else "derived"
    return row(frame.account, Seller(provider=frame.account.owner), charge, custom, {})


def _saving(one: Saving, account: Account) -> Row:
    start = datetime(one.month.year, one.month.month, 1, tzinfo=UTC)
    cost = -Decimal(repr(one.amount))
    charge = Charge(
        description=f"Saved by {one.use_case}: {one.how}",
        start=start,
        end=months_later(start, 1),
        effective=cost,
        price=each(cost),
        service="Plan",
        sku_price=f"saving/{one.use_case}".replace("@", "-"),
        category="Credit",
        frequency="Recurring",
        pricing="Other",
        currency=one.currency,
    )
    custom = {"x_cost_kind": "saving", "x_use_case": one.use_case, "x_basis": "derived"}
    return row(account, Seller(provider=account.owner), charge, custom, {"use_case": one.use_case})


def _remarks(frame: Frame, amounts: Sequence[Sequence[float]], cash: Mapping[str, Sequence[float]]) -> Iterator[str]:
    option = frame.option
    placed = zip(option.lines, amounts, strict=True)
    bent = [line.name for line, months in placed if line.name not in cash and not _flat(line, months)]
    if bent:
        yield f"no monthly amounts of {', '.join(bent)}: spread at the constant growth that keeps first month and total"
    sums = [math.fsum(months) for months in zip(*amounts, strict=True)]
    off = [month for month, (mine, its) in enumerate(zip(sums, option.cash, strict=False)) if not _near(mine, its)]
    if off:
        first = off[0]
        yield (
            f"{len(off)} months differ from the option's cash, first month {first}: rows {sums[first]:g}, "
            f"option {option.cash[first]:g}; give the lines' monthly amounts"
        )
    if option.depreciation and not _capital(frame):
        yield (
            f"depreciation sums to {math.fsum(option.depreciation):g}, the one-off lines to something else: "
            "one-off lines keep their EffectiveCost in their month, and there are no depreciation rows"
        )


def _flat(line: TcoLine, amounts: Sequence[float]) -> bool:
    return _one_off(line) or all(_near(amount, line.first_month) for amount in amounts[1:])
