"""A proposal and a workload as a study with one option, so that the one engine computes both alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from pydantic import BaseModel

from breakeven.algebra.amount import Array
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import Source, StudyFile
from breakeven.config.study.given import Given
from breakeven.config.study.option import Option
from breakeven.config.study.proposal import Proposal, WorkloadFile
from breakeven.errors import StudyError
from breakeven.study.demand import SCALE
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.factor import factored, factored_offers, givens, read_demand, token_flows
from breakeven.study.vendor.overflow import Levels, share_above, stating

OFFER = "offer"
"""Name of the one option."""
OVERFLOW = f"options.{OFFER}.provisioned.overflow_share"
STORE, READS = "feature_store_size", "feature_store_reads"
UNITS = ("feature_gb", "feature_read")
PRICES = frozenset({"input", "cached_input", "output", "request"})
Tree = TypeVar("Tree", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The question put to a proposal: factors on what the workload and the proposal state.

    `scale` is the mean demand, `peak` the busiest rate over that mean; `levels` are what that mean is made of, none for
    a level by itself. `priced` multiplies prices per use.
    """

    scale: float = 1.0
    peak: float = 1.0
    tokens: float = 1.0
    energy: float = 1.0
    capacity: float = 1.0
    priced: float = 1.0
    store: float = 1.0
    reads: float = 1.0
    levels: Levels = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A proposal and the workload it is asked to serve; `option` may differ from the proposal's in one thing."""

    proposal: Proposal
    workload: WorkloadFile
    catalog: Catalog
    option: Option

    def evaluated(self, case: Case, scales: Array | None = None) -> Evaluated:
        """The engine on this case; `scales` in place of its scale asks for many volumes at once.

        Raises:
            StudyError: something cannot be computed; its path begins with `workload` or `proposals`, and the id.
        """
        study = study_of(self.proposal, self.workload, self.option, case.peak)
        with placed(self.proposal):
            plain = Evaluated(study, self.catalog)
            read_demand(plain)
            plain.option(OFFER)
            study, drawn = factored(plain, self._factors(plain, case))
            drawn |= factored_offers(plain, offered(plain), case.priced)
            drawn[SCALE] = np.array([case.scale]) if scales is None else scales
            found = Evaluated(study, self.catalog, drawn)
            share = share_above(found, OFFER, case.levels)
            if share is not None:
                found = Evaluated(stating(study, OFFER, share), self.catalog, drawn | {OVERFLOW: share})
            found.option(OFFER)
        return found

    def demanded(self, scale: float) -> Evaluated:
        """The engine on the demand alone: nothing of the option is computed."""
        study = study_of(self.proposal, self.workload, self.option, 1.0)
        return Evaluated(study, self.catalog, {SCALE: np.array([scale])})

    def _factors(self, plain: Evaluated, case: Case) -> dict[str, float]:
        """Factors by dotted path of the study."""
        counted = self.proposal.counting.factor if self.proposal.counting is not None else 1.0
        within = {
            **dict.fromkeys(("power.per_server", "power.per_accelerator"), case.energy),
            **dict.fromkeys(("fleet.capacity", "provisioned.capacity"), case.capacity),
            f"fleet.counts.{STORE}": case.store,
            f"fleet.counts.{READS}": case.reads,
        }
        return {
            **dict.fromkeys(token_flows(plain), counted * case.tokens),
            **{f"options.{OFFER}.{name}": size for name, size in within.items()},
            **dict.fromkeys(used(plain), case.priced),
        }


@contextmanager
def placed(proposal: Proposal) -> Iterator[None]:
    """Errors inside name the proposal, and the place in its file or in the workload's."""
    try:
        yield
    except StudyError as error:
        if error.path[:1] in {("workload",), ("proposals",)}:
            raise
        message = f"{proposal.id}: {_reworded(error.message)}"
        raise StudyError(message, _reworded(error.way_out), path=_place(proposal, error.path)) from error


WORDS = {
    f"options.{OFFER}": "option",
    f"option `{OFFER}`": "the option",
    "the study": "the workload",
    "a dated rate: `fx:": "a dated rate in the workload's file: `fx:",
    "state `conventions:": "state in the workload's file `conventions:",
}
"""What the engine calls a thing, and what it is called here; what only the workload may state is said to be its."""


def _reworded(text: str) -> str:
    for old, new in WORDS.items():
        text = text.replace(old, new)
    return text


def _place(proposal: Proposal, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    if path[:1] and path[0] in {"demand", "conventions", "fx"}:
        return ("workload", *path)
    if path[:2] == ("options", OFFER):
        rest = path[2:]
        if rest[:2] == ("fleet", "counts") and rest[2:] and rest[2] in {STORE, READS}:
            return ("workload", "feature_store", "size" if rest[2] == STORE else "reads")
        return ("proposals", proposal.id, "option", *rest)
    return ("proposals", proposal.id, *path)


def study_of(proposal: Proposal, workload: WorkloadFile, option: Option, peak: float) -> StudyFile:
    """The study: the workload's demand and conventions, and the proposal as its one option."""
    told = {"peak_hour_share": None, "peak_to_mean": Given(value=peak, source=workload.source, as_of=workload.as_of)}
    counts = {**option.fleet.counts, **_counts(workload)}
    fleet = option.fleet.model_copy(update={"counts": counts})
    return StudyFile(
        study=1,
        id=proposal.id,
        title=proposal.title,
        source=Source(title=proposal.source, url=proposal.url, published=proposal.date or workload.as_of),
        as_of=workload.as_of,
        currency=workload.currency,
        units=tuple(dict.fromkeys((*UNITS, *proposal.units))),
        conventions=workload.conventions,
        fx=workload.fx,
        inputs=proposal.inputs,
        demand=workload.demand.model_copy(update=told),
        options={OFFER: option.model_copy(update={"fleet": fleet})},
    )


def _counts(workload: WorkloadFile) -> dict[str, Given]:
    """The feature store as counts that prices are per."""
    store = workload.feature_store
    stated = {} if store is None else {STORE: store.size, READS: store.reads}
    return {name: given for name, given in stated.items() if given is not None}


def sourced(workload: WorkloadFile) -> WorkloadFile:
    """The workload, every quantity without a source of its own given the workload's."""
    return _sourced(workload, workload.source, workload.as_of)


def _sourced(tree: Tree, source: str, as_of: str) -> Tree:
    changed = {name: _given(getattr(tree, name), source, as_of) for name in type(tree).model_fields}
    return tree.model_copy(update=changed)


def _given(value: object, source: str, as_of: str) -> object:
    if isinstance(value, Given):
        told = {"source": value.source or source, "as_of": value.as_of or as_of}
        return value.model_copy(update=told)
    if isinstance(value, BaseModel):
        return _sourced(value, source, as_of)
    if isinstance(value, dict):
        return {key: _given(one, source, as_of) for key, one in value.items()}
    return value


def stated_peak(workload: WorkloadFile, found: Evaluated) -> float:
    """Busiest rate / mean rate as the workload states it, levels aside."""
    study = found.study.model_copy(update={"demand": workload.demand})
    again = Evaluated(study, found.catalog)
    return float(again.demand.peak_factor.amount.scalar)


def used(found: Evaluated) -> list[str]:
    """Paths of the stated prices that are per use: of an API, of overflow, and of lines per request or token."""
    stated = givens(found.study.options[OFFER], f"options.{OFFER}")
    where = (f"options.{OFFER}.api.", f"options.{OFFER}.provisioned.overflow.")
    prices = [path for path in stated if path.startswith(where) and path.rpartition(".")[2] in PRICES]
    return [*prices, *(f"options.{OFFER}.lines.{name}.rate" for name in lines_per(found, PER_USE))]


PER_USE = frozenset({"token", "request", "prediction", "useful_prediction"})


def lines_per(found: Evaluated, things: frozenset[str]) -> list[str]:
    """Names of the lines whose price is per one of the things."""
    names = []
    for name, line in found.study.options[OFFER].lines.items():
        rate = found.scope.read(line.rate, "options", OFFER, "lines", name, "rate")
        if rate is not None and any(dim in things and power < 0 for dim, power in rate.amount.dims):
            names.append(name)
    return names


def offered(found: Evaluated) -> list[str]:
    """Keys of the catalog prices per use that an offer brought."""
    return [
        key for key in found.scope.facts if key.startswith("offer/") and key.endswith(("_per_mtok", "/request_usd"))
    ]
