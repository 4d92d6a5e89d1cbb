"""Loading: the one generated file in milliseconds, a refreshed one and people's own fact files over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from breakeven.catalog.find import Catalog, index
from breakeven.catalog.layer import Layer, stack
from breakeven.catalog.snapshot import Snapshot, merge
from breakeven.catalog.sound import require_sound
from breakeven.errors import FactError
from breakeven.schema.fact import Fact, LayerName

DATA = Path(__file__).parent / "data"
GENERATED = DATA / "catalog.json"
SECOND = DATA / "second"
"""Second opinions: one YAML file a source, each generated into a JSON file of its own, so that licences stay apart."""


def load(extra: Sequence[Path] = (), *, refreshed: Sequence[Path] = ()) -> Catalog:
    """The shipped catalog, overlaid by refreshed snapshots and then by people's own fact files, each in their order.

    Either may be YAML with the sections of the shipped YAML, a folder of such files that share their sources, or JSON
    as `build.encode` writes it.

    Raises:
        FactError: a file is missing or not readable, or a fact in it has no source or date, or is impossible.
    """
    if not extra and not refreshed:
        return _shipped_catalog()
    layers = [
        Layer(name="shipped", snapshot=shipped()),
        *(_layer("refreshed", path) for path in refreshed),
        *(_layer("user", path) for path in extra),
    ]
    laid = stack(layers)
    return index(laid.snapshot, laid, second)


@cache
def shipped() -> Snapshot:
    """The generated snapshot, decoded once."""
    return msgspec.json.decode(GENERATED.read_bytes(), type=Snapshot)


@cache
def second() -> Mapping[str, tuple[Fact, ...]]:
    """What other sources say, by the key of the thing; read when first asked for, not at start-up."""
    found: dict[str, tuple[Fact, ...]] = {}
    for fact in second_snapshot().facts:
        thing = fact.key.partition("@")[0]
        found[thing] = (*found.get(thing, ()), fact)
    return found


@cache
def second_snapshot() -> Snapshot:
    """The generated second opinions, all together."""
    paths = sorted(SECOND.glob("*.json"))
    return merge(msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in paths)


@cache
def _shipped_catalog() -> Catalog:
    return index(shipped(), elsewhere=second)


def _layer(name: LayerName, path: Path) -> Layer:
    """A folder of YAML files, or one file by its ending: JSON as the build writes it, else YAML as people do.

    Raises:
        FactError: it cannot be read, or what it states does not load.
    """
    if not path.is_dir() and path.suffix == ".json":
        return Layer(name=name, snapshot=_of_json(_text(path), path))
    if path.is_dir() and not next(path.rglob("*.yaml"), None):
        message = f"fact folder {path}: holds no *.yaml"
        raise FactError(message, "name the folder that `breakeven catalog import --into` wrote, or a file")
    from breakeven.catalog.build import read_file, read_tree  # noqa: PLC0415 - the YAML reader costs more than the catalog

    found = read_tree(path, f"{path}/") if path.is_dir() else read_file(_text(path), str(path))
    return Layer(name=name, snapshot=found.snapshot, places=found.places)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"fact file {path}: cannot be read: {error}"
        raise FactError(message, "check the path given with --facts") from error


def _of_json(text: str, path: Path) -> Snapshot:
    try:
        found = msgspec.json.decode(text, type=Snapshot)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"fact file {path}: no snapshot: {error}"
        raise FactError(message, "refresh it again, or write the facts as YAML") from error
    return require_sound(found, str(path))
