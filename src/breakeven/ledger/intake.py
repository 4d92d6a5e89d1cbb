"""Taking foreign records into a ledger: durable, exactly once, however often and wherever it was interrupted.

Records go in batches: those that the ledger holds already are left out, the others are written as one journal, synced
under a name that no sealer takes, renamed, and sealed before the next batch begins. So memory holds one batch, a crash
leaves whole batches, and importing again adds what is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import layout, manifest
from breakeven.ledger.disk import Disk, exclusive
from breakeven.ledger.identity import key_of, table_of
from breakeven.ledger.known import known
from breakeven.ledger.seal import seal_once
from breakeven.ledger.source.field import Bad
from breakeven.ledger.source.formats import Source
from breakeven.ledger.source.read import Taken
from breakeven.schema.journal import Record, frame
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction

BATCH = 20_000
LOCK = "import.lock"
_SEALER_S = 120.0
_WAIT_S = 0.2
_SHOWN = 20


class Problem(Noun, frozen=True, kw_only=True):
    """A row that was not taken."""

    line: int
    reason: str
    way_out: str = ""


class Intake(Noun, frozen=True, kw_only=True):
    """What became of one file. `rows` = those that became records + `skipped` + `bad`; a row may be several records.

    `records` by table are those written, `duplicates` those that the ledger or the file itself held already. `problems`
    are the first of the bad rows; all of them are in `bad_file`. `node` is what the records name as their origin.
    """

    file: str
    format: str
    node: str = ""
    use_cases: tuple[str, ...] = ()
    rows: int = 0
    skipped: int = 0
    bad: int = 0
    records: dict[str, int] = {}
    duplicates: int = 0
    problems: tuple[Problem, ...] = ()
    bad_file: str = ""
    dry_run: bool = False


class _Run:
    """One file on its way into a ledger."""

    def __init__(self, data_dir: Path, file: Path, form: str, *, dry_run: bool) -> None:
        self.data_dir, self.file, self.form, self.dry_run = data_dir, file, form, dry_run
        self.node = f"import-{form}-{time.time_ns():x}-{os.getpid()}"
        self.sequence = self.journals = self.rows = self.skipped = self.bad = self.duplicates = 0
        self.written: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.use_cases: set[str] = set()
        self.aside = data_dir / "rejected" / f"{file.name}.{self.node}.jsonl"

    def keep_aside(self, bad: Bad) -> None:
        """A row that is not taken, beside the ledger."""
        self.bad += 1
        if len(self.problems) < _SHOWN:
            self.problems.append(Problem(line=bad.number, reason=bad.reason, way_out=bad.way_out))
        if not self.dry_run:
            self.aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self.aside.open("ab") as file:
                file.write(msgspec.json.encode(bad) + b"\n")

    def take(self, batch: Sequence[Record]) -> None:
        """Write what of a batch is new."""
        fresh = {key_of(record): record for record in reversed(batch)}
        for key in known(self.data_dir, list(fresh.values())):
            del fresh[key]
        self.duplicates += len(batch) - len(fresh)
        new = [self._seated(record) for record in reversed(fresh.values())]
        for record in new:
            self.written[table_of(record)] = self.written.get(table_of(record), 0) + 1
            self.use_cases |= {record.use_case} if isinstance(record, Prediction) else set()
        if new and not self.dry_run:
            self.journals += 1
            journal(self.data_dir, f"{self.node}-{self.journals:08d}", new)

    def _seated(self, record: Record) -> Record:
        if not isinstance(record, Prediction | Outcome):
            return record
        self.sequence += 1
        return msgspec.structs.replace(record, node=self.node, sequence=self.sequence)

    def report(self) -> Intake:
        """What became of the file."""
        return Intake(
            file=str(self.file),
            format=self.form,
            node=self.node if self.journals else "",
            use_cases=tuple(sorted(self.use_cases)),
            rows=self.rows,
            skipped=self.skipped,
            bad=self.bad,
            records=self.written,
            duplicates=self.duplicates,
            problems=tuple(self.problems),
            bad_file=str(self.aside) if self.bad and not self.dry_run else "",
            dry_run=self.dry_run,
        )


def take(
    data_dir: Path,
    file: Path,
    source: Source,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _rows: None,
    batch: int = BATCH,
) -> Intake:
    """Every record of `source` that the ledger in `data_dir` does not hold yet; bad rows are kept aside.

    `progress` is told the rows read so far, after each batch.

    Raises:
        LedgerError: another import is at work here, the file breaks off, or no sealer takes in what was written.
        OSError: the disk is full or failing; whole batches written before stay.
    """
    if dry_run:
        return _taken(_Run(data_dir, file, source.form, dry_run=True), source, progress, batch)
    data_dir.mkdir(parents=True, exist_ok=True)
    with exclusive(data_dir / LOCK, create=True) as held:
        if not held:
            message = f"another import is at work in {data_dir}"
            raise LedgerError(message, "wait for it: two at once could write a row twice")
        with suppress(LedgerError):
            seal_once(data_dir, time.time())  # what an import that was cut off left, so that it is known
        return _taken(_Run(data_dir, file, source.form, dry_run=False), source, progress, batch)


def _taken(run: _Run, source: Source, progress: Callable[[int], None], size: int) -> Intake:
    batch: list[Record] = []
    for one in source.entries:
        run.rows += 1
        if isinstance(one, Bad):
            run.keep_aside(one)
        elif isinstance(one, Taken):
            batch.extend(one.records)
        else:
            run.skipped += 1
        if len(batch) >= size:
            run.take(batch)
            batch = []
            progress(run.rows)
    if batch:
        run.take(batch)
    progress(run.rows)
    return run.report()


def journal(data_dir: Path, name: str, records: Iterable[Record]) -> None:
    """A closed journal of whole frames, there with all of them or not at all; returns when it is sealed.

    Raises:
        LedgerError: nobody sealed it: nothing is lost, and it is sealed later.
    """
    write(data_dir, name, records)
    _sealed(data_dir, name)


def write(data_dir: Path, name: str, records: Iterable[Record]) -> None:
    """The same, not yet sealed; durable when this returns."""
    folder = layout.journals(data_dir)
    Disk().make(folder, data_dir)
    draft = folder / f"{name}.new"
    try:
        with draft.open("xb") as file:
            file.writelines(map(frame, records))
            file.flush()
            os.fsync(file.fileno())
        Disk().rename(draft, folder / f"{name}{layout.CLOSED}")
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sealed(data_dir: Path, name: str) -> None:
    """Seal it, or wait for the sealer that is at work here.

    Raises:
        LedgerError: it is not sealed: the sealer's warning, or nothing within two minutes.
    """
    until_s = time.monotonic() + _SEALER_S
    why = ""
    while time.monotonic() < until_s:
        try:
            warnings = seal_once(data_dir, time.time()).warnings
        except LedgerError as error:
            why = error.message
            if name in {journal.name for journal in manifest.read(data_dir).journals}:
                return
            time.sleep(_WAIT_S)
            continue
        why = next((text for text in warnings if name in text), "")
        if not why:
            return
        break
    message = f"{name} was written and is not sealed: {why}"
    raise LedgerError(message, "nothing is lost: mend the cause, and import the file again")
