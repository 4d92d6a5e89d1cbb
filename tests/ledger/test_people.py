"""Persons and what they allow: links and consent are applied before attribution, alike on every engine."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.people import people_of

LINKS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=8)
engines = pytest.mark.parametrize("engine", sorted(EMBEDDED))


def rows(links):
    """Links of one tenant as rows of events."""
    return [("identify", "t", subject, previous, float(at), "unknown") for at, (subject, previous) in enumerate(links)]


@given(LINKS, st.randoms(use_true_random=False))
def test_persons_hang_on_no_order_and_on_no_repeats(links, order: random.Random) -> None:
    """Shuffled, repeated or turned around, the same links make the same persons."""
    expected = people_of(rows(links))
    again = [*links, *((two, one) for one, two in links)]
    order.shuffle(again)
    assert people_of(rows(again)).persons == expected.persons


@given(LINKS)
def test_a_person_is_the_closure_of_links(links) -> None:
    """Who is linked shares a person, which is the smallest id of them, and its own person."""
    persons = people_of(rows(links)).persons
    for one, two in links:
        assert persons["t", one] == persons["t", two] <= min(one, two)
    assert all(persons[tenant, person] == person for (tenant, _), person in persons.items())


@engines
def test_a_subject_known_only_later_is_counted_once(make, engine: str) -> None:
    """The anonymous visit, the purchase after signing in, and a link that comes last: one prediction is used, once."""
    records = [
        make.prediction(1, subject="cookie"),
        make.prediction(2, subject="other"),
        make.outcome(1, "conversion", subject="ann", time_s=make.t0 + 50),
        make.outcome(2, "identify", subject="ann", previous="cookie", time_s=make.t0 + 900),
        make.outcome(3, "identify", subject="ann", previous="cookie", time_s=make.t0 + 901),
    ]
    assert make.statement(records[:3], engine).total.used == 0
    found = make.statement(records, engine)
    assert found.total.used == 1
    assert "unattributed" not in found.events


@engines
def test_links_do_not_cross_tenants(make, engine: str) -> None:
    """Another tenant's link says nothing here."""
    records = [
        make.prediction(1, subject="cookie", tenant="t"),
        make.outcome(1, subject="ann", tenant="t", time_s=make.t0 + 50),
        make.outcome(2, "identify", subject="ann", previous="cookie", tenant="u"),
    ]
    assert make.statement(records, engine).total.used == 0


@engines
@pytest.mark.parametrize(("time_s", "used"), [(10, 1), (30, 0), (50, 1)])
def test_the_latest_word_before_an_outcome_decides(make, engine: str, time_s: int, used: int) -> None:
    """Withdrawn at 20 and given again at 40, for all ids of the person."""
    records = [
        make.prediction(1, subject="cookie", time_s=make.t0),
        make.outcome(1, subject="cookie", time_s=make.t0 + time_s),
        make.outcome(2, "identify", subject="ann", previous="cookie"),
        make.outcome(3, "consent", subject="ann", consent="denied", time_s=make.t0 + 20),
        make.outcome(4, "consent", subject="ann", consent="granted", time_s=make.t0 + 40),
    ]
    found = make.statement(records, engine)
    assert found.total.used == used
    assert found.events.get("denied", found.events.get("consent denied", 0)) == 1 - used


@engines
def test_an_outcome_without_its_subject_is_denied_and_not_lost(make, engine: str) -> None:
    """What the gateway took out is no fault of tracking."""
    found = make.statement([make.prediction(1), make.outcome(1, consent="denied")], engine)
    assert "unattributed" not in found.events
