"""Rows to calibrate with from what runs already: a server's `/metrics`, saved or polled, and the ledger."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from breakeven.assembly.project import Project
from breakeven.assembly.today import today
from breakeven.config.settings import DeploymentSettings
from breakeven.errors import BackendError, EvidenceError, UsageError
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import Query
from breakeven.ledger.observed import observe as observe_ledger
from breakeven.ledger.store import open_ledger
from breakeven.measure import traffic
from breakeven.measure.probe import get, version_of
from breakeven.schema.measurement import Measurement
from breakeven.schema.observed import Limits, Observed, Served, rows_of
from breakeven.wire.client import Client
from breakeven.wire.prometheus_text import Scrape, scrape

METRICS, LEDGER = "server metrics", "ledger"
_SHOWN = 3


class Taken(NamedTuple):
    """Rows, the windows they are of and those that gave none, and remarks for people."""

    rows: tuple[Measurement, ...]
    windows: tuple[Observed, ...]
    remarks: tuple[str, ...]

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """Windows that gave no rows, by name, each with all that is against it."""
        return tuple((one.name, "; ".join(one.refused)) for one in self.windows if one.refused)


def of_files(
    paths: Sequence[Path], seconds: float | None, stated: Served, lengths: tuple[float, float] | None = None
) -> Taken:
    """Rows of saved texts of `/metrics` in the order in which they were taken, one window for each two neighbours.

    Args:
        paths: at least two.
        seconds: between neighbours; None where the texts' own lines state times.
        stated: what the texts do not say.
        lengths: mean prompt and answer tokens, for a server that does not count them.

    Raises:
        ConfigError: a text cannot be read, or states no times and `seconds` is None.
        UsageError: there are fewer than two, or not in order.
        EvidenceError: they are of another server than vLLM or llama.cpp.
    """
    times = [None if seconds is None else seconds * place for place in range(len(paths))]
    texts = [_text(path) for path in paths]
    scrapes = [scrape(text, at_s, str(path)) for text, at_s, path in zip(texts, times, paths, strict=True)]
    return _taken(scrapes, max(1, len(scrapes) - 1), stated, lengths)


def of_server(
    url: str,
    stated: Served,
    *,
    seconds: float = 60.0,
    interval_s: float = 1.0,
    windows: int = 1,
    lengths: tuple[float, float] | None = None,
    key: str = "",
) -> Taken:
    """Rows of a server that is polled for so many seconds; it is only read, no load is put on it.

    Args:
        url: of the server, with or without `/v1` or `/metrics`.
        stated: what the server does not say; its version is asked for where none is stated.
        seconds: altogether.
        interval_s: between two polls.
        windows: into how many rows' windows the time is cut.
        lengths: mean prompt and answer tokens, for a server that does not count them.
        key: a bearer token.

    Raises:
        UsageError: the interval is longer than a window.
        BackendError: nobody answers, or not with metrics.
        EvidenceError: it is neither vLLM nor llama.cpp.
    """
    if not 0 < interval_s <= seconds / windows:
        message = f"an interval of {interval_s:g} s does not fit {windows} windows in {seconds:g} s"
        raise UsageError(message, "poll for longer, or more often")
    scrapes, version = asyncio.run(_poll(_base(url), seconds, interval_s, key))
    return _taken(scrapes, windows, msgspec.structs.replace(stated, version=stated.version or version), lengths)


@anew
def of_ledger(
    project: Project,
    *,
    folder: Path | None = None,
    minutes: float = 5.0,
    query: Query | None = None,
    version: str | None = None,
    emulated: bool = False,
) -> Taken:
    """Rows of a project's ledger: of its deployments on accelerators, one for each window of so many minutes.

    Engine, model, accelerator and precision are those of `breakeven.yaml` as it is now.

    Args:
        project: whose ledger and deployments.
        folder: the ledger's data directory; None is the project's.
        minutes: length of a window.
        query: which predictions; None is all.
        version: of the engine, for all rows.
        emulated: take emulated answers too.

    Raises:
        LedgerError: there is no ledger.
        UsageError: windows are too short.
        EvidenceError: no deployment names an accelerator.
    """
    known = {one.name: one for one in project.settings.deployments if one.accelerator}
    if not known:
        message = f"none of the {len(project.settings.deployments)} deployments of {project.path} names an accelerator"
        raise EvidenceError(message, "name it there (accelerator: h100-sxm), or calibrate with --rows")
    seen = observe_ledger(open_ledger(folder or project.data_dir), query or Query(), minutes * 60, emulated=emulated)
    windows = tuple(_checked(one, known[one.name], emulated=emulated) for one in seen.windows if one.name in known)
    rows = [row for one in windows for row in rows_of(one, _served(known[one.name], version))]
    elsewhere = Counter(one.name for one in seen.windows if one.name not in known)
    remarks = [f"{count} requests {name}, left out" for name, count in seen.left_out]
    remarks += [f"{count} windows of {name}, which is on no accelerator" for name, count in sorted(elsewhere.items())]
    return Taken(tuple(rows), windows, tuple(remarks))


def gate(taken: Taken) -> None:
    """Refuse to go on without rows.

    Raises:
        EvidenceError: no window gave any; what is against the first ones is in the message.
    """
    if taken.rows:
        return
    why = "; ".join(f"{name}: {why}" for name, why in taken.refused[:_SHOWN]) or "there was no traffic"
    message = f"none of {len(taken.windows)} windows gives a row: {why}"
    raise EvidenceError(message, "wait for steady traffic, or put some on: `breakeven measure URL --rows FILE.csv`")


def _taken(scrapes: Sequence[Scrape], windows: int, stated: Served, lengths: tuple[float, float] | None) -> Taken:
    found = traffic.observe(scrapes, windows=windows, lengths=lengths, limits=Limits())
    first = {"source": METRICS, "date": today(), "engine": traffic.engine_of(scrapes[-1])}
    served = msgspec.structs.replace(stated, **{name: getattr(stated, name) or first[name] for name in first})
    notes = dict.fromkeys(note for one in found for note in one.notes)
    return Taken(tuple(row for one in found for row in rows_of(one, served)), found, tuple(notes))


async def _poll(base: str, seconds: float, interval_s: float, key: str) -> tuple[list[Scrape], str | None]:
    """Scrapes on the clock of this process, and the engine's version where it says one."""
    headers = (("authorization", f"Bearer {key}"),) if key else ()
    scrapes: list[Scrape] = []
    polls = round(seconds / interval_s) + 1
    async with Client() as client:
        began_s = time.monotonic()
        for number in range(polls):
            await asyncio.sleep(max(0.0, began_s + number * interval_s - time.monotonic()))
            scrapes.append(await _scraped(client, f"{base}/metrics", headers))
        return scrapes, await version_of(client, base, headers, traffic.engine_of(scrapes[-1]))


async def _scraped(client: Client, url: str, headers: Sequence[tuple[str, str]]) -> Scrape:
    body = await get(client, url, headers)
    at_s = time.time()
    if body is None:
        message = f"{url} answers no metrics"
        raise BackendError(
            message, "start llama.cpp with --metrics; vLLM has them unless --disable-log-stats was given"
        )
    return scrape(body.decode(errors="replace"), at_s, url)


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("/metrics").removesuffix("/v1")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise UsageError(message, "save the text of the server's /metrics as it comes") from error


def _served(one: DeploymentSettings, version: str | None) -> Served:
    return Served(
        source=LEDGER,
        version=version,
        date=today(),
        engine=one.engine or None,
        model=one.catalog_model or one.model or None,
        gpu=one.accelerator,
        ngpu=one.accelerators,
        tp=one.accelerators,
        precision=one.precision,
        replicas=one.replicas,
    )


def _checked(seen: Observed, one: DeploymentSettings, *, emulated: bool) -> Observed:
    """What the configuration has against a window."""
    wrong = []
    if one.emulated and not emulated:
        wrong.append(f"{one.name} is marked as emulated in the configuration")
    if one.prefill_instances:
        wrong.append(f"{one.name} has prefill and decode apart, which no fit knows")
    if one.model and seen.model != one.model:
        wrong.append(f"it served {seen.model!r} then, and {one.model!r} is configured now")
    return msgspec.structs.replace(seen, refused=(*seen.refused, *wrong)) if wrong else seen


def stated(given: Mapping[str, object]) -> Served:
    """What a command's options state: source, version, engine, model, gpu, ngpu (else tp), tp, precision, replicas.

    Raises:
        UsageError: no accelerator (`gpu`) is named.
    """
    if not given.get("gpu"):
        message = "rows without --accelerator: rows of an unknown accelerator are of no use"
        raise UsageError(message, "name it, such as h100-sxm, or cpu-xeon-8481c")
    known = {name: given[name] for name in Served.__struct_fields__ if given.get(name) is not None}
    tp = known.setdefault("tp", 1)
    return msgspec.convert({"ngpu": tp, **known}, Served)
