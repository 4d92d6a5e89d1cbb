"""The request contract: what is said is read, bounded, and refused by name when it is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.contract import LENGTHS, Contract, contract_of, trace_of
from breakeven.gateway.decision.refusal import RequestError


def test_nothing_said_is_the_empty_contract() -> None:
    """Other headers and other metadata are none of our business."""
    assert contract_of({"host": "x", "x-other": "y"}, metadata={"purpose": "z"}) == Contract()


@given(st.dictionaries(st.sampled_from(sorted(LENGTHS)), st.text("abc-_ .:", min_size=1, max_size=60).map(str.strip)))
def test_headers_and_metadata_say_the_same(said) -> None:
    """`x-breakeven-device-class` and metadata's `breakeven_device_class` say the same thing."""
    by_header = contract_of({f"x-breakeven-{name}": value for name, value in said.items()})
    by_body = contract_of({}, metadata={f"breakeven_{name.replace('-', '_')}": value for name, value in said.items()})
    assert by_header.subject == by_body.subject
    for name in LENGTHS:
        field = name.replace("-", "_")
        assert getattr(by_header, field) == getattr(by_body, field) == said.get(name, "")


def test_who_wins() -> None:
    """A header wins over metadata, an explicit subject over `user`; the kind says which it was."""
    header, metadata = {"x-breakeven-subject": "h"}, {"breakeven_subject": "m"}
    found = [
        contract_of(header, user="u", metadata=metadata),
        contract_of({}, user="u", metadata=metadata),
        contract_of({}, user="u"),
        contract_of({}),
    ]
    assert [(one.subject, one.subject_kind) for one in found] == [
        ("h", "header"),
        ("m", "metadata"),
        ("u", "user"),
        ("", ""),
    ]


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("1500", 1.5), ("0.5", 0.0005), ("86400000", 86400.0)])
def test_a_deadline_is_milliseconds_left(value, seconds) -> None:
    """Milliseconds in, seconds out; zero is allowed and means too late."""
    assert contract_of({"x-breakeven-deadline-ms": value}).deadline_s == seconds


@pytest.mark.parametrize(
    ("name", "value", "way_out"),
    [
        ("deadline-ms", "-1", "milliseconds left"),
        ("deadline-ms", "nan", "milliseconds left"),
        ("deadline-ms", "1e999", "milliseconds left"),
        ("deadline-ms", "2026-11-24", "milliseconds left"),
        ("consent", "yes", "granted, denied, unknown"),
        ("labels", "a", "k=v"),
        ("labels", "=b", "k=v"),
        ("labels", "a=1,a=2", "different keys"),
        ("labels", "k" * 65 + "=v", "64"),
        ("labels", "k=" + "v" * 129, "128"),
        ("labels", ",".join(f"k{number}=v" for number in range(9)), "at most 8"),
        ("labels", "k=v," + "x" * 3000, "k=v"),
        ("subject", "s" * 257, "at most 256"),
        ("subject", "a\tb", "printable"),
        ("region", "\xff\xfe", "UTF-8"),
        ("use-case", "u" * 129, "at most 128"),
        ("prediction-id", "x", "known are"),
        ("usecase", "x", "did you mean x-breakeven-use-case?"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_a_way_out(name, value, way_out) -> None:
    """A bad header is a 400 with the header's name, its value (cut) and what to send instead."""
    with pytest.raises(RequestError) as raised:
        contract_of({f"x-breakeven-{name}": value})
    assert raised.value.status == 400
    assert raised.value.field == f"x-breakeven-{name}"
    assert f"x-breakeven-{name}" in raised.value.message
    assert way_out in raised.value.way_out
    assert len(str(raised.value)) < 500


def test_one_person_has_one_name() -> None:
    """UTF-8 in a header and text in a body give the same subject, whatever the Unicode form."""
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    by_header = contract_of({"x-breakeven-subject": composed.encode().decode("latin-1")})
    assert by_header.subject == contract_of({}, user=decomposed).subject == composed


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        ("00-" + "a1" * 16 + "-" + "b2" * 8 + "-01", "a1" * 16),
        ("01-" + "a1" * 16 + "-" + "b2" * 8 + "-01-more", "a1" * 16),
        ("ff-" + "a1" * 16 + "-" + "b2" * 8 + "-01", ""),
        ("00-" + "00" * 16 + "-" + "b2" * 8 + "-01", ""),
        ("00-xyz", ""),
        ("", ""),
    ],
)
def test_traceparent_is_honoured_or_ignored(traceparent, trace_id) -> None:
    """W3C: a valid header gives its trace id, an invalid one is ignored, never refused."""
    assert trace_of(traceparent)[0] == trace_id


@given(st.dictionaries(st.sampled_from(["labels", "subject", "deadline-ms", "consent"]), st.text(max_size=300)))
def test_no_text_breaks_it(said) -> None:
    """Any text is read or refused; nothing else is raised, and what is kept is printable and bounded."""
    try:
        found = contract_of({f"x-breakeven-{name}": value for name, value in said.items()})
    except RequestError:
        return
    assert len(found.subject) <= 256
    assert found.subject.isprintable()
    assert len(found.labels) <= 8
