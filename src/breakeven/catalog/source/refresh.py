"""Price lists of others into the YAML files of offers: lines are appended to texts, and what is there stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from breakeven.catalog.fields import PRICES
from breakeven.catalog.node import Node, is_date
from breakeven.catalog.parse import parse, read_yaml, sources_of
from breakeven.catalog.snapshot import Source
from breakeven.catalog.source import genai_read
from breakeven.catalog.source.append import Imported, Summary, append, fill
from breakeven.catalog.source.genai import listings
from breakeven.errors import FactError
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

SOURCES_FILE = "api-sources.yaml"
ADDRESS = "https://github.com/pydantic/genai-prices"
_LISTS = re.compile(r"genai-prices-(\d{4}-\d\d-\d\d)")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*[A-Za-z0-9]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class Refreshed(Noun, frozen=True, kw_only=True):
    """The texts as they should be written, by file name, and what happened; texts that did not change are as given."""

    texts: dict[str, str]
    summary: Summary


def refresh_prices(
    source: str, retrieved: str, texts: Mapping[str, str], *, providers: Sequence[str] = (), read: str = ""
) -> Refreshed:
    """Read a price list and append what it says anew to the YAML texts of offers.

    A list older than one taken over already fills only what has no price on its day: entries name no list's date, so
    that it would overrule what the younger one says of the same days.

    Args:
        source: `genai-prices` for the installed package, or the path of a `data_slim.json`.
        retrieved: the ISO date the list is of; prices it does not date begin that day.
        read: the ISO date it is read on, kept with the source; the list's own where it is left out.
        texts: file name -> YAML of every file of offers there is; entries with `basis: override` win over the list.
        providers: whom to read, by the list's ids or ours; none reads those of `genai.PROVIDERS`.

    Raises:
        FactError: the source cannot be read, a date is none, or a text does not load.
    """
    for date in (retrieved, read or retrieved):
        _check_date(date)
    youngest = max(_LISTS.findall("\n".join(texts.values())), default="")
    found = listings(genai_read.read(source), providers)
    take = append if retrieved >= youngest else fill
    imported = take(tuple(found), offers_of(texts), retrieved=retrieved, source=source_id(retrieved))
    cited = Source(source=genai_read.version(source), as_of=retrieved, retrieved=read or retrieved)
    return appended(imported, texts, cited)


def import_offers(
    data: genai_read.Data, existing: Sequence[Offer], *, retrieved: str, providers: Sequence[str] = ()
) -> Imported:
    """The entries that a parsed price list adds to the existing ones (see `append`); nothing is read or written."""
    return append(tuple(listings(data, providers)), existing, retrieved=retrieved, source=source_id(retrieved))


def source_id(retrieved: str) -> str:
    """The id under which a list of a day is cited."""
    return f"genai-prices-{retrieved}"


def offers_of(texts: Mapping[str, str]) -> tuple[Offer, ...]:
    """Every offer the texts hold.

    Raises:
        FactError: a text does not load.
    """
    documents = [read_yaml(text, name) for name, text in texts.items()]
    sources: dict[str, Mapping[str, object]] = {}
    for document in documents:
        sources |= {name: {"source": name} for name in _cited(document) if name not in sources}
    for document in documents:
        sources |= sources_of(document)
    return tuple(offer for document in documents for offer in parse(document, sources).offers)


def _cited(document: Node) -> Iterator[str]:
    """What its offers name as their source: an id that a file of another folder defines stands for itself here."""
    rows = document.data.get("offers")
    listed = rows if isinstance(rows, list) else []
    yield from (str(row["source"]) for row in listed if isinstance(row, Mapping) and "source" in row)


def appended(imported: Imported, texts: Mapping[str, str], cited: Source) -> Refreshed:
    """The texts with the imported entries at the end of the file of their provider, and their source in one table."""
    after = dict(texts)
    for offer in imported.offers:
        name = f"api-{offer.provider}.yaml"
        before = after.get(name) or f"# List prices of {offer.provider}, in USD per million tokens.\noffers:\n"
        after[name] = f"{before.rstrip()}\n  - {{{_line(offer)}}}\n"
    table = after.get(SOURCES_FILE) or "# Price lists that entries of api-*.yaml cite.\nsources:\n"
    name = source_id(cited.as_of)
    if imported.offers and f"  {name}:" not in "\n".join(after.values()):
        dates = f"as_of: {cited.as_of}, retrieved: {cited.retrieved}, confidence: medium"
        about = f'source: "{cited.source}", {dates}, url: "{ADDRESS}", licence: MIT'
        after[SOURCES_FILE] = f"{table.rstrip()}\n  {name}: {{{about}}}\n"
    return Refreshed(texts=after, summary=imported.summary)


def _check_date(date: str) -> None:
    if not is_date(date):
        message = f"retrieved: {date!r} is not a date"
        raise FactError(message, "say which day the price list is of, such as 2026-11-24")


def _line(offer: Offer) -> str:
    about = ("id", "provider", "kind", "source", "url", "model", "valid_from")
    stated = {name: _text(getattr(offer, name)) for name in about if getattr(offer, name)}
    stated |= {name: _number(getattr(offer, name)) for name in PRICES["api"] if getattr(offer, name) is not None}
    if offer.tiers:
        rows = [{name: getattr(tier, name) for name in tier.__struct_fields__} for tier in offer.tiers]
        stated["tiers"] = f"[{', '.join(_tier(row) for row in rows)}]"
    if offer.note:
        stated["note"] = json.dumps(offer.note, ensure_ascii=False)
    return ", ".join(f"{name}: {value}" for name, value in stated.items())


def _tier(row: Mapping[str, float | None]) -> str:
    return f"{{{', '.join(f'{name}: {_number(value)}' for name, value in row.items() if value is not None)}}}"


def _text(value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain or is_date(value) else json.dumps(value)


def _number(value: float) -> str:
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
