"""Price lists of others into the YAML files of offers: lines are appended to texts, and what is there stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from breakeven.catalog.fields import PRICES
from breakeven.catalog.node import Node, is_date
from breakeven.catalog.parse import parse, read_yaml, sources_of
from breakeven.catalog.source import genai_read
from breakeven.catalog.source.append import Imported, Summary, append
from breakeven.catalog.source.genai import listings
from breakeven.errors import FactError
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

SOURCES_FILE = "api-sources.yaml"
_LISTS = re.compile(r"genai-prices-(\d{4}-\d\d-\d\d)")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*[A-Za-z0-9]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class Refreshed(Noun, frozen=True, kw_only=True):
    """The texts as they should be written, by file name, and what happened; texts that did not change are as given."""

    texts: dict[str, str]
    summary: Summary


def refresh_prices(
    source: str, retrieved: str, texts: Mapping[str, str], *, providers: Sequence[str] = ()
) -> Refreshed:
    """Read a price list and append what it says anew to the YAML texts of offers.

    Args:
        source: `genai-prices` for the installed package, or the path of a `data_slim.json`.
        retrieved: the ISO date the list is of; prices it does not date begin that day.
        texts: file name -> YAML of every file of offers there is; entries with `basis: override` win over the list.
        providers: whom to read, by the list's ids or ours; none reads those of `genai.PROVIDERS`.

    Raises:
        FactError: the source cannot be read, the date is none or lies before that of a list already taken over, or a
            text does not load.
    """
    _check_date(retrieved, texts)
    return appended(
        import_offers(genai_read.read(source), offers_of(texts), retrieved=retrieved, providers=providers),
        texts,
        retrieved=retrieved,
        cited=genai_read.version(source),
    )


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


def appended(imported: Imported, texts: Mapping[str, str], *, retrieved: str, cited: str) -> Refreshed:
    """The texts with the imported entries at the end of the file of their provider, and their source in one table."""
    after = dict(texts)
    for offer in imported.offers:
        name = f"api-{offer.provider}.yaml"
        before = after.get(name) or f"# List prices of {offer.provider}, in USD per million tokens.\noffers:\n"
        after[name] = f"{before.rstrip()}\n  - {{{_line(offer)}}}\n"
    table = after.get(SOURCES_FILE) or "# Price lists that entries of api-*.yaml cite.\nsources:\n"
    if imported.offers and f"  {source_id(retrieved)}:" not in "\n".join(after.values()):
        address = "https://github.com/pydantic/genai-prices"
        fields = f'source: "{cited}", as_of: {retrieved}, url: "{address}", licence: MIT'
        after[SOURCES_FILE] = f"{table.rstrip()}\n  {source_id(retrieved)}: {{{fields}}}\n"
    return Refreshed(texts=after, summary=imported.summary)


def _check_date(retrieved: str, texts: Mapping[str, str]) -> None:
    """An older list would overrule what a younger one says of the same days, as entries name no list's date."""
    if not is_date(retrieved):
        message = f"retrieved: {retrieved!r} is not a date"
        raise FactError(message, "say which day the price list is of, such as 2026-11-24")
    youngest = max(_LISTS.findall("\n".join(texts.values())), default="")
    if retrieved < youngest:
        message = f"a price list of {retrieved} is older than the one of {youngest} that the offers rest on"
        raise FactError(message, "import a younger list; add a past price as a dated entry of its own")


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
