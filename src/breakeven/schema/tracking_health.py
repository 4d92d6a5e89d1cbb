"""What tracking looks like in one hour, in counts that add up; and what is judged of it."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Health = Literal["ok", "warn", "bad", "not_enough_evidence"]


class Coverage(Noun, frozen=True, kw_only=True):
    """Delivered predictions of one use case in one UTC hour (hours since 1970): what is known of them downstream.

    `touched` have a click, a conversion or revenue, by id or by subject within the window; `identified` a subject or a
    session.
    """

    use_case: str
    hour: int
    delivered: int = 0
    exposed: int = 0
    touched: int = 0
    identified: int = 0
    granted: int = 0
    denied: int = 0


class Arrivals(Noun, frozen=True, kw_only=True):
    """Events of one source and use case ("" where they tell of none) that arrived in one UTC hour.

    `repeated` have the identity of an earlier one; `unknown` name a prediction that there is not; `late` came about
    after the attribution window of theirs, `early` before it was made, `ahead` after they arrived (a wrong clock);
    `bad` violate the tracking plan. All but `bad` are counted among `events`, which are outcomes.
    """

    use_case: str
    source: str
    hour: int
    events: int = 0
    repeated: int = 0
    unknown: int = 0
    late: int = 0
    early: int = 0
    ahead: int = 0
    bad: int = 0


class HealthCheck(Noun, frozen=True, kw_only=True):
    """One measure of one use case and source: `count` of `of` in the period judged, against the time before.

    `baseline` is the share before, None without enough of it. `why` says how the verdict was come to.
    """

    use_case: str
    source: str
    measure: str
    count: int
    of: int
    share: float | None
    baseline: float | None
    verdict: Health
    why: str
    worst_hour: int | None = None


class TrackingHealth(Noun, frozen=True, kw_only=True):
    """All checks, the worst first, and the hours they are of: `from_hour` <= judged <= `to_hour`."""

    verdict: Health
    checks: tuple[HealthCheck, ...]
    lost: int
    from_hour: int
    to_hour: int
    hours: tuple[Coverage, ...] = ()
    arrivals: tuple[Arrivals, ...] = ()
