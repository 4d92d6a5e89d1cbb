"""Every injected fault is found, named right and valued within 1 %; clean months raise no alarm; nothing is lost."""

from __future__ import annotations

from types import ModuleType

import pytest

SUMS = ("", "not_logged", "cached_as_full", "duplicate_rows", "zero_rows", "batch_unwritten", "late", "timezone")
REQUESTS = ("", "cached_unseen", "out_of_order", "price_rise", "failed_billed")
EVENTS = ("", "identity_broken", "consent_ignored", "events_early", "events_late", "events_other_clock")


@pytest.mark.parametrize("name", SUMS)
def test_faults_in_sums(months: ModuleType, name: str) -> None:
    """From hours by model alone; classes and the rest sum to the difference (asserted inside)."""
    holds(months.trial(name, 1, by_request=False, per_day=60))


@pytest.mark.parametrize("name", REQUESTS)
def test_faults_in_requests(months: ModuleType, name: str) -> None:
    """From an export request by request."""
    holds(months.trial(name, 1, by_request=True, per_day=60))


@pytest.mark.parametrize("name", EVENTS)
def test_faults_in_events(months: ModuleType, name: str) -> None:
    """From events against predictions."""
    holds(months.event_trial(name, 1))


@pytest.mark.parametrize("name", ["", "identity_rate"])
def test_cut_overs(months: ModuleType, name: str) -> None:
    """A cut-over at which nothing changes is no alarm; an identity rate that falls by a seventh is one."""
    holds(months.migration_trial(name, 1))


def holds(found: dict[str, object]) -> None:
    assert found["found"], found
    assert float(str(found["off"])) < 0.01
    assert not found["others"]
