"""From the YAML that people edit to the JSON files that are loaded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.catalog.find import index
from breakeven.catalog.node import Node
from breakeven.catalog.parse import parse, parse_placed, read_yaml, sources_of
from breakeven.catalog.place import Placed, refuse_clashes
from breakeven.catalog.snapshot import Snapshot, merge
from breakeven.errors import FactError

SECOND = "second"
"""The folder of second opinions: each of its YAML files has a JSON file of its own."""


def compile_tree(data: Path) -> Snapshot:
    """Every YAML file under a folder as one snapshot that stands on its own.

    Raises:
        FactError: a file states something twice, something that does not load, or an offer of an unknown accelerator.
    """
    merged = read_tree(data).snapshot
    index(merged)
    return merged


def read_tree(data: Path, shown: str = "") -> Placed:
    """Every YAML file under a folder, to be laid over others; a source id may be defined in any of them.

    `shown` stands before the names of the files in errors.

    Raises:
        FactError: files state something twice, or something that does not load.
    """
    found = _documents(data, shown)
    documents = [node for path, node in found.items() if SECOND not in path.relative_to(data).parts[:-1]]
    sources = {key: value for document in documents for key, value in sources_of(document).items()}
    parts = [parse_placed(document, sources) for document in documents]
    entries = tuple(entry for part in parts for entry in part.entries)
    refuse_clashes(entries)
    return Placed(snapshot=merge(part.snapshot for part in parts), entries=entries)


def read_file(text: str, file: str) -> Placed:
    """One file of its own, to be laid over others.

    Raises:
        FactError: it states something twice, or something that does not load.
    """
    found = parse_placed(read_yaml(text, file))
    refuse_clashes(found.entries)
    return found


def compile_second(data: Path) -> dict[Path, Snapshot]:
    """Every file of second opinions as a snapshot, by the path of the JSON file that is made of it.

    Raises:
        FactError: something does not load, or a key has no `@<source>` behind it.
    """
    documents = _documents(data)
    sources = {key: value for document in documents.values() for key, value in sources_of(document).items()}
    found = {}
    for path, document in documents.items():
        if SECOND in path.relative_to(data).parts[:-1]:
            found[path.with_suffix(".json")] = merge([parse(document, sources)])
            _require_second(document.file, found[path.with_suffix(".json")])
    return found


def encode(snapshot: Snapshot) -> bytes:
    """JSON with one entry a line, so that a changed price is a changed line; what equals its default is left out."""
    sections = []
    for name in snapshot.__struct_fields__:
        rows = (msgspec.json.encode(_lean(row)).decode() for row in getattr(snapshot, name))
        sections.append(f'"{name}":[\n' + ",\n".join(rows) + "\n]")
    return ("{" + ",\n".join(sections) + "}\n").encode()


def rewritten(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Offer entries of `before` that `after` changed or dropped: history is appended to, never edited."""
    kept = {(offer.id, offer.valid_from): offer for offer in after.offers}
    return tuple(
        f"{offer.id}@{offer.valid_from}" for offer in before.offers if kept.get((offer.id, offer.valid_from)) != offer
    )


def _documents(data: Path, shown: str = "") -> dict[Path, Node]:
    return {
        path: read_yaml(path.read_text(encoding="utf-8"), f"{shown}{path.relative_to(data).as_posix()}")
        for path in sorted(data.rglob("*.yaml"))
    }


def _lean(row: msgspec.Struct) -> dict[str, object]:
    stated = ((entry.name, getattr(row, entry.name), entry.default) for entry in msgspec.structs.fields(row))
    return {name: value for name, value, default in stated if value != default}


def _require_second(file: str, part: Snapshot) -> None:
    plain = next((fact.key for fact in part.facts if "@" not in fact.key), None)
    if plain is not None or part.offers:
        message = f"{file}: {plain or part.offers[0].id} is no second opinion"
        raise FactError(message, "write it as a fact whose key ends in @ and the id of its source")
