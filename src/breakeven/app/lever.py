"""Levers of model economics: questions from a file, rules of thumb, a router's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from breakeven.assembly import levering
from breakeven.assembly.levering import Bench
from breakeven.assembly.today import today
from breakeven.catalog.load import load as load_catalog
from breakeven.config.lever import example
from breakeven.config.lever import file as lever_file
from breakeven.config.problem import suggest
from breakeven.errors import UsageError
from breakeven.planner.levers.rules import rules_of_thumb
from breakeven.report import lever as report
from breakeven.report.document import Document
from breakeven.schema.lever import Claim, Lever, RouterWeights


def names() -> Mapping[str, str]:
    """Every lever with what its question begins with."""
    return {name: text.partition("#")[2].partition("\n")[0].strip() for name, text in example.SECTIONS.items()}


def question(name: str = "") -> str:
    """A commented file of questions that runs as it stands: all of them, or one.

    Raises:
        UsageError: there is no such lever.
    """
    if name and name not in example.SECTIONS:
        message = f"there is no lever {name}"
        raise UsageError(message, suggest(name, list(example.SECTIONS), kind="there are"))
    return example.text(name)


def lever(path: Path, name: str, *, facts: Sequence[Path] = ()) -> Lever:
    """One lever of a file."""
    return levering.lever(_bench(path, facts), name)


def every(path: Path, *, facts: Sequence[Path] = ()) -> tuple[Lever, ...]:
    """Every lever that a file asks about, the largest saving a month (or a prediction) first."""
    bench = _bench(path, facts)
    found = [levering.lever(bench, name) for name in levering.asked(bench.file)]
    return tuple(sorted(found, key=lambda one: -(one.saving_share.value or 0.0)))


def weights(path: Path, *, facts: Sequence[Path] = ()) -> RouterWeights:
    """The arrays of the router that a file asks about."""
    return levering.router_weights(_bench(path, facts))


def write_weights(path: Path, out: Path, *, facts: Sequence[Path] = ()) -> tuple[str, ...]:
    """Write the router's arrays as JSON; returns what was written, and how a gateway is made to obey it."""
    found = weights(path, facts=facts)
    out.write_bytes(msgspec.json.encode(found))
    wants = "" if found.threshold is not None else ", threshold: SCORE"
    router = f"{{weights: {out.name}{wants}}}"
    return (
        f"wrote {out}: a router of {len(found.idf):,} buckets between {found.strong} and {found.weak}",
        f"to install it, put it beside policy.yaml and write into a route of both: strategy: learned, router: {router}",
    )


def rules(*, on: str | None = None, facts: Sequence[Path] = ()) -> tuple[Claim, ...]:
    """The field's rules of thumb, tested at a day's prices."""
    return rules_of_thumb(load_catalog(facts), on=on or today())


def _bench(path: Path, facts: Sequence[Path]) -> Bench:
    return Bench(file=lever_file.read(path), folder=path.parent, catalog=load_catalog(facts))


def lever_document(found: Lever) -> Document:
    """A lever for people."""
    return report.lever_document(found)


def levers_document(found: Sequence[Lever]) -> Document:
    """Several levers for people."""
    return report.levers_document(found)


def rules_document(found: Sequence[Claim]) -> Document:
    """Rules of thumb for people."""
    return report.rules_document(found)
