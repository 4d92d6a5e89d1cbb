"""What the catalog knows, and the first answer that it gives from three numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from breakeven.assembly import files
from breakeven.assembly.today import today
from breakeven.catalog import check as catalog_checking
from breakeven.catalog import view
from breakeven.catalog.diff import diff, diff_dates
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.catalog.node import is_date
from breakeven.catalog.source.append import Summary
from breakeven.catalog.source.hf_config import Sheet, model_from_config
from breakeven.catalog.source.model_file import model_file
from breakeven.catalog.source.refresh import refresh_prices
from breakeven.errors import ConfigError, UsageError
from breakeven.planner import estimate as estimating
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.report import catalog as catalog_report
from breakeven.report import estimate as estimate_report
from breakeven.report.document import Document
from breakeven.schema.estimate import Estimate
from breakeven.schema.model import Model

HOURS = {"month": HOURS_PER_MONTH, "day": 24.0, "hour": 1.0, "h": 1.0, "s": 1 / 3600}


def estimate(
    *,
    model: str,
    requests_per_month: float,
    input_tokens: float,
    output_tokens: float,
    against: str | None = None,
    as_of: str | None = None,
) -> Estimate:
    """A first answer from three numbers."""
    return estimating.estimate(
        load_catalog(),
        model=model,
        requests_per_month=requests_per_month,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        against=against or "",
        as_of=as_of or today(),
    )


def requests_per_month(volume: str) -> float:
    """`3e6/month`, `100000/day`, `5/s` as requests a month of 730 hours."""
    match = re.fullmatch(r"\s*([0-9][0-9_.,eE+]*)\s*(?:/\s*(month|day|hour|h|s))?\s*", volume)
    try:
        amount = float(match[1].replace(",", "").replace("_", "")) if match else 0.0
    except ValueError:
        amount = 0.0
    if match is None or amount <= 0:
        message = f"--requests {volume!r} is no volume"
        raise UsageError(message, "write it as 3000000/month, 100000/day or 5/s")
    return amount * HOURS_PER_MONTH / HOURS[match[2] or "month"]


def estimate_document(found: Estimate) -> Document:
    """A first answer, for people."""
    return estimate_report.estimate_document(found)


class Asked(NamedTuple):
    """Which catalog is asked, and as of when: the shipped one under refreshed prices and facts of your own."""

    facts: tuple[Path, ...] = ()
    refreshed: tuple[Path, ...] = ()
    config: Path | None = None
    on: str | None = None

    @property
    def day(self) -> str:
        """The ISO date of the look-up."""
        return self.on or today()

    def catalog(self) -> Catalog:
        """The layers over one another; the `facts:` of a configuration lie under files named beside it."""
        return load_catalog([*_configured(self.config), *self.facts], refreshed=self.refreshed)


SHIPPED = Asked()
"""The shipped catalog alone, as of today."""


def _configured(config: Path | None) -> list[Path]:
    if config is None or not config.is_file():
        return []
    from breakeven.config import settings  # noqa: PLC0415 - only where there is a configuration

    return [config.parent / name for name in settings.read(config).facts]


def catalog_rows(kind: str | None, asked: Asked = SHIPPED) -> list[view.Row]:
    """Catalog entries as rows, of one section or of all."""
    catalog, sections = asked.catalog(), [kind] if kind else list(view.SECTIONS)
    return [{"section": name, **row} for name in sections for row in view.rows(catalog, name, asked.day)]


def catalog_facts(name: str, asked: Asked = SHIPPED) -> tuple[view.Row, ...]:
    """The facts of one catalog entry."""
    return view.show(asked.catalog(), name, asked.day)


def catalog_problems(asked: Asked = SHIPPED) -> tuple[catalog_checking.Issue, ...]:
    """What an editor of the catalog should look at."""
    return catalog_checking.check(asked.catalog(), asked.day)


def list_document(rows: Sequence[view.Row]) -> Document:
    """Entries of the catalog, for people."""
    return catalog_report.list_document(rows)


def check_document(problems: Sequence[catalog_checking.Issue], *, everything: bool) -> Document:
    """What an editor should look at, for people."""
    remarks = (catalog_report.Remark(check=one.check, entry=one.offer, message=one.message) for one in problems)
    return catalog_report.check_document(remarks, everything=everything)


def catalog_changes(before: str, after: str) -> tuple[view.Row, ...]:
    """What changed between two dates of the shipped catalog, or between it and fact files laid over it.

    Each side is an ISO date, the path of a fact file or folder, or `shipped`.
    """
    if is_date(before) and is_date(after):
        return view.change_rows(diff_dates(load_catalog(), before, after))
    if is_date(before) or is_date(after):
        message = f"{before} and {after} cannot be compared: one is a date, the other a file"
        raise UsageError(message, "give two dates, or two of `shipped` and fact files")
    sides = [load_catalog([] if side == "shipped" else [Path(side)]) for side in (before, after)]
    return view.change_rows(diff(sides[0], sides[1]))


def model_entry(file: Path, model_id: str, quantization: Path | None = None) -> tuple[Model, str]:
    """What a published config.json says of a model, and that as a fact file that `--facts` takes.

    Raises:
        FactError: the file is no config.json, its architecture is not known, or a size is missing.
    """
    beside = quantization.read_text() if quantization else ""
    model = model_from_config(file.read_text(), model_id, shown=str(file), quantization=beside)
    origin = {"source": f"config.json of {model_id}", "as_of": today()}
    counted = msgspec.convert(msgspec.structs.asdict(model), Sheet, strict=False)
    return model, model_file(model_id, counted, {"name": model_id}, origin, lambda _: "")


def import_prices(source: str, folder: Path, *, retrieved: str | None, providers: Sequence[str]) -> Summary:
    """Append what a price list says anew to the offer files of a folder; what is there stays as it is."""
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is no folder"
        raise ConfigError(message, "name a folder for the YAML files with --into")
    texts = {path.name: path.read_text() for path in sorted(folder.glob("*.yaml"))}
    found = refresh_prices(source, retrieved or today(), texts, providers=providers, read=today())
    for name, text in found.texts.items():
        if texts.get(name) != text:
            files.write_atomically(folder / name, text.encode())
    return found.summary
