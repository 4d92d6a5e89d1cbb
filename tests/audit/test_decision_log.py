"""The decision log: what was written is read again, and nothing in it can be changed unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.decision import log
from breakeven.audit.decision.undo import in_force, undoing
from breakeven.errors import EvidenceError, UsageError
from breakeven.schema.decision import Decision, FileChange

TEXT = st.text(max_size=12)


def decision(**changes: object) -> Decision:
    base: dict[str, object] = {"id": "", "previous": "", "kind": "plan", "time_s": 1.5, "plan_id": "p", "use_case": "u"}
    return Decision(**(base | changes))  # type: ignore[arg-type]


def chained(entries: list[Decision]) -> bytes:
    content, head = b"", ""
    for entry in entries:
        line = log.encoded(log.signed(entry, head))
        content, head = content + line, log.digest(line.rstrip(log.NEWLINE))
    return content


ENTRIES = st.lists(
    st.builds(
        decision,
        kind=st.sampled_from(["plan", "apply", "rollback", "verify"]),
        time_s=st.floats(0, 2e9),
        owner=TEXT,
        reason=TEXT,
        inputs=st.dictionaries(TEXT, TEXT, max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@given(ENTRIES)
def test_what_is_written_is_read(entries: list[Decision]) -> None:
    """Round trip: all entries come back in order, each with an id of its own, and the log is whole."""
    content = chained(entries)
    found = log.read(content, log.digest(content.splitlines()[-1]))
    assert [(entry.owner, entry.reason, entry.time_s) for entry in found.entries] == [
        (entry.owner, entry.reason, entry.time_s) for entry in entries
    ]
    assert len({entry.id for entry in found.entries}) == len(entries)
    assert found.check.whole


@given(ENTRIES, st.data())
def test_any_changed_byte_shows(entries: list[Decision], data: st.DataObject) -> None:
    """Integrity: one byte changed anywhere, and the log is not whole; every entry before that line still stands."""
    content = chained(entries)
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != content[at]))
    found = log.read(content[:at] + bytes([byte]) + content[at + 1 :])
    assert not found.check.whole
    assert found.check.entries <= content.count(b"\n", 0, at)
    assert found.entries == log.read(content).entries[: found.check.entries]


@given(ENTRIES.filter(lambda entries: len(entries) > 2), st.data())
def test_lines_taken_out_or_turned_around_show(entries: list[Decision], data: st.DataObject) -> None:
    """Integrity: a line removed anywhere, the last ones included, or two that changed places."""
    lines = chained(entries).splitlines(keepends=True)
    head = log.digest(lines[-1].rstrip())
    at = data.draw(st.integers(0, len(lines) - 1))
    assert not log.read(b"".join(lines[:at] + lines[at + 1 :]), head).check.whole
    turned = [lines[1], lines[0], *lines[2:]]
    assert log.read(b"".join(turned), head).check.problems


@given(ENTRIES, st.data())
def test_a_log_that_grew_since_its_last_line_was_noted_is_whole(entries: list[Decision], data: st.DataObject) -> None:
    """Concurrency: whoever reads the noted hash first and the log afterwards may find any number of lines more."""
    lines = chained(entries).splitlines()
    noted = log.digest(data.draw(st.sampled_from(lines)))
    assert log.read(chained(entries), noted).check.whole


@given(ENTRIES, st.data())
def test_a_torn_tail_keeps_the_good_rest(entries: list[Decision], data: st.DataObject) -> None:
    """Crash safety: an append cut off anywhere loses nothing that was whole, and is no tampering."""
    content = chained(entries)
    lines = content.splitlines(keepends=True)
    before = len(content) - len(lines[-1])
    cut = data.draw(st.integers(before, len(content) - 1))
    head = log.digest(lines[-2].rstrip()) if len(lines) > 1 else ""
    found = log.read(content[:cut], head)
    assert found.check.entries == len(lines) - 1
    assert found.check.torn_bytes == cut - before
    assert not found.check.problems


def test_later_versions_may_know_more_fields() -> None:
    """An entry with a field that this version does not know is still held to what was written."""
    line = log.encoded(log.signed(decision(), "")).replace(b'"version":1', b'"weather":"fine","version":1')
    assert "is not what was written" in log.read(line).check.problems[0]


def applied(name: str, kind: str, before: str, after: str, **changes: object) -> Decision:
    change = FileChange(path="policy.yaml", before_sha256=before, after_sha256=after)
    return decision(id=name, kind=kind, files=(change,), **changes)


def test_taking_back_joins_what_followed() -> None:
    """The last alone, or one and all since: the file must be as the latest left it and will be as before the first."""
    entries = [applied("a", "apply", "0", "1"), applied("b", "stage", "1", "2"), applied("c", "stage", "2", "3")]
    last = undoing(entries)
    assert [one.id for one in last.decisions] == ["c"]
    assert last.files == (FileChange(path="policy.yaml", before_sha256="2", after_sha256="3"),)
    every = undoing(entries, "a")
    assert [one.id for one in every.decisions] == ["c", "b", "a"]
    assert every.files == (FileChange(path="policy.yaml", before_sha256="0", after_sha256="3"),)


def test_what_was_taken_back_is_not_taken_back_again() -> None:
    """After a rollback the decision before it is the last; then nothing is left."""
    entries = [applied("a", "apply", "0", "1"), applied("b", "apply", "1", "2")]
    entries.append(applied("r", "rollback", "2", "1", undoes="b"))
    assert [one.id for one in in_force(entries)] == ["a"]
    with pytest.raises(UsageError, match="b is not in force; in force are a"):
        undoing(entries, "b")
    entries.append(applied("s", "rollback", "1", "0", undoes="a"))
    with pytest.raises(EvidenceError, match="no applied decision"):
        undoing(entries)
