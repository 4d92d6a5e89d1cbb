"""What two sides say of the same thing, and where they differ: the nouns of a reconciliation.

One side is the ledger, the other an invoice, a usage export or a downstream report. Quantities are integers, so that
what is explained and what is not sum to the difference exactly.
"""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

DifferenceKind = Literal[
    "missing", "duplicate", "late", "out_of_order", "price", "cached_tokens", "identity", "consent", "timezone"
]
KINDS: tuple[DifferenceKind, ...] = (
    *("timezone", "duplicate", "late", "out_of_order", "missing"),
    *("cached_tokens", "price", "identity", "consent"),
)
"""The classes, in the order in which they are tried."""

REASONS: dict[str, str] = {
    "in_ledger_twice": "the same request stands in the ledger more than once",
    "billed_twice": "the same request or line stands on the other side more than once",
    "not_in_ledger": "on the other side, not in the ledger",
    "not_on_other_side": "in the ledger, not on the other side",
    "batch_not_written": "batch spend was never written to the ledger",
    "failed_billed": "requests that failed or were cancelled in the ledger were billed",
    "token_counts": "the same request with other token counts",
    "next_period": "booked in a neighbouring period",
    "edge": "requests that ran over the period's end, booked minutes after they began: no fault",
    "before_request": "booked before the request was made",
    "unit_price": "the same tokens at another unit price",
    "unpriced": "the ledger knows no price, or wrote 0, where the other side charges",
    "cached_count": "the two sides count other cached tokens",
    "cached_price": "cached tokens are priced otherwise",
    "shifted": "the other side's days and hours are those of another time zone",
    "value": "the same outcomes with another value",
    "unattributed": "outcomes that no prediction or subject explains",
    "subject_lost": "records without the subject that others of their kind carry",
    "withheld": "consent was denied, so the ledger does not count it",
    "ignored": "consent was denied, and the record carries the subject all the same",
    "unknown_prediction": "events that name a prediction the ledger does not hold",
    "before_prediction": "events that happened before their prediction",
    "after_window": "events that arrived later than the attribution window",
    "sent_twice": "the same event under several ids",
}
"""What each reason means, for people."""


class Amount(Noun, frozen=True, kw_only=True):
    """A sum over requests. `input_tokens` includes the cached ones. Money: pico-USD of cost or revenue."""

    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    pico_usd: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

    def __sub__(self, other: Amount) -> Amount:
        return Amount(**{name: getattr(self, name) - getattr(other, name) for name in self.__struct_fields__})

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


NOTHING = Amount()


class Tally(Noun, frozen=True, kw_only=True):
    """One side's sums of one model (or use case) and key from `start_s` to `end_s` (Unix seconds).

    `total` is everything, and of it `duplicate` are repeats, `unpriced` cost nothing though they took tokens, `batch`
    came through a batch API. Not in it: `failed`, requests that failed before anything was counted; `withheld`,
    outcomes that consent forbids to count; `unattributed`, outcomes that found no prediction.
    """

    start_s: float
    end_s: float
    model: str
    key: str = ""
    total: Amount = NOTHING
    duplicate: Amount = NOTHING
    unpriced: Amount = NOTHING
    batch: Amount = NOTHING
    failed: Amount = NOTHING
    withheld: Amount = NOTHING
    unattributed: Amount = NOTHING
    lines: int = 1
    place: str = ""


class Item(Noun, frozen=True, kw_only=True):
    """One request on one side. `place` is where a reader finds it, `ids` are other names of it."""

    id: str
    time_s: float
    model: str
    amount: Amount
    ids: tuple[str, ...] = ()
    failed: bool = False
    unpriced: bool = False
    batch: bool = False
    day_only: bool = False
    place: str = ""


class BadRow(Noun, frozen=True, kw_only=True):
    """A row that was kept aside: file, line, column, the value in it, and what is wrong with it."""

    file: str
    line: int
    column: str
    value: str
    problem: str


class Side(Noun, frozen=True, kw_only=True):
    """What one side holds: requests one by one (`items`), or sums (`tallies`).

    `has_calls`, `has_tokens`, `has_money`: what it counts. `bad` rows were kept aside, `assumptions` were made.
    """

    name: str
    items: tuple[Item, ...] = ()
    tallies: tuple[Tally, ...] = ()
    has_calls: bool = True
    has_tokens: bool = True
    has_money: bool = True
    bad: tuple[BadRow, ...] = ()
    assumptions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Difference(Noun, frozen=True, kw_only=True):
    """One class and reason: how many, what it adds to (other side - ledger), and how much money it concerns.

    `net_pico_usd` sums with the others to the whole difference; `gross_pico_usd` counts what moved both ways as well,
    so that a request booked a day later is seen although it changes no total. `count` is of requests or events,
    estimated where a side counts tokens only.
    """

    kind: DifferenceKind
    reason: str
    count: int
    net_pico_usd: int
    gross_pico_usd: int
    material: bool = False
    examples: tuple[str, ...] = ()


class Reconciliation(Noun, frozen=True, kw_only=True):
    """Two sides of a period. `other - ledger = sum of net + unexplained`, exactly (invariant of every reconciliation).

    `shift_h` is how many hours the other side's clock is ahead of UTC, where that was found out.
    """

    subject: str
    start_s: float
    end_s: float
    ledger: Amount
    other: Amount
    other_name: str
    mode: Literal["requests", "sums", "events"]
    differences: tuple[Difference, ...]
    unexplained_pico_usd: int
    unexplained_gross_pico_usd: int
    unexplained_examples: tuple[str, ...] = ()
    shift_h: float = 0.0
    bad: tuple[BadRow, ...] = ()
    assumptions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def difference_pico_usd(self) -> int:
        """Other side minus ledger."""
        return self.other.pico_usd - self.ledger.pico_usd

    @property
    def alarms(self) -> tuple[str, ...]:
        """The classes that matter."""
        return tuple(dict.fromkeys(one.kind for one in self.differences if one.material))
