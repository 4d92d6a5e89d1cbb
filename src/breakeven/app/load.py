"""Load against a server, or the batch curve of a model in process: a report, and rows in the calibration schema."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from breakeven.assembly.today import today
from breakeven.errors import BackendError, ConfigError, UsageError
from breakeven.measure import campaign, in_process
from breakeven.measure.kept import Kept
from breakeven.measure.plan import CALLS, Listener, Plan
from breakeven.measure.prompt import length
from breakeven.measure.rows import rows
from breakeven.report.document import Document
from breakeven.report.load import load_document
from breakeven.schema.load import LoadReport
from breakeven.schema.measurement import COLUMNS, read_rows, write_rows
from breakeven.wire.address import address

SOURCE = "own measurement"


def frame(target: str, known: Mapping[str, object]) -> LoadReport:
    """A report without points: who is measured, as far as the caller states it (model, engine, version, gpu, ...).

    What is None in `known` is not stated.
    """
    first = {"url": target, "api": "", "model": "", "source": SOURCE, "date": today()}
    return msgspec.convert(first | {name: value for name, value in known.items() if value is not None}, LoadReport)


def plan(target: str, asked: Mapping[str, object]) -> Plan:
    """What is to be measured, from options as the command line names them.

    `isl` and `osl` are lengths such as `128` or `128:32`, `key_env` the variable of the key, `extra` JSON.

    Raises:
        UsageError: one of them cannot be meant.
    """
    fields = {name: value for name, value in asked.items() if name in Plan.__struct_fields__ and value is not None}
    given: Plan = msgspec.convert(
        {
            **fields,
            "url": target,
            "input": length(str(asked["isl"]), "--isl"),
            "output": length(str(asked["osl"]), "--osl"),
            "fresh": not asked.get("allow_prefix_cache"),
            "key": key(asked.get("key_env")),
            "extra": extra(asked.get("extra")),
            "tokenizer": None,
        },
        Plan,
    )
    tokenizer = asked.get("tokenizer")
    return given if tokenizer is None else msgspec.structs.replace(given, tokenizer=Path(str(tokenizer)))


def measure(plan: Plan, known: LoadReport, listener: Listener | None = None, *, consent: str = "") -> LoadReport:
    """Put load on a server.

    Args:
        plan: what is to be measured.
        known: from `frame`.
        listener: told of progress.
        consent: the host that may be loaded, where it is not this machine.

    Raises:
        UsageError: the host is another machine and `consent` does not name it; or as `measure.campaign.run`.
        ConfigError: the URL is none.
        BackendError: as `measure.campaign.run`.
    """
    host = address(plan.url).origin.host
    if not loopback(host) and consent != host:
        message = f"{plan.url} is not this machine: load on {host} may cost its owner money or take it down"
        raise UsageError(message, f"if you may load it, say so: --yes-load {host}")
    return campaign.run(plan, known, listener)


def measure_file(path: Path, known: LoadReport, listener: Listener | None = None, *, plan: Plan) -> LoadReport:
    """The batch curve of an ONNX model in this process.

    Raises:
        UsageError: onnxruntime is missing, or the file is none of its models.
    """
    kept = Kept(known, listener or Listener())
    in_process.measure(path, plan.sizes(), plan.requests or CALLS, kept)
    return kept.report


def loopback(host: str) -> bool:
    """Whether a host is this machine by its very name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def key(name: object, environment: Mapping[str, str] | None = None) -> str:
    """The bearer token in a variable; "" where none is named. Its value is in no message.

    Raises:
        UsageError: the variable is not set.
    """
    if name is None:
        return ""
    found = (os.environ if environment is None else environment).get(str(name), "")
    if not found:
        message = f"--key-env names {name}, which is not set"
        raise UsageError(message, f"export {name}=...")
    return found


def check_rows_file(path: Path) -> None:
    """See that rows can be appended to a file, before anything is measured.

    Raises:
        ConfigError: it holds something else, or its columns are in another order.
        UsageError: its folder does not exist.
    """
    if not path.exists():
        if not path.absolute().parent.is_dir():
            message = f"there is no folder {path.absolute().parent} for --rows {path}"
            raise UsageError(message, "make it, or name another file")
        return
    text = path.read_text()
    read_rows(text, str(path))
    header = text.removeprefix("\ufeff").partition("\n")[0].strip()
    if header != ",".join(COLUMNS):
        message = f"{path}: its columns are in another order: {header!r}"
        raise ConfigError(message, f"name a new file; the order is {','.join(COLUMNS)}")


def append_rows(report: LoadReport, path: Path) -> int:
    """Append the rows of a report's sound points to a file, which is made where it is missing; returns how many."""
    found = rows(report)
    old = path.read_text() if path.exists() else ""
    glue = "\n" if old and not old.endswith("\n") else ""
    with path.open("a", encoding="utf-8") as file:
        file.write(glue + write_rows(found, header=not old))
    return len(found)


def document(report: LoadReport) -> Document:
    """The report, for people."""
    return load_document(report)


def gate(report: LoadReport) -> None:
    """Refuse a report in which nothing was answered.

    Raises:
        BackendError: every request of every point failed; the most frequent reason is in the message.
    """
    if any(point.answered for point in report.points):
        return
    sent = sum(point.sent for point in report.points)
    why = next((why for point in report.points for why, _ in point.failures), "nothing was sent")
    message = f"none of {sent} requests to {report.url} was answered: {why}"
    raise BackendError(message, "see that the server runs and what it says")


def extra(text: object) -> dict[str, object]:
    """More fields for every request's body.

    Raises:
        UsageError: it is no JSON object, or sets a seed.
    """
    try:
        found = msgspec.json.decode(str(text or "{}"), type=dict[str, object])
    except msgspec.MsgspecError as error:
        message = f"--extra {text!r} is no JSON object: {error}"
        raise UsageError(message, 'write it as {"temperature": 0}') from error
    if "seed" in found:
        message = f"--extra sets seed to {found['seed']!r}, and one seeded request can end some servers"
        raise UsageError(message, "leave seed out: --seed is that of the load")
    return found
