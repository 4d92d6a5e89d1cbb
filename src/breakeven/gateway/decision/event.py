"""What happens to a request (events), and what is done about it (actions). Values only."""

from __future__ import annotations

from typing import Any, Literal

from breakeven.gateway.decision.purse import Purse
from breakeven.schema.noun import Noun
from breakeven.schema.record import AttemptOutcome, Status, Tokens

Source = Literal["upstream", "cached", "segment", "rules", "default", "error"]
"""Where the answer comes from: the backend (whatever it said), the cache, answers of the policy, or an error."""


class Observed(Noun, frozen=True, kw_only=True):
    """What one attempt yielded. Instants are monotonic seconds; `chunks` counts pieces that held output.

    `usage` is what the server counted, None when it said nothing. `accepted`: the server took the request, as far as
    can be known, so that it may cost something. `first_byte_s` is when its answer's head came. `emulated`: the server
    said that it is an emulator.
    """

    http_status: int = 0
    usage: Tokens | None = None
    chunks: int = 0
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    gap_max_s: float | None = None
    in_flight: float = 0.0
    connect_s: float = 0.0
    accepted: bool = False
    emulated: bool = False


Others = tuple[tuple[int, Observed], ...]
"""What the other attempts had yielded when they were given up, by number."""


class Leased(Noun, frozen=True, kw_only=True):
    """What was asked for is in the purse now, or cannot be had."""

    granted: bool
    retry_after_s: float = 0.0


class Hit(Noun, frozen=True, kw_only=True):
    """The cache holds an answer of these tokens."""

    tokens: Tokens


class Missed(Noun, frozen=True, kw_only=True):
    """The cache holds none."""


class Began(Noun, frozen=True, kw_only=True):
    """An attempt's first usable bytes are here; once they are sent there is no other answer."""

    attempt: int
    others: Others = ()


class Grew(Noun, frozen=True, kw_only=True):
    """The stream holds as much output as was paid for."""

    chunks: int


class Completed(Noun, frozen=True, kw_only=True):
    """An attempt's answer is whole."""

    attempt: int
    observed: Observed
    others: Others = ()


class Broke(Noun, frozen=True, kw_only=True):
    """An attempt failed. `outcome` is `ok`'s opposite number in the record, `reason` names it in one word."""

    attempt: int
    outcome: AttemptOutcome
    reason: str
    observed: Observed
    retry_after_s: float | None = None


class Slow(Noun, frozen=True, kw_only=True):
    """The first attempt has not begun by the instant that `Send` named."""


class Woke(Noun, frozen=True, kw_only=True):
    """The pause is over."""


class Late(Noun, frozen=True, kw_only=True):
    """The deadline passed. `running`: what the attempts had yielded when they were given up."""

    running: Others = ()


class Left(Noun, frozen=True, kw_only=True):
    """The client went away."""

    running: Others = ()


Event = Leased | Hit | Missed | Began | Grew | Completed | Broke | Slow | Woke | Late | Left


class Lease(Noun, frozen=True, kw_only=True):
    """Ask for more in a purse, waiting at most until `until`; report Leased."""

    purse: Purse
    amount: int
    until: float


class LookUp(Noun, frozen=True, kw_only=True):
    """Ask the cache for an answer no older than `max_age_s`; report Hit or Missed."""

    max_age_s: float


class Send(Noun, frozen=True, kw_only=True):
    """Send the request to the deployment; report Began, Completed, Broke, Slow, Late or Left.

    `late_at` is the deadline of the attempt; `slow_at` is when to report Slow. `fields` replace fields of the body.
    `paid_chunks`: report Grew when the stream holds more.
    """

    attempt: int
    deployment: str
    late_at: float | None
    slow_at: float | None = None
    fields: dict[str, Any] | None = None
    paid_chunks: int | None = None


class Proceed(Noun, frozen=True, kw_only=True):
    """Forward what the attempt yields."""

    attempt: int
    paid_chunks: int | None = None


class Cut(Noun, frozen=True, kw_only=True):
    """Give the attempt up for want of money, and report Broke with the reason `budget_exhausted`."""

    attempt: int


class Pause(Noun, frozen=True, kw_only=True):
    """Report Woke at this instant."""

    until: float


class Wait(Noun, frozen=True, kw_only=True):
    """Nothing to do until the next event."""


class End(Noun, frozen=True, kw_only=True):
    """Record, then send the last byte. Nothing follows. `text` is the policy's answer where it is the source."""

    status: Status
    source: Source
    http_status: int
    reason: str = ""
    cache: str = "off"
    served: Tokens | None = None
    text: str = ""
    retry_after_s: float | None = None


Action = Lease | LookUp | Send | Proceed | Cut | Pause | Wait | End
