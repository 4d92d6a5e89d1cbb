"""YAML entries, as people write them, into a snapshot; whatever lacks a source or a date is refused with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from breakeven.catalog import fields
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.catalog.parse_fact import parse_assumption, parse_fact, parse_source
from breakeven.catalog.parse_offer import parse_offer
from breakeven.catalog.place import Placed, refuse_clashes
from breakeven.catalog.snapshot import Head, LeftOut, Rejected, Snapshot, Source, Unpriced
from breakeven.errors import FactError
from breakeven.schema.fact import Fact


def read_yaml(text: str, file: str) -> Node:
    """The document as one node that knows its lines.

    Raises:
        FactError: it is not YAML, or not a mapping.
    """
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        message = f"{file}{place}: not valid YAML: {error.problem}"
        raise FactError(message, "check indentation, colons and quotes there") from error
    if data is not None and not isinstance(data, Mapping):
        message = f"{file}: should be a mapping of sections, got {type(data).__name__}"
        raise FactError(message, f"sections: {', '.join(fields.SECTIONS)}")
    return Node(file=file, path="", data=data or {}, inherited={})


def sources_of(document: Node) -> dict[str, Mapping[str, object]]:
    """The document's own table of sources."""
    table = {}
    for key, node in document.child("sources").children():
        node.only(fields.SOURCE)
        node.text("source")
        table[key] = node.data
    return table


def parse(document: Node, sources: Sources | None = None) -> Snapshot:
    """Every section of a document; `sources` are ids defined elsewhere.

    Raises:
        FactError: an entry has an unknown key, no source or date, or an impossible value; two contradict each other.
    """
    found = parse_placed(document, sources)
    refuse_clashes(found.entries)
    return found.snapshot


def parse_placed(document: Node, sources: Sources | None = None) -> Placed:
    """Every section of a document with the place of each entry, not yet held against one another.

    Raises:
        FactError: an entry has an unknown key, no source or date, or an impossible value.
    """
    document.only((*fields.SECTIONS, *fields.SOURCE))
    known = {**(sources or {}), **sources_of(document)}
    base = {key: document.data[key] for key in fields.SOURCE if key in document.data}
    accelerators, accelerator_facts = _things(document, "accelerator", fields.ACCELERATOR, base, known)
    models, model_facts = _things(document, "model", fields.MODEL, base, known)
    loose = [(parse_fact(key, node, known), node.place()) for key, node in document.child("facts").children(base)]
    assumed = [
        (parse_assumption(key, node, known), node.place()) for key, node in document.child("assumptions").children(base)
    ]
    offers = [(parse_offer(node, known), node.place()) for node in _rows(document, "offers", base)]
    facts = [*accelerator_facts, *model_facts, *loose, *assumed]
    stated = Snapshot(
        facts=tuple(fact for fact, _ in facts),
        accelerators=accelerators,
        models=models,
        offers=tuple(offer for offer, _ in offers),
        rejected=tuple(_rejected(node, known) for node in _rows(document, "rejected", base)),
        left_out=tuple(_left_out(node, known) for node in _rows(document, "left_out", base)),
        unpriced=tuple(_unpriced(node) for node in _rows(document, "unpriced", {})),
        sources=(*_head_source(document, base, known), *_table(document)),
    )
    return Placed(snapshot=stated, entries=(*facts, *offers))


def _table(document: Node) -> Iterator[Source]:
    yield from (parse_source(node) for _, node in document.child("sources").children())


def _head_source(document: Node, base: Mapping[str, object], known: Sources) -> Iterator[Source]:
    """The source a document names for all its entries, where it says more of it than its name."""
    if base.get("source") and base.get("source") not in known and len(base) > 1:
        yield parse_source(Node(file=document.file, path="", data=document.data, inherited={}))


def _rows(document: Node, section: str, base: Mapping[str, object]) -> list[Node]:
    rows = document.data.get(section) or []
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        document.fail(section, "should be a list of mappings", "start each entry with '- id: ...'")
    return [Node(file=document.file, path=section, data=row, inherited=base) for row in rows]


def _things(
    document: Node, kind: str, table: Mapping[str, fields.Measure], base: Mapping[str, object], known: Sources
) -> tuple[tuple[Head, ...], list[tuple[Fact, str]]]:
    heads: list[Head] = []
    facts: list[tuple[Fact, str]] = []
    for key, node in document.child(f"{kind}s").children(base):
        heads.append(_head(key, node, kind))
        inherited = {**base, **{name: node.data[name] for name in fields.SOURCE if name in node.data}}
        stated = node.child("facts")
        stated.only(tuple(table))
        facts += [
            (parse_fact(f"{kind}/{key}/{name}", entry, known), entry.place())
            for name in stated.data
            for entry in [stated.short(str(name), inherited)]
        ]
    return tuple(heads), facts


def _head(key: str, node: Node, kind: str) -> Head:
    node.only(fields.MODEL_HEAD if kind == "model" else fields.ACCELERATOR_HEAD)
    table = fields.MODEL_WORDS if kind == "model" else fields.ACCELERATOR_WORDS
    words = {name: _word(node, name, allowed) for name, allowed in table.items()}
    return Head(id=key, name=node.text("name", key), vendor=node.text("vendor", ""), aliases=_aliases(node), **words)


def _word(node: Node, name: str, allowed: tuple[str, ...]) -> str:
    word = node.text(name, "")
    if word and allowed and word not in allowed:
        node.fail(
            name, f"should be one of {', '.join(allowed)}, got {word!r}", "leave it out where none of them is meant"
        )
    return word


def _aliases(node: Node) -> tuple[str, ...]:
    names = node.data.get("aliases") or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        node.fail("aliases", f"should be a list of names, got {names!r}", "write aliases: [name, other name]")
    return tuple(names)


def _rejected(node: Node, known: Sources) -> Rejected:
    node.only(("what", "figure", "reason", *fields.SOURCE))
    entry = sourced(node, known)
    return Rejected(
        what=entry.text("what"),
        figure=entry.text("figure"),
        reason=entry.text("reason"),
        source=entry.text("source"),
        as_of=entry.date("as_of", default=""),
    )


def _left_out(node: Node, known: Sources) -> LeftOut:
    node.only(("what", "reason", *fields.SOURCE))
    entry = sourced(node, known)
    return LeftOut(what=entry.text("what"), reason=entry.text("reason"), source=entry.text("source"))


def _unpriced(node: Node) -> Unpriced:
    node.only(("id", "kind", "missing", "note"))
    missing = node.data.get("missing")
    if not isinstance(missing, list) or not missing:
        node.fail("missing", "should list the fields without a price", "missing: [usd_per_hour]")

    names = tuple(str(name) for name in missing)
    return Unpriced(id=node.text("id"), kind=node.text("kind"), missing=names, note=node.text("note", ""))
