"""Who is the same person, and who allows what: read from `identify` and `consent` events, applied before attribution.

A person is the closure of all links of a tenant, whatever their order, repeats and lateness; the smallest id stands for
it. The latest `consent` event of a person before an outcome decides for that outcome: after `denied` it is not used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from breakeven.ledger.columns import COLUMNS, Table
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction

Who = tuple[str, str]
"""Tenant and subject."""
PEOPLED: tuple[Table, ...] = ("predictions", "outcomes")
KINDS = ("consent", "identify")
LATEST = "SELECT kind, tenant, subject, previous, time_s, consent FROM o WHERE kind IN ('consent', 'identify')"
"""What `people_of` reads, in the dialect of every engine."""


class People(Noun, frozen=True, kw_only=True):
    """Who stands for a subject that was linked, and when a subject's outcomes may not be used.

    `silent` goes from its first time to before its second, in Unix seconds.
    """

    persons: dict[Who, str] = {}
    silent: dict[Who, tuple[tuple[float, float], ...]] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to apply."""
        return bool(self.persons or self.silent)

    def prediction(self, one: Prediction) -> Prediction:
        """The prediction as its person's."""
        person = self.persons.get((one.tenant, one.subject))
        return one if person in (None, one.subject) else replace(one, subject=person)

    def outcome(self, one: Outcome) -> Outcome:
        """The outcome as its person's, denied where that one said so before."""
        who = one.tenant, one.subject
        if any(start_s <= one.time_s < end_s for start_s, end_s in self.silent.get(who, ())):
            one = replace(one, consent="denied")
        person = self.persons.get(who)
        return one if person in (None, one.subject) else replace(one, subject=person)

    def person_rows(self) -> list[tuple[str, str, str]]:
        """The table `persons`: tenant, subject, person."""
        return [(*who, person) for who, person in self.persons.items()]

    def silent_rows(self) -> list[tuple[str, str, float, float]]:
        """The table `silent`: tenant, subject, from_s, until_s."""
        return [(*who, *span) for who, spans in self.silent.items() for span in spans]


def people_of(rows: Iterable[tuple[str, str, str, str | None, float, str]]) -> People:
    """People from kind, tenant, subject, previous, time and consent of distinct outcomes; other kinds say nothing."""
    asked = [row for row in rows if row[0] in KINDS and row[2]]
    parents: dict[Who, Who] = {}
    for kind, tenant, subject, previous, _, _ in asked:
        if kind == "identify" and previous:
            _join(parents, (tenant, subject), (tenant, previous))
    members: dict[Who, list[Who]] = defaultdict(list)
    for who in list(parents):
        members[_root(parents, who)].append(who)
    words: dict[Who, list[tuple[float, bool]]] = defaultdict(list)
    for kind, tenant, subject, _, time_s, consent in asked:
        if kind == "consent":
            words[_root(parents, (tenant, subject))].append((time_s, consent == "denied"))
    spans = {root: _spans(said) for root, said in words.items()}
    return People(
        persons={who: root[1] for root, group in members.items() for who in group},
        silent={who: found for root, found in spans.items() if found for who in members.get(root, [root])},
    )


def rows_of(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str, str | None, float, str]]:
    """What `people_of` reads of outcomes."""
    return [(o.kind, o.tenant, o.subject, o.previous, o.time_s, o.consent) for o in outcomes if o.kind in KINDS]


def joined(table: Table, source: str) -> str:
    """The relation `source` of a table, as its people's; joins the tables `persons` and, for outcomes, `silent`."""
    said = {"subject": "coalesce(i.person, t.subject) AS subject"}
    more = ""
    if table == "outcomes":
        said["consent"] = "CASE WHEN s.subject IS NULL THEN t.consent ELSE 'denied' END AS consent"
        more = (
            " LEFT JOIN silent s ON s.tenant = t.tenant AND s.subject = t.subject "
            "AND t.time_s >= s.from_s AND t.time_s < s.until_s"
        )
    names = ", ".join(said.get(column.name, f"t.{column.name}") for column in COLUMNS[table])
    on = "i.tenant = t.tenant AND i.subject = t.subject"
    return f"SELECT {names} FROM {source} t LEFT JOIN persons i ON {on}{more}"  # noqa: S608 - our own names


def _root(parents: dict[Who, Who], who: Who) -> Who:
    while (above := parents.get(who, who)) != who:
        parents[who] = parents.get(above, above)
        who = above
    return who


def _join(parents: dict[Who, Who], one: Who, other: Who) -> None:
    """The smallest id of both becomes the root, so that who stands for a person hangs on no order."""
    first, second = sorted((_root(parents, one), _root(parents, other)))
    for who in (one, other, first, second):
        parents.setdefault(who, who)
    parents[second] = first


def _spans(said: list[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """When `denied` was the latest word; of words of one instant, denied is."""
    latest = dict(sorted(said))
    times = sorted(latest)
    ends = [*times[1:], math.inf]
    return tuple((start_s, end_s) for start_s, end_s in zip(times, ends, strict=True) if latest[start_s])
