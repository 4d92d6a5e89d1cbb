"""Taking corrections in from a file: durable and sealed when it returns, and told apart by what they do.

Records stay what they are; a correction is a row of its own, and the latest of a prediction holds
(`ledger.correcting`). What changes nothing is not written, so that a file that was cut off half-way may be given again.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from breakeven.errors import LedgerError, UsageError
from breakeven.ledger import correcting, intake, layout, snapshot
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.anew import anew
from breakeven.ledger.disk import exclusive
from breakeven.ledger.source.field import Bad, Row
from breakeven.ledger.source.formats import rows_of
from breakeven.schema.correction import Correction
from breakeven.schema.noun import Noun

_COLUMNS = ("prediction_id", "cost_usd")
_SHOWN = 20


class Corrected(Noun, frozen=True, kw_only=True):
    """What became of a file of corrections: `rows` = `corrected` + `unchanged` + `unknown` + `bad`.

    `unchanged` say what holds already and were not written; `unknown` name predictions that the ledger does not hold,
    are kept, and have no effect until it does; `unknown_ids` are the first of them. `unpriced_before` of the corrected
    had no cost. Sums are in pico-USD over the corrected; `days` (UTC) are those of their predictions.
    """

    file: str
    rows: int = 0
    corrected: int = 0
    unchanged: int = 0
    unknown: int = 0
    unknown_ids: tuple[str, ...] = ()
    unpriced_before: int = 0
    before_pico_usd: int = 0
    after_pico_usd: int = 0
    days: tuple[str, ...] = ()
    bad: int = 0
    problems: tuple[intake.Problem, ...] = ()


class _Wanted(Noun, frozen=True, kw_only=True):
    prediction_id: str
    cost_pico_usd: int
    price_id: str


class _Held(Noun, frozen=True, kw_only=True):
    """What the ledger says of a prediction now; `time_s` None is one that it does not hold."""

    tenant: str = ""
    time_s: float | None = None
    cost_pico_usd: int | None = None
    price_id: str = ""

    def says(self, wanted: _Wanted) -> bool:
        """Whether a correction would change nothing."""
        return self.cost_pico_usd == wanted.cost_pico_usd and wanted.price_id in ("", self.price_id)


def correct(data_dir: Path, file: Path, reason: str, author: str) -> Corrected:
    """Take the corrections of a file with the columns `prediction_id`, `cost_usd` and, if it is told, `price_id`.

    Rows that cannot be read are named and left out, the others are taken.

    Raises:
        UsageError: `reason` or `author` is empty.
        LedgerError: there is no ledger, the file has not the columns, or an import is at work here.
    """
    for name, said in (("reason", reason), ("author", author)):
        if not said.strip():
            message = f"--{name} is empty: {said!r}"
            raise UsageError(message, "say it: a correction without it cannot be judged later")
    snapshot.check_folder(data_dir)
    with exclusive(data_dir / intake.LOCK, create=True) as held:
        if not held:
            message = f"an import is at work in {data_dir}"
            raise LedgerError(message, "wait for it, and run this one again")
        wanted, problems = _read(file)
        return _taken(data_dir, Corrected(file=str(file)), wanted, problems, (reason.strip(), author.strip()))


def _read(file: Path) -> tuple[list[_Wanted], list[intake.Problem]]:
    """The rows that can be read, each prediction once, and what is wrong with the others."""
    wanted: list[_Wanted] = []
    problems: list[intake.Problem] = []
    lines: dict[str, int] = {}
    for row in rows_of(file):
        try:
            wanted.append(_wanted(row, lines))
        except LedgerError as error:
            where = f"{row.file}:{row.number}: "
            problems.append(
                intake.Problem(line=row.number, reason=error.message.removeprefix(where), way_out=error.way_out)
            )
    if not wanted and not problems:
        message = f"{file}: no rows"
        raise LedgerError(message, f"write a header {','.join(_COLUMNS)}[,price_id] and a row for each prediction")
    return wanted, problems


def _wanted(row: Row | Bad, lines: dict[str, int]) -> _Wanted:
    if isinstance(row, Bad):
        raise row.error()
    name = row.text("prediction_id")
    if not name:
        row.refuse("prediction_id", "a correction names a prediction", "write its id, as exports and answers show it")
    if name in lines:
        row.refuse("prediction_id", f"line {lines[name]} corrects it already", "keep one of the two lines")
    cost = row.money("cost_usd")
    if cost is None:
        row.refuse("cost_usd", "a correction says the whole cost", "write it in US dollars; 0 where it cost nothing")
    lines[name] = row.number
    return _Wanted(prediction_id=name, cost_pico_usd=cost, price_id=row.text("price_id"))


def _taken(
    data_dir: Path,
    report: Corrected,
    wanted: list[_Wanted],
    problems: list[intake.Problem],
    said: tuple[str, str],
) -> Corrected:
    held, after_s = _standing(data_dir, [one.prediction_id for one in wanted])
    fresh = [one for one in wanted if not held.get(one.prediction_id, _Held()).says(one)]
    if fresh:
        run = f"correct-{time.time_ns():x}-{os.getpid()}"
        intake.journal(data_dir, run, _records(fresh, held, run, after_s, said))
    there = [(one, held[one.prediction_id]) for one in fresh if _there(held, one)]
    away = [one.prediction_id for one in fresh if not _there(held, one)]
    return Corrected(
        file=report.file,
        rows=len(wanted) + len(problems),
        corrected=len(there),
        unchanged=len(wanted) - len(fresh),
        unknown=len(away),
        unknown_ids=tuple(away[:_SHOWN]),
        unpriced_before=sum(one.cost_pico_usd is None for _, one in there),
        before_pico_usd=sum(one.cost_pico_usd or 0 for _, one in there),
        after_pico_usd=sum(one.cost_pico_usd for one, _ in there),
        days=tuple(sorted({layout.date(layout.day_of(one.time_s or 0.0)) for _, one in there})),
        bad=len(problems),
        problems=tuple(problems),
    )


def _there(held: dict[str, _Held], one: _Wanted) -> bool:
    return held.get(one.prediction_id, _Held()).time_s is not None


def _records(
    fresh: Iterable[_Wanted], held: dict[str, _Held], run: str, time_s: float, said: tuple[str, str]
) -> Iterator[Correction]:
    reason, author = said
    for number, one in enumerate(fresh):
        yield Correction(
            id=f"{run}-{number:08d}",
            prediction_id=one.prediction_id,
            tenant=held.get(one.prediction_id, _Held()).tenant,
            cost_pico_usd=one.cost_pico_usd,
            price_id=one.price_id,
            reason=reason,
            author=author,
            time_s=time_s,
        )


_PREDICTIONS = """SELECT prediction_id, tenant, time_s, cost_pico_usd, price_id FROM raw_p
WHERE prediction_id IN (SELECT unnest($ids::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY node, sequence) = 1"""
_CORRECTIONS = f"""SELECT prediction_id, cost_pico_usd, price_id FROM {correcting.RELATION}
WHERE prediction_id IN (SELECT unnest($ids::VARCHAR[]))"""  # noqa: S608 - our own names


@anew
def _standing(data_dir: Path, ids: list[str]) -> tuple[dict[str, _Held], float]:
    """What the ledger says of these predictions, and the time of corrections from now on."""
    rows = Rows(snapshot.of_folder(data_dir))
    return _held(rows, ids), _after(rows)


def _held(rows: Rows, ids: list[str]) -> dict[str, _Held]:
    """What the ledger says of these predictions, with the corrections that hold."""
    texts = [_CORRECTIONS, _PREDICTIONS] if rows.corrects else [_PREDICTIONS]
    found: dict[str, _Held] = {}
    for text in texts:
        for row in rows.ask(text, {"ids": ids}):
            name = str(row.pop("prediction_id"))
            found[name] = _Held(**{key: value for key, value in row.items() if value is not None})  # type: ignore[arg-type]
    return found


def _after(rows: Rows) -> float:
    """Now, and later than every correction there is, though a clock was set back meanwhile: the latest is to hold."""
    last = rows.ask("SELECT max(time_s) AS last_s FROM all_k", {})[0]["last_s"] if rows.corrects else None
    return max(time.time(), math.nextafter(float(str(last)), math.inf)) if last is not None else time.time()
