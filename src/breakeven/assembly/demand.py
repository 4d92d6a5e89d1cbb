"""A profile of demand from whatever a person has: a trace, counts, a workload in YAML, or the ledger."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.assembly import arriving, planning
from breakeven.config import demand as grammar
from breakeven.config import reading
from breakeven.config.demand import DemandSection, LengthSection
from breakeven.errors import ConfigError, UsageError
from breakeven.ledger.callers import asked as ledger_asked
from breakeven.schema.demand import Lengths, Profile, Series, Targets
from breakeven.workload import callers, marginals, tables
from breakeven.workload.arrivals import spread_ticks
from breakeven.workload.assumed import Stated, assumed, single
from breakeven.workload.parse import parse
from breakeven.workload.profile import profile, profile_of_series

YAML = frozenset({".yaml", ".yml"})
_WINDOWS, _TOKENS = "_windows", "_tokens"


def of_file(path: Path, name: str | None = None) -> Profile:
    """The profile of a file: its first line says what it is, a YAML ending that it is a workload.

    Raises:
        ConfigError: it cannot be read, or the workload is wrong (with every problem).
        LedgerError: it is of no known format, or a line is bad.
        EvidenceError: there is too little in it.
    """
    if path.suffix in YAML:
        return of_yaml(path, name)
    called, text = name or stem(path), arriving.text(path)
    if tables.header(text) >= tables.TOKENS:
        return _of_windows(_beside(path, _TOKENS, _WINDOWS), called)
    if tables.is_series(text):
        return _of_windows(path, called)
    found, asked = parse(text, path.name), callers.asked(text)
    made = profile(found, called, start_s=asked.first_s)
    return msgspec.structs.replace(made, callers=asked.callers, tiers=asked.tiers)


def stem(path: Path) -> str:
    """The name of a file without its endings."""
    return path.name.split(".", 1)[0] or path.name


def of_yaml(path: Path, name: str | None = None) -> Profile:
    """The profile of a workload in YAML, as fitted or as stated.

    Raises:
        ConfigError: with every problem of the file, each with its place.
    """
    file = grammar.load(reading.read_text(path, way_out=reading.CHECK_PATH), str(path))
    called = name or file.name or path.stem
    if file.fitted is not None:
        return msgspec.structs.replace(grammar.profile(file, file.fitted), name=called)
    return assumed(_stated(file, called))


def _stated(file: DemandSection, name: str) -> Stated:
    tiers = {} if file.tiers is None else file.tiers.model_dump()
    return Stated(
        name=name,
        rate_rps=file.rate,
        rate_p95_rps=file.rate_p95,
        shape=file.shape,
        input=_lengths(file.input_tokens),
        output=_lengths(file.output_tokens),
        daily=file.daily,
        prefix_share=file.prefix_share,
        targets=Targets(**file.slo.model_dump()),
        tiers=tuple((tier, share) for tier, share in tiers.items() if share > 0),
    )


def _lengths(given: float | LengthSection | None) -> Lengths | None:
    if given is None:
        return None
    if not isinstance(given, LengthSection):
        return single(given)
    p99 = given.p95 if given.p99 is None else given.p99
    return Lengths(mean=given.mean, p50=given.p50, p95=given.p95, p99=p99, most=given.most or p99)


def _of_windows(path: Path, name: str) -> Profile:
    text = arriving.text(path)
    series = tables.parse_series(text, path.name)
    made = msgspec.structs.replace(profile_of_series(series), name=name)
    beside = path.with_name(path.name.replace(_WINDOWS, _TOKENS))
    if not tables.header(text) >= tables.WINDOWS or beside == path or not beside.exists():
        lacking = "The source has no lengths of requests: samples and plans need input_tokens and output_tokens."
        return msgspec.structs.replace(made, warnings=(*made.warnings, lacking))
    laws = marginals.laws(arriving.text(beside), beside.name)
    mix, covered = marginals.mix_of(laws, tables.windows(text, path.name), beside.name)
    said = (
        f"Lengths are those of {beside.name}, which covers {covered:.0%} of requests; input and output of one client "
        "are published apart, so they were taken as independent within it."
    )
    return msgspec.structs.replace(made, mix=mix, warnings=(*made.warnings, said))


def _beside(path: Path, own: str, wanted: str) -> Path:
    found = path.with_name(path.name.replace(own, wanted))
    if found == path or not found.exists():
        message = f"{path}: it has lengths of requests and no rates, and {found.name} is not beside it"
        raise ConfigError(message, f"put the windows beside it, as {path.name.replace(own, wanted)}")
    return found


def of_ledger(data_dir: Path, use_case: str | None) -> Profile:
    """The profile of a use case's own traffic.

    Raises:
        EvidenceError, UsageError, LedgerError: see `planning.workload`.
    """
    fitted, trace = planning.workload(data_dir, use_case, None)
    asked = ledger_asked(data_dir, fitted.use_case)
    made = profile(trace, fitted.use_case, start_s=asked.first_s, source="ledger")
    return msgspec.structs.replace(made, callers=asked.callers, tiers=asked.tiers)


def series_of(path: Path, step_s: float | None = None) -> Series:
    """Counts per window of a trace, of a table of counts, or of a fitted workload, to forecast from.

    Raises:
        ConfigError, LedgerError, EvidenceError: as `of_file`.
        UsageError: the workload was stated, so that there is nothing to foresee from.
    """
    from breakeven.workload.series import series_of as binned  # noqa: PLC0415
    from breakeven.workload.series import step_of  # noqa: PLC0415

    if path.suffix in YAML:
        return _kept(of_yaml(path), path)
    text = arriving.text(path)
    if tables.header(text) >= tables.TOKENS:
        return series_of(_beside(path, _TOKENS, _WINDOWS), step_s)
    if tables.is_series(text):
        return tables.parse_series(text, path.name)
    import numpy as np  # noqa: PLC0415

    trace = parse(text, path.name)
    arrivals, _ = spread_ticks(np.sort(np.frombuffer(trace.arrival_s)))
    return binned(arrivals, step_s or step_of(float(arrivals[-1])), stem(path), path.name)


def _kept(found: Profile, path: Path) -> Series:
    import numpy as np  # noqa: PLC0415

    if found.basis == "assumed":
        message = f"{path} was stated, not measured: {found.rate_mean_rps:g} requests/s is all there is to foresee"
        raise UsageError(message, "forecast from a trace, from counts, or from a workload that was fitted to them")
    counts = np.array([np.nan if one is None else one for one in found.counts])
    return Series(
        name=found.name, step_s=found.step_s, counts=counts.tobytes(), start_s=found.start_s, source=path.name
    )
