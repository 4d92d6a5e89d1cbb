"""Events: what is wrong with them, and their way back into the ledger."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from breakeven.assembly import tracking
from breakeven.errors import UsageError
from breakeven.gateway.endpoint.snippet import tag
from breakeven.gateway.identity import Subjects
from breakeven.ledger.anew import anew
from breakeven.ledger.erase import erase as erase_person
from breakeven.ledger.erasing import Erasure, Report
from breakeven.ledger.snapshot import check_folder, of_folder
from breakeven.ledger.tracking import replay as replaying
from breakeven.ledger.tracking.replay import Replayed
from breakeven.ledger.tracking.rows import Asked, counts
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def asked(rule: str | None, event_type: str | None, since: str | None) -> Asked:
    """Which bad rows; `since` is a span such as 90m, 24h or 7d before now, or an ISO time (UTC where it says nothing).

    Raises:
        UsageError: `since` is neither.
    """
    return Asked(rule=rule, event_type=event_type, since_s=None if since is None else _since_s(since))


@anew
def bad(data_dir: Path, which: Asked) -> tuple[BadCount, ...]:
    """Bad events that were not mended, counted by rule, type and place, most first."""
    return counts(of_folder(data_dir), which)


def replay(data_dir: Path, which: Asked, *, dry_run: bool) -> Replayed:
    """Judge the bad events by the plan in force; those that are sound become outcomes, once."""
    return replaying.replay(data_dir, which, uuid.uuid4().hex[:12], dry_run=dry_run)


def health(data_dir: Path, *, hours: float, baseline_hours: float) -> TrackingHealth:
    """What is wrong with tracking in the last `hours`, against the hours before."""
    check_folder(data_dir)
    return tracking.of_data(data_dir, hours=hours, baseline_hours=baseline_hours)


def health_lines(found: TrackingHealth) -> list[str]:
    """The verdict and what it rests on, the worst first."""
    told = [f"tracking: {found.verdict.replace('_', ' ')}"]
    for one in found.checks:
        if one.verdict in {"bad", "warn"} or not any(other.verdict in {"bad", "warn"} for other in found.checks):
            who = " ".join(filter(None, (one.use_case or "(no use case)", one.source)))
            told.append(f"  {one.verdict.replace('_', ' '):<20}  {who}: {one.why}")
    return told


def snippet(url: str, key: str, consent: str) -> str:
    """The script for a page of one's own, for the gateway at `url`.

    Raises:
        UsageError: `url` is no http(s) URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{url!r} is not the URL of a gateway"
        raise UsageError(message, "write it as https://host or http://host:port")
    return tag(url.rstrip("/") + "/events", quote(key, safe=""), consent)


def erase(data_dir: Path, tenant: str, subject: str, *, hashed: bool, reason: str) -> Erasure:
    """Erase a subject, as it was sent or `hashed` as the ledger shows it, with all ids that were linked to it.

    Raises:
        LedgerError: there is no ledger, or the running sealer did not come to it in time.
    """
    of_folder(data_dir)  # before a key is made for a tenant in a folder that is no ledger
    who = subject if hashed else Subjects(data_dir / "keys").hashed(tenant, subject)
    return erase_person(data_dir, tenant, who, reason, time.time())


def erased_lines(found: Erasure) -> list[str]:
    """What was rewritten."""
    report = found.report or Report()
    told = [f"erasure {found.id}: {len(found.subjects)} ids of the person, accepted until now"]
    told += [f"  {count:>8,}  rows of {table}" for table, count in sorted(report.rows.items())]
    told.append(f"  {len(report.segments)} segments and {len(report.quarantined)} quarantined journals written anew")
    return told


def _since_s(text: str) -> float:
    if text[:-1].replace(".", "", 1).isdigit() and text[-1:] in _UNITS:
        return time.time() - float(text[:-1]) * _UNITS[text[-1]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"--since {text!r} is neither a span nor a time"
        raise UsageError(message, "write 90m, 24h, 7d or 2026-11-28T12:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def lines(found: Sequence[BadCount]) -> list[str]:
    """Counts for people: how many, what, where, and the latest example of each."""
    if not found:
        return ["no event is bad"]
    total = sum(one.events for one in found)
    told = [f"{total:,} events violate the tracking plan and are no outcomes yet"]
    for one in found:
        last = one.examples[0]
        told.append(f"  {one.events:>8,}  {one.rule}  {one.event_type}  {one.path}")
        told.append(f"            {last.reason}; from {', '.join(one.sources)}; such as id {last.event_id}")
    return told
