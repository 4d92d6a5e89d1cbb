"""What happens to a request (events), and what is done about it (actions). Values only."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.record import AttemptOutcome, Status, Tokens

Source = Literal["upstream", "cached", "default", "error"]
"""Where the last byte comes from: the backend (whatever it said), the cache, the policy's default, or an error."""


class Observed(Noun, frozen=True, kw_only=True):
    """What one attempt yielded. Instants are monotonic seconds; `chunks` counts pieces that held output.

    `usage` is what the server counted, None when it said nothing. `sent`: the request left; `accepted`: the server took
    it, as far as can be known, so that it may cost something. `emulated`: the server said that it is an emulator.
    """

    http_status: int = 0
    usage: Tokens | None = None
    chunks: int = 0
    first_token_s: float | None = None
    last_token_s: float | None = None
    gap_max_s: float | None = None
    in_flight: float = 0.0
    connect_s: float = 0.0
    accepted: bool = False
    emulated: bool = False


class Hit(Noun, frozen=True, kw_only=True):
    """The cache holds an answer of these tokens."""

    tokens: Tokens


class Missed(Noun, frozen=True, kw_only=True):
    """The cache holds none."""


class Began(Noun, frozen=True, kw_only=True):
    """The backend's first usable bytes are here; once they are sent there is no other answer."""


class Completed(Noun, frozen=True, kw_only=True):
    """The backend's answer is whole."""

    observed: Observed


class Broke(Noun, frozen=True, kw_only=True):
    """The attempt failed. `outcome` is `ok`'s opposite number in the record, `reason` names it in one word."""

    outcome: AttemptOutcome
    reason: str
    observed: Observed


class Late(Noun, frozen=True, kw_only=True):
    """The deadline passed."""

    observed: Observed = Observed()


class Left(Noun, frozen=True, kw_only=True):
    """The client went away."""

    observed: Observed = Observed()


Event = Hit | Missed | Began | Completed | Broke | Late | Left


class LookUp(Noun, frozen=True, kw_only=True):
    """Ask the cache for an answer no older than `max_age_s`; report Hit or Missed."""

    max_age_s: float


class Send(Noun, frozen=True, kw_only=True):
    """Send the request to the deployment; report Began, Completed, Broke, Late or Left. `late_at` is the deadline."""

    deployment: str
    late_at: float | None


class Proceed(Noun, frozen=True, kw_only=True):
    """Forward what comes."""


class End(Noun, frozen=True, kw_only=True):
    """Record, then send the last byte. Nothing follows."""

    status: Status
    source: Source
    http_status: int
    reason: str = ""
    cache: str = "off"
    served: Tokens | None = None


Action = LookUp | Send | Proceed | End
