"""Erasing a person: who that is by all links known, the durable note, and the rewriting of what names them."""

from __future__ import annotations

import time
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger import duck, snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.erasing import Erasure, erasures, note
from breakeven.ledger.people import KINDS, people_of, rows_of
from breakeven.ledger.seal import seal_once
from breakeven.schema.outcome import Outcome

WAIT_S = 60.0
_POLL_S = 0.1


@anew
def ids_of(data_dir: Path, tenant: str, subject: str) -> tuple[str, ...]:
    """All hashes that stand for the person of a hashed subject, its own among them."""
    found = snapshot.of_folder(data_dir)
    rows = rows_of(one for one in found.records if isinstance(one, Outcome))
    files = [one.path for one in found.segments if one.table == "outcomes"]
    if files:
        asked = "SELECT kind, tenant, subject, previous, time_s, consent"
        with duck.connect() as connection:
            source = duck.segments("outcomes", files)
            rows += connection.execute(f"{asked} FROM ({source}) WHERE kind IN {KINDS!r}").fetchall()
    persons = people_of(rows).persons
    person = persons.get((tenant, subject), subject)
    return tuple(sorted({subject, *(one[1] for one, who in persons.items() if one[0] == tenant and who == person)}))


def erase(data_dir: Path, tenant: str, subject: str, reason: str, now_s: float, *, wait_s: float = WAIT_S) -> Erasure:
    """Erase what was accepted up to `now_s` of the person of a hashed subject; says what was rewritten.

    A sealer that runs here carries it out at its next pass; else it is done at once.

    Raises:
        LedgerError: there is no ledger, or the running sealer did not come to it within `wait_s` (it still will).
    """
    id_ = note(data_dir, tenant, ids_of(data_dir, tenant, subject), reason, now_s)
    until_s = time.monotonic() + wait_s
    while True:
        try:
            seal_once(data_dir, now_s)
        except LedgerError:
            time.sleep(_POLL_S)
        (found,) = (one for one in erasures(data_dir) if one.id == id_)
        if found.report is not None:
            return found
        if time.monotonic() > until_s:
            message = f"erasure {id_} is noted in {data_dir} and was not carried out within {wait_s} s"
            raise LedgerError(message, "see the sealer's log; it goes on with it at every pass")
