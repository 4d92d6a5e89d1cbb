"""From the YAML that people edit to the one JSON file that is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from breakeven.catalog.find import index
from breakeven.catalog.node import Node
from breakeven.catalog.parse import parse, read_yaml, sources_of
from breakeven.catalog.snapshot import Snapshot, merge
from breakeven.errors import FactError


def compile_tree(data: Path) -> Snapshot:
    """Every YAML file under a folder as one snapshot; a source id may be defined in any of them.

    Raises:
        FactError: a file states something twice, or something that does not load.
    """
    paths = sorted(data.rglob("*.yaml"))
    documents = [read_yaml(path.read_text(encoding="utf-8"), path.relative_to(data).as_posix()) for path in paths]
    sources = {key: value for document in documents for key, value in sources_of(document).items()}
    snapshots = [parse(document, sources) for document in documents]
    _refuse_duplicates(zip(documents, snapshots, strict=True))
    merged = merge(snapshots)
    index(merged)
    return merged


def encode(snapshot: Snapshot) -> bytes:
    """JSON with one entry a line, so that a changed price is a changed line."""
    sections = []
    for name in snapshot.__struct_fields__:
        rows = (msgspec.json.encode(row).decode() for row in getattr(snapshot, name))
        sections.append(f'"{name}":[\n' + ",\n".join(rows) + "\n]")
    return ("{" + ",\n".join(sections) + "}\n").encode()


def rewritten(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Offer entries of `before` that `after` changed or dropped: history is appended to, never edited."""
    kept = {(offer.id, offer.valid_from): offer for offer in after.offers}
    return tuple(
        f"{offer.id}@{offer.valid_from}" for offer in before.offers if kept.get((offer.id, offer.valid_from)) != offer
    )


def _refuse_duplicates(parts: Iterable[tuple[Node, Snapshot]]) -> None:
    seen: dict[str, str] = {}
    for document, part in parts:
        keys = [fact.key for fact in part.facts] + [f"offer/{offer.id}@{offer.valid_from}" for offer in part.offers]
        for key in keys:
            if key in seen:
                message = f"{document.file}: {key} is stated already in {seen[key]}"
                raise FactError(message, "keep one of them")
            seen[key] = document.file
