"""Two sides' sums by period and model: what explains the difference, tried in a stated order.

1. timezone: shifting the other side's clock makes the sums agree; 2. duplicate: repeats known on one side; 3. missing,
batch: what came through a batch API is on one side only; 4. late: a surplus in one period is the lack of its neighbour;
5. missing: requests (or tokens) of one side only, at that side's prices, failed requests first; 6. cached_tokens: the
same tokens, other cached ones; 7. price, unpriced: tokens that one side has no price for; 8. consent and identity, for
outcomes; 9. price or cached_tokens: the same tokens at another price. What is left is unexplained. An explanation of
counts is taken only where it brings the counts closer together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from breakeven.audit.reconcile.book import Book
from breakeven.audit.reconcile.rate import Rates, goes_with_cache
from breakeven.audit.reconcile.shift import bucket_of, shift_h
from breakeven.schema.reconcile import NOTHING, Amount, DifferenceKind, Reconciliation, Side, Tally

HOUR_S, DAY_S = 3600.0, 86_400.0
ROUNDING_PICO = 10**6
"""Half of what a line in millionths of a dollar can be off, doubled."""
ESTIMATE = 0.02
"""A value that rests on fitted prices may be off by this share; what is left below it proves no price difference."""
_PARTS = ("total", "duplicate", "unpriced", "batch", "failed", "withheld", "unattributed")


@dataclass(slots=True)
class Pair:
    """One period and model on both sides; `gap` and `left` shrink as explanations are found."""

    start_s: float
    model: str
    key: str
    inside: bool
    ledger: Tally
    other: Tally
    gap: Amount = NOTHING
    left: int = 0
    doubt: int = 0

    @property
    def where(self) -> str:
        """Period and model, for examples."""
        when = datetime.fromtimestamp(self.start_s, UTC)
        text = f"{when:%Y-%m-%d}" if self.start_s % DAY_S == 0 else f"{when:%Y-%m-%d %H:%M}"
        return f"{text} {self.model}{' ' + self.key if self.key else ''}"


@dataclass(kw_only=True)
class Sums:
    """A comparison of sums: the sides, the period (Unix seconds), and how it is shown."""

    ledger: Side
    other: Side
    start_s: float
    end_s: float
    subject: str = "invoice"
    width_s: float = DAY_S
    examples: int = 3
    find_shift: bool = True

    def __post_init__(self) -> None:
        self.book = Book(self.examples)
        self.ahead_h = 0.0
        self._rates: dict[tuple[str, bool], Rates] = {}

    def run(self) -> Reconciliation:
        """The reconciliation."""
        pairs = self._paired()
        for pair in pairs:
            pair.left = _money_gap(pair)
            pair.gap = Amount(pico_usd=pair.left) if self._money_only else pair.other.total - pair.ledger.total
        self._fit(pairs)
        if not self.other.has_money:
            for pair in pairs:
                pair.left = self._value(pair, pair.gap)
        for pair in pairs:
            self._repeats(pair)
            self._batch(pair)
            self._outcomes(pair)
        self._late(pairs)
        for pair in pairs:
            self._missing(pair)
            self._cached_counts(pair)
            self._unpriced(pair)
        self._price(pairs)
        return self._result(pairs)

    # counting

    def measure(self, one: Amount) -> int:
        """What decides whether something is missing: calls, else tokens, else money."""
        if self.other.has_calls:
            return one.calls
        return one.tokens if self.other.has_tokens else one.pico_usd

    @property
    def _money_only(self) -> bool:
        return not self.other.has_calls and not self.other.has_tokens

    def _closer(self, gap: Amount, after: Amount) -> bool:
        return abs(self.measure(after)) < abs(self.measure(gap))

    # sides

    def _paired(self) -> list[Pair]:
        slots, other = self.ledger.tallies, self.other.tallies
        if self.find_shift and other:
            self.ahead_h = shift_h(slots, other, lambda one: self.measure(one.total))
        plain = self._pairs(0.0)
        if not self.ahead_h:
            return plain
        shifted = self._pairs(self.ahead_h * HOUR_S)
        before, after = _gaps(plain), _gaps(shifted)
        moved = sum(abs(before.get(key, 0) - after.get(key, 0)) for key in before.keys() | after.keys())
        net = sum(before.values()) - sum(after.values())
        if not self.other.has_money:
            net, moved = 0, 0
        sign = "ahead of" if self.ahead_h > 0 else "behind"
        example = f"{self.other.name}: its clock is {abs(self.ahead_h):g} h {sign} UTC"
        self.book.enter("timezone", "shifted", net, count=len(before), gross=moved, example=example)
        return shifted

    def _pairs(self, ahead_s: float) -> list[Pair]:
        ends = {one.start_s: one.end_s for one in self.other.tallies}
        starts = sorted(ends)
        sides: dict[tuple[float, str, str], list[list[Tally]]] = defaultdict(lambda: [[], []])
        for which, one in self._placed(starts, ends, ahead_s):
            at = one.start_s // self.width_s * self.width_s
            sides[at, one.model, one.key][which].append(one)
        return [self._pair(key, *sides[key]) for key in sorted(sides)]

    def _placed(self, starts: Sequence[float], ends: dict[float, float], ahead_s: float) -> Iterable[tuple[int, Tally]]:
        for one in self.ledger.tallies:
            at = bucket_of(one.start_s + ahead_s, starts, ends)
            yield 0, _moved(one, one.start_s + ahead_s if at is None else at)
        for one in self.other.tallies:
            yield 1, one

    def _pair(self, key: tuple[float, str, str], ledger: list[Tally], other: list[Tally]) -> Pair:
        start_s, model, name = key
        inside = self.start_s <= start_s < self.end_s
        return Pair(start_s, model, name, inside, _merged(ledger, key), _merged(other, key))

    def _fit(self, pairs: Sequence[Pair]) -> None:
        for model in {pair.model for pair in pairs}:
            mine = [pair for pair in pairs if pair.model == model]
            self._rates[model, True] = Rates([pair.other.total - pair.other.batch for pair in mine])
            self._rates[model, False] = Rates([_priced(pair.ledger) for pair in mine])

    def _value(self, pair: Pair, what: Amount, *, ours: bool = False) -> int:
        """Pico-USD of tokens at one side's prices; at the other's where that side has none."""
        if self._money_only and not what.tokens:
            return what.pico_usd
        first, second = (False, True) if ours else (True, False)
        within = {True: pair.other.total - pair.other.batch, False: _priced(pair.ledger)}
        for side in (first, second):
            rates = self._rates[pair.model, side]
            if rates.known:
                return rates.value(what, within[side])
        return self._by_call(pair, what)

    def _by_call(self, pair: Pair, what: Amount) -> int:
        for whole in (pair.other.total, pair.ledger.total):
            if whole.calls and whole.pico_usd:
                return round(whole.pico_usd * what.calls / whole.calls)
        return 0

    # explanations

    def _enter(self, pair: Pair, kind: DifferenceKind, reason: str, net: int, count: float, example: str = "") -> None:
        pair.left -= net
        if pair.inside:
            self.book.enter(kind, reason, net, count=count, example=f"{pair.where}: {example}" if example else "")

    def _repeats(self, pair: Pair) -> None:
        for side, sign, reason in ((pair.ledger, 1, "in_ledger_twice"), (pair.other, -1, "billed_twice")):
            again = side.duplicate
            after = pair.gap + again if sign > 0 else pair.gap - again
            if again != NOTHING and self._closer(pair.gap, after):
                pair.gap = after
                self._enter(
                    pair, "duplicate", reason, -sign * again.pico_usd, max(1, again.calls), f"{again.calls:,} repeats"
                )

    def _batch(self, pair: Pair) -> None:
        after = pair.gap - pair.other.batch
        if pair.other.batch != NOTHING and self._closer(pair.gap, after):
            pair.gap = after
            batch = pair.other.batch
            self._enter(
                pair, "missing", "batch_not_written", batch.pico_usd, batch.calls or 1, f"{batch.tokens:,} batch tokens"
            )

    def _late(self, pairs: Sequence[Pair]) -> None:
        """A surplus of one period beside a lack of the next (or before): the smaller is what moved."""
        by_model: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in pairs:
            by_model[pair.model, pair.key].append(pair)
        for mine in by_model.values():
            for one, next_ in pairwise(mine):
                if next_.start_s - one.start_s <= self.width_s and self._moved_on(one, next_):
                    self._move(one, next_)

    def _moved_on(self, one: Pair, next_: Pair) -> bool:
        """The ledger has more in the first, the other side in the next; beyond rounding, where money alone tells."""
        lacks, has = self.measure(one.gap), self.measure(next_.gap)
        if self._money_only and min(-lacks, has) <= 10 * _tolerance(one):
            return False
        return lacks < 0 < has

    def _move(self, one: Pair, next_: Pair) -> None:
        small, large = sorted((one, next_), key=lambda pair: abs(self.measure(pair.gap)))
        moved, money = small.gap, self._value(small, small.gap)
        count = abs(self.measure(moved)) if self.other.has_calls else self._calls(small, moved)
        text = (
            f"{_counted(count)} of it in the next period's books"
            if small is one
            else f"{_counted(count)} of the period before"
        )
        small.gap, large.gap = NOTHING, large.gap + moved
        small.left -= money
        large.left += money
        both = [pair for pair in (one, next_) if pair.inside]
        if both:
            net = money * (small.inside - large.inside)
            self.book.enter("late", "next_period", net, count=count, gross=abs(money), example=f"{small.where}: {text}")

    def _calls(self, pair: Pair, what: Amount) -> float:
        """How many requests tokens amount to, by the ledger's mean."""
        whole = pair.ledger.total if pair.ledger.total.calls else pair.other.total
        mine, all_ = self.measure(what), self.measure(whole)
        return abs(mine * whole.calls / all_) if all_ and whole.calls else 1.0

    def _missing(self, pair: Pair) -> None:
        more = self.measure(pair.gap)
        if not self.other.has_tokens and not self.other.has_calls:
            return
        if not more or (not self.other.has_calls and not _together(pair.gap)):
            self._token_counts(pair)
            return
        count = self._calls(pair, pair.gap) if not self.other.has_calls else abs(more)
        if more > 0:
            self._not_in_ledger(pair, count)
        else:
            money = self._lacking(pair, ours=True)
            self._enter(pair, "missing", "not_on_other_side", money, count, f"{_counted(count)} not on the other side")
            pair.doubt += abs(money)
        pair.gap = NOTHING

    def _token_counts(self, pair: Pair) -> None:
        """As many requests, with other token counts."""
        if self.other.has_calls and (pair.gap.input_tokens or pair.gap.output_tokens):
            money = self._value(pair, pair.gap, ours=pair.gap.tokens < 0)
            pair.doubt += abs(money)
            self._enter(pair, "missing", "token_counts", money, pair.other.total.calls, f"{pair.gap.tokens:+,} tokens")
            pair.gap = NOTHING

    def _lacking(self, pair: Pair, *, ours: bool) -> int:
        """What a lack of requests is worth; all that is left, where only counts tell and money goes the same way."""
        if self.other.has_tokens:
            return self._value(pair, pair.gap, ours=ours)
        return pair.left if pair.left * pair.gap.calls > 0 else self._by_call(pair, pair.gap)

    def _not_in_ledger(self, pair: Pair, count: float) -> None:
        money = self._lacking(pair, ours=False)
        pair.doubt += abs(money)
        broken = min(count, pair.ledger.failed.calls)
        if broken >= 1:
            part = round(money * broken / count)
            self._enter(pair, "missing", "failed_billed", part, broken, f"{_counted(broken)} failed in the ledger")
            money, count = money - part, count - broken
        if count > 0:
            self._enter(pair, "missing", "not_in_ledger", money, count, f"{_counted(count)} not in the ledger")

    def _cached_counts(self, pair: Pair) -> None:
        cached = pair.gap.cached_input_tokens
        if not cached or pair.gap.input_tokens or pair.gap.output_tokens:
            return
        money = self._value(pair, Amount(cached_input_tokens=cached))
        pair.doubt += abs(money)
        # The whole rest goes with it where it is of the same sign and no more than twice as much: prices are fitted.
        if pair.left and (money == 0 or 0.5 <= pair.left / money <= 2.0):  # noqa: PLR2004
            money = pair.left
        ours, theirs = (one.total.cached_input_tokens for one in (pair.ledger, pair.other))
        example = f"{ours:,} cached tokens in the ledger, {theirs:,} there"
        self._enter(pair, "cached_tokens", "cached_count", money, pair.other.total.calls or 1, example)

    def _unpriced(self, pair: Pair) -> None:
        free = pair.ledger.unpriced
        if free == NOTHING or pair.left <= _tolerance(pair):
            return
        money = self._value(pair, free)
        pair.doubt += abs(money)
        if abs(pair.left - money) < abs(pair.left):
            self._enter(pair, "price", "unpriced", money, free.calls, f"{free.calls:,} without a price in the ledger")

    def _outcomes(self, pair: Pair) -> None:
        """Consent and identity, where what was withheld or found no prediction brings the counts together."""
        kinds: tuple[tuple[DifferenceKind, str, Amount], ...] = (
            ("consent", "withheld", pair.ledger.withheld),
            ("identity", "unattributed", pair.ledger.unattributed),
        )
        for kind, reason, amount in kinds:
            after = pair.gap - amount
            if amount != NOTHING and self._closer(pair.gap, after):
                pair.gap = after
                self._enter(pair, kind, reason, amount.pico_usd, amount.calls, f"{amount.calls:,} outcomes")

    def _price(self, pairs: Sequence[Pair]) -> None:
        by_model: dict[str, list[Pair]] = defaultdict(list)
        for pair in pairs:
            if abs(pair.left) > _tolerance(pair) + ESTIMATE * pair.doubt and not self.measure(pair.gap):
                by_model[pair.model].append(pair)
        for mine in by_model.values():
            cached = goes_with_cache([pair.other.total for pair in mine], [pair.left for pair in mine])
            kind: DifferenceKind = "cached_tokens" if cached else "price"
            for pair in mine:
                if cached is not None or not pair.other.total.tokens:
                    self._enter(
                        pair,
                        kind,
                        self._price_reason(cached),
                        pair.left,
                        pair.other.total.calls or 1,
                        _price_text(pair),
                    )

    def _price_reason(self, cached: bool | None) -> str:  # noqa: FBT001
        if self.subject != "invoice":
            return "value"
        return "cached_price" if cached else "unit_price"

    # result

    def _result(self, pairs: Sequence[Pair]) -> Reconciliation:
        inside = [pair for pair in pairs if pair.inside]
        ledger, other = self._whole(sum((pair.other.total for pair in inside), NOTHING))
        left = other.pico_usd - ledger.pico_usd - self.book.net
        scale = max(abs(ledger.pico_usd), abs(other.pico_usd))
        worst = sorted((pair for pair in inside if pair.left), key=lambda pair: (-abs(pair.left), pair.where))
        return Reconciliation(
            subject=self.subject,
            start_s=self.start_s,
            end_s=self.end_s,
            ledger=ledger,
            other=other,
            other_name=self.other.name,
            mode="sums",
            differences=self.book.differences(scale),
            unexplained_pico_usd=left,
            unexplained_gross_pico_usd=sum(abs(pair.left) for pair in inside),
            unexplained_examples=tuple(f"{pair.where}: {pair.left / 1e12:+.6f} USD" for pair in worst[: self.examples]),
            shift_h=self.ahead_h,
            bad=self.other.bad,
            assumptions=self.other.assumptions,
            remarks=(*self.ledger.remarks, *self.other.remarks),
        )

    def _whole(self, other: Amount) -> tuple[Amount, Amount]:
        """The sides' totals of the period on their own clocks, which a shift does not change."""
        mine = sum((one.total for one in self.ledger.tallies if self.start_s <= one.start_s < self.end_s), NOTHING)
        if self.other.has_money:
            return mine, other
        # An export without money is valued at the ledger's prices: it differs by what was entered and is left.
        return mine, other + Amount(pico_usd=mine.pico_usd + self.book.net)


def _money_gap(pair: Pair) -> int:
    return pair.other.total.pico_usd - pair.ledger.total.pico_usd


def _gaps(pairs: Sequence[Pair]) -> dict[tuple[float, str, str], int]:
    return {(pair.start_s, pair.model, pair.key): _money_gap(pair) for pair in pairs if pair.inside}


def _priced(one: Tally) -> Amount:
    return one.total - one.unpriced - one.duplicate


def _moved(one: Tally, start_s: float) -> Tally:
    parts = {name: getattr(one, name) for name in _PARTS}
    return Tally(start_s=start_s, end_s=start_s, model=one.model, key=one.key, lines=one.lines, **parts)


def _merged(tallies: Sequence[Tally], key: tuple[float, str, str]) -> Tally:
    start_s, model, name = key
    parts = {part: sum((getattr(one, part) for one in tallies), NOTHING) for part in _PARTS}
    lines = sum(one.lines for one in tallies)
    place = next((one.place for one in tallies if one.place), "")
    return Tally(start_s=start_s, end_s=start_s, model=model, key=name, lines=lines, place=place, **parts)


def _together(gap: Amount) -> bool:
    """Whether input and output tokens differ the same way: only then are whole requests missing."""
    return gap.input_tokens * gap.output_tokens > 0


def _tolerance(pair: Pair) -> int:
    """What rounding explains: a line in millionths of a dollar, and one in a million of the cost."""
    return ROUNDING_PICO * max(1, pair.other.lines) + abs(pair.other.total.pico_usd) // 10**6


def _counted(count: float) -> str:
    return f"{max(1, round(count)):,} requests"


def _price_text(pair: Pair) -> str:
    before, after = pair.ledger.total.pico_usd, pair.other.total.pico_usd
    times = f", {after / before:.4g} times the ledger's" if before else ""
    return f"{after / 1e12:.6f} USD for {pair.other.total.tokens:,} tokens{times}"
