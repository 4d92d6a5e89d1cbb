"""YAML entries, as people write them, into a snapshot; whatever lacks a source or a date is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from breakeven.catalog import fields
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.catalog.parse_fact import parse_assumption, parse_fact, parse_measure, parse_source
from breakeven.catalog.parse_offer import parse_offer
from breakeven.catalog.snapshot import Head, Rejected, Snapshot, Unpriced
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
        FactError: an entry has an unknown key, no source or date, or an impossible value.
    """
    document.only((*fields.SECTIONS, *fields.SOURCE))
    known = {**(sources or {}), **sources_of(document)}
    base = {key: document.data[key] for key in fields.SOURCE if key in document.data}
    accelerators, accelerator_facts = _things(document, "accelerator", fields.ACCELERATOR, base, known)
    models, model_facts = _things(document, "model", fields.MODEL, base, known)
    loose = [parse_fact(key, node, known) for key, node in document.child("facts").children(base)]
    assumed = [parse_assumption(key, node, known) for key, node in document.child("assumptions").children(base)]
    return Snapshot(
        facts=(*accelerator_facts, *model_facts, *loose, *assumed),
        accelerators=accelerators,
        models=models,
        offers=tuple(parse_offer(node, known) for node in _rows(document, "offers", base)),
        rejected=tuple(_rejected(node, known) for node in _rows(document, "rejected", base)),
        unpriced=tuple(_unpriced(node) for node in _rows(document, "unpriced", {})),
        sources=tuple(parse_source(data, document.file) for data in sources_of(document).values()),
    )


def _rows(document: Node, section: str, base: Mapping[str, object]) -> list[Node]:
    rows = document.data.get(section) or []
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        document.fail(section, "should be a list of mappings", "start each entry with '- id: ...'")
    return [Node(file=document.file, path=section, data=row, inherited=base) for row in rows]


def _things(
    document: Node, kind: str, table: Mapping[str, tuple[str, float, float]], base: Mapping[str, object], known: Sources
) -> tuple[tuple[Head, ...], list[Fact]]:
    heads, facts = [], []
    for key, node in document.child(f"{kind}s").children(base):
        node.only(fields.HEAD)
        heads.append(Head(id=key, name=node.text("name", key), vendor=node.text("vendor", "")))
        inherited = {**base, **{name: node.data[name] for name in fields.SOURCE if name in node.data}}
        stated = node.child("facts")
        stated.only(tuple(table))
        facts += [
            parse_measure(f"{kind}/{key}/{name}", _short(stated, str(name), inherited), table[name], known)
            for name in stated.data
        ]
    return tuple(heads), facts


def _short(parent: Node, key: str, inherited: Mapping[str, object]) -> Node:
    """`key: 5` means `key: {value: 5}`."""
    value = parent.data[key]
    if isinstance(value, Mapping):
        return parent.child(key, inherited)
    return Node(file=parent.file, path=f"{parent.path}/{key}", data={"value": value}, inherited=inherited)


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


def _unpriced(node: Node) -> Unpriced:
    node.only(("id", "kind", "missing", "note"))
    missing = node.data.get("missing")
    if not isinstance(missing, list) or not missing:
        node.fail("missing", "should list the fields without a price", "missing: [usd_per_hour]")

    names = tuple(str(name) for name in missing)
    return Unpriced(id=node.text("id"), kind=node.text("kind"), missing=names, note=node.text("note", ""))
