"""Answers that the policy holds ready, and what keeps a prediction from being measured downstream."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.answers import prepared
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.prepared import FIELDS, rule_answer, segment_answer, value_of
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.tracking import Gap, explained, gap
from breakeven.schema.policy import Route, Rule, Segments, UseCase, UsedWhen
from breakeven.schema.record import Consent

NAMES = st.sampled_from([*FIELDS, "shelf", "plan"])
VALUES = st.sampled_from(["", "eu", "us", "phone"])


@st.composite
def contracts(draw) -> Contract:
    said = {name: draw(VALUES) for name in FIELDS}
    return Contract(**said, labels=draw(st.dictionaries(st.sampled_from(["shelf", "plan"]), VALUES)))


RULES = st.lists(st.builds(Rule, answer=st.sampled_from("xyz"), when=st.dictionaries(NAMES, VALUES))).map(tuple)


@given(RULES, contracts())
def test_the_first_rule_that_holds_answers(rules, contract) -> None:
    """Every rule before it asks for something that is not so; the rules after it do not matter."""
    said = {**contract.labels, **{name: getattr(contract, name) for name in FIELDS}}
    true = [all(said.get(name, "") == value for name, value in rule.when.items()) for rule in rules]
    found = rule_answer(rules, contract)
    assert found == (rules[true.index(True)].answer if any(true) else None)
    if any(true):
        assert rule_answer(rules[: true.index(True) + 1], contract) == found


@given(RULES, contracts())
def test_a_rule_that_asks_for_nothing_always_holds(rules, contract) -> None:
    """As the last one it is the answer where no other holds."""
    assert rule_answer((*rules, Rule(answer="else")), contract) == (rule_answer(rules, contract) or "else")


@given(NAMES, st.dictionaries(VALUES, st.sampled_from("xyz")), contracts())
def test_a_segment_has_its_own_answer(by, answers, contract) -> None:
    """That of the value that the request says, "" for one that says none; where there is none, nothing."""
    assert segment_answer(Segments(by=by, answers=answers), contract) == answers.get(value_of(contract, by))
    assert segment_answer(None, contract) is None


USED = st.sampled_from(get_args(UsedWhen))


def use_case(used_when: UsedWhen) -> UseCase:
    return UseCase(name="u", route=Route(strategy="fixed", targets=()), used_when=used_when)


def contract_with(consent: Consent, session: str = "s") -> Contract:
    return Contract(consent=consent, session=session)


@given(
    USED, st.sampled_from(get_args(Consent)), st.booleans(), st.sampled_from(["", "s"]), st.sampled_from([(), ("h",)])
)
def test_a_gap_is_the_first_thing_that_is_missing(used_when, consent, events_ok, session, subjects) -> None:
    """Identity, then consent, then the path of events; nothing is missing only where all three are there."""
    found = gap(contract_with(consent, session), subjects, use_case(used_when), events_ok=events_ok)
    by_events = used_when in {"exposure", "outcome"}
    if not session and not subjects:
        assert found == "no_identity"
    elif consent == "denied" or (consent == "unknown" and by_events):
        assert found == "consent"
    else:
        assert found == ("event_path_down" if by_events and not events_ok else "")


@given(USED, st.booleans())
def test_more_consent_never_opens_a_gap(used_when, events_ok) -> None:
    """Denied, unknown, granted: a prediction that can be measured stays so as consent grows."""
    gaps = [
        gap(contract_with(one), (), use_case(used_when), events_ok=events_ok)
        for one in ("denied", "unknown", "granted")
    ]
    closed = [one != "consent" for one in gaps]
    assert closed == sorted(closed)
    assert gaps[0] == "consent"


@pytest.mark.parametrize("found", get_args(Gap))
def test_every_gap_is_explained(found) -> None:
    """In a sentence, with the way out; no gap needs none."""
    assert all(explained(found)) is bool(found)


@pytest.mark.parametrize("protocol", ["infer", "embedding"])
@pytest.mark.parametrize(
    ("text", "fits"), [('{"outputs": []}', True), ("free-shipping", False), ("[1]", False), ("{", False)]
)
def test_tensors_and_embeddings_are_answered_with_json_or_passed_over(protocol, text, fits) -> None:
    """Words are no answer where the client reads a JSON object: the next step of the chain gets its turn."""
    use_case = UseCase(name="u", route=Route(strategy="fixed", targets=()), default_body=text)
    request = Request(
        request_id="r", prediction_ids=("p",), protocol=protocol, use_case=use_case, tenant="default",
        contract=Contract(), time_s=1.0, received_s=1.0,
    )  # fmt: skip
    assert (prepared("default", request) is not None) == fits
