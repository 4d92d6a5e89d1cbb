"""Two sides request by request: every difference belongs to a request, so money is exact.

Tried in this order: timezone (the same requests, all a whole or half hour apart), duplicate (more rows of a request on
one side), late (booked in another period), out of order (booked before it was asked), missing (on one side only; batch
and failed requests apart), then for requests on both sides: unpriced, other cached tokens, other tokens, other price.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from breakeven.audit.reconcile.book import Book
from breakeven.audit.reconcile.rate import goes_with_cache
from breakeven.schema.reconcile import NOTHING, Amount, Item, Reconciliation, Side

DAY_S = 86_400.0
EARLY_S = 120.0
"""Clocks differ; booked earlier than this before the request is out of order."""
LATE_S = 300.0
"""Booked later than this, on another day, is late: providers take minutes."""
AGREE = 0.8
"""The share of requests that must be the same number of half hours apart."""
SEVERAL = 10
ROUNDING_PICO = 10**6
_HALF_HOUR_S = 1800.0


@dataclass(kw_only=True)
class Items:
    """A comparison request by request of the period `start_s` <= time < `end_s` (Unix seconds).

    The ledger's items reach beyond the period, so that what was booked late is found.
    """

    ledger: Side
    other: Side
    start_s: float
    end_s: float
    subject: str = "invoice"
    examples: int = 3

    def __post_init__(self) -> None:
        self.book = Book(self.examples)
        self.ahead_s = 0.0
        self._priced: dict[str, list[tuple[Item, Item, int]]] = defaultdict(list)
        self._left: list[tuple[int, str]] = []

    def run(self) -> Reconciliation:
        """The reconciliation."""
        ours, theirs = _by_id(self.ledger.items), _by_id(_renamed(self.ledger.items, self.other.items))
        self._shift(ours, theirs)
        for name in sorted(ours.keys() | theirs.keys()):
            self._one(ours.get(name, []), theirs.get(name, []))
        self._prices()
        return self._result()

    def _inside(self, item: Item) -> bool:
        return self.start_s <= item.time_s < self.end_s

    def _theirs_inside(self, item: Item) -> bool:
        return self.start_s <= item.time_s - self.ahead_s < self.end_s

    # explanations

    def _shift(self, ours: dict[str, list[Item]], theirs: dict[str, list[Item]]) -> None:
        both = [(ours[name][0], theirs[name][0]) for name in ours.keys() & theirs.keys()]
        both = [(one, other) for one, other in both if not other.day_only]
        steps = Counter(round((other.time_s - one.time_s) / _HALF_HOUR_S) for one, other in both)
        if not both or len(both) < SEVERAL:
            return
        step, count = steps.most_common(1)[0]
        if not step or count < AGREE * len(both):
            return
        self.ahead_s = step * _HALF_HOUR_S
        moved = [other for one, other in both if self._inside(other) and _day(other.time_s) != _day(one.time_s)]
        edge = [
            other for rows in theirs.values() for other in rows if self._inside(other) != self._theirs_inside(other)
        ]
        net = sum(other.amount.pico_usd * (1 if self._inside(other) else -1) for other in edge)
        gross = sum(other.amount.pico_usd for other in moved)
        hours = self.ahead_s / 3600
        example = f"{self.other.name}: its clock is {abs(hours):g} h {'ahead of' if hours > 0 else 'behind'} UTC"
        self.book.enter("timezone", "shifted", net, count=max(1, len(moved)), gross=gross, example=example)

    def _one(self, ours: list[Item], theirs: list[Item]) -> None:
        pairs = min(len(ours), len(theirs))
        for item in ours[max(1, pairs) :]:
            if self._inside(item):
                self.book.enter("duplicate", "in_ledger_twice", -item.amount.pico_usd, example=_named(item))
        for item in theirs[max(1, pairs) :]:
            if self._theirs_inside(item):
                self.book.enter("duplicate", "billed_twice", item.amount.pico_usd, example=_named(item))
        if not theirs:
            self._only_ours(ours[0])
        elif not ours:
            self._only_theirs(theirs[0])
        else:
            for one, other in zip(ours[:pairs], theirs[:pairs], strict=True):
                self._both(one, other)

    def _only_ours(self, item: Item) -> None:
        if self._inside(item) and not item.failed:
            self.book.enter("missing", "not_on_other_side", -item.amount.pico_usd, example=_named(item))

    def _only_theirs(self, item: Item) -> None:
        if self._theirs_inside(item):
            reason = "batch_not_written" if item.batch else "not_in_ledger"
            self.book.enter("missing", reason, item.amount.pico_usd, example=_named(item))

    def _both(self, one: Item, other: Item) -> None:
        mine, there = self._inside(one), self._theirs_inside(other)
        behind_s = other.time_s - self.ahead_s - one.time_s
        if mine != there:
            net = other.amount.pico_usd if there else -one.amount.pico_usd
            reason = "edge" if abs(behind_s) <= LATE_S else "next_period"
            self.book.enter("late", reason, net, gross=abs(net), example=_apart(one, behind_s))
            return
        if not mine:
            return
        self._order(one, other, behind_s)
        self._amounts(one, other)

    def _order(self, one: Item, other: Item, behind_s: float) -> None:
        gross = other.amount.pico_usd
        if other.day_only:
            # A day alone tells no order within it.
            behind_s = (_day(other.time_s) - _day(one.time_s)) * DAY_S
        if behind_s < -EARLY_S:
            self.book.enter("out_of_order", "before_request", 0, gross=gross, example=_apart(one, behind_s))
        elif behind_s > LATE_S and _day(other.time_s - self.ahead_s) != _day(one.time_s):
            self.book.enter("late", "next_period", 0, gross=gross, example=_apart(one, behind_s))

    def _amounts(self, one: Item, other: Item) -> None:
        left = other.amount.pico_usd - one.amount.pico_usd if self.other.has_money else 0
        if abs(left) <= ROUNDING_PICO:
            if left:
                self._left.append((left, _named(one)))
            return
        gap = other.amount - one.amount
        if one.failed:
            self.book.enter("missing", "failed_billed", left, example=_named(other))
        elif one.unpriced:
            self.book.enter("price", "unpriced", left, example=_named(other))
        elif not self.other.has_tokens or not one.amount.tokens:
            self._other_price(left, other)
        elif gap.input_tokens or gap.output_tokens:
            self.book.enter("missing", "token_counts", left, example=f"{_named(other)}: {gap.tokens:+,} tokens")
        elif gap.cached_input_tokens:
            counts = (
                f"{one.amount.cached_input_tokens:,} cached in the ledger, {other.amount.cached_input_tokens:,} there"
            )
            text = f"{_named(other)}: {counts}"
            self.book.enter("cached_tokens", "cached_count", left, example=text)
        else:
            self._priced[one.model].append((one, other, left))

    def _other_price(self, left: int, other: Item) -> None:
        self.book.enter("price", "unit_price" if self.subject == "invoice" else "value", left, example=_named(other))

    def _prices(self) -> None:
        for rows in self._priced.values():
            cached = goes_with_cache([other.amount for _, other, _ in rows], [left for _, _, left in rows])
            for one, other, left in rows:
                theirs, ours = other.amount.pico_usd / 1e12, one.amount.pico_usd / 1e12
                text = f"{_named(other)}: {theirs:.6f} USD, {ours:.6f} in the ledger"
                if cached:
                    self.book.enter("cached_tokens", "cached_price", left, example=text)
                else:
                    self.book.enter("price", "unit_price", left, example=text)

    # result

    def _result(self) -> Reconciliation:
        ledger = sum((one.amount for one in self.ledger.items if self._inside(one)), NOTHING)
        other = sum((one.amount for one in self.other.items if self._inside(one)), NOTHING)
        if not self.other.has_money:
            other += Amount(pico_usd=ledger.pico_usd + self.book.net)
        worst = sorted(self._left, key=lambda one: (-abs(one[0]), one[1]))
        return Reconciliation(
            subject=self.subject,
            start_s=self.start_s,
            end_s=self.end_s,
            ledger=ledger,
            other=other,
            other_name=self.other.name,
            mode="requests",
            differences=self.book.differences(max(abs(ledger.pico_usd), abs(other.pico_usd))),
            unexplained_pico_usd=other.pico_usd - ledger.pico_usd - self.book.net,
            unexplained_gross_pico_usd=sum(abs(left) for left, _ in self._left),
            unexplained_examples=tuple(f"{name}: {left / 1e12:+.9f} USD" for left, name in worst[: self.examples]),
            shift_h=self.ahead_s / 3600,
            bad=self.other.bad,
            assumptions=self.other.assumptions,
            remarks=(*self.ledger.remarks, *self.other.remarks),
        )


def _by_id(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.id].append(item)
    for rows in found.values():
        rows.sort(key=lambda one: (one.time_s, one.place))
    return found


def _renamed(ours: Sequence[Item], theirs: Sequence[Item]) -> list[Item]:
    """The other side's items under the ledger's ids, where they name a request by another of its ids."""
    known = {item.id for item in ours}
    also = {name: item.id for item in ours for name in item.ids if name}
    return [item if item.id in known or item.id not in also else _with_id(item, also[item.id]) for item in theirs]


def _with_id(item: Item, name: str) -> Item:
    values = {field: getattr(item, field) for field in item.__struct_fields__}
    return Item(**{**values, "id": name, "ids": (item.id,)})


def _day(time_s: float) -> int:
    return int(time_s // DAY_S)


def _named(item: Item) -> str:
    name = item.ids[0] if item.place and item.ids else item.id
    return f"{item.place}: {name}" if item.place else name


def _apart(one: Item, behind_s: float) -> str:
    hours = abs(behind_s) / 3600
    return f"{one.id}: booked {hours:.3g} h {'after' if behind_s > 0 else 'before'} the request"
