"""Loading: the one generated file in milliseconds, and people's own fact files over it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from breakeven.catalog.find import Catalog, index
from breakeven.catalog.snapshot import Snapshot, merge
from breakeven.errors import FactError

DATA = Path(__file__).parent / "data"
GENERATED = DATA / "catalog.json"


def load(extra: Sequence[Path] = ()) -> Catalog:
    """The shipped catalog, overlaid by fact files in their order (same sections as the shipped YAML).

    Raises:
        FactError: a file is missing or not readable, or a fact in it has no source or date, or is impossible.
    """
    return index(merge((shipped(), *(_own(path) for path in extra)))) if extra else _shipped_catalog()


@cache
def shipped() -> Snapshot:
    """The generated snapshot, decoded once."""
    return msgspec.json.decode(GENERATED.read_bytes(), type=Snapshot)


@cache
def _shipped_catalog() -> Catalog:
    return index(shipped())


def _own(path: Path) -> Snapshot:
    from breakeven.catalog.parse import parse, read_yaml  # noqa: PLC0415 - the YAML reader costs more than the catalog

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"fact file {path}: cannot be read: {error}"
        raise FactError(message, "check the path given with --facts") from error
    return parse(read_yaml(text, str(path)))
