"""Prices of `genai-prices` (pydantic, MIT) as listings: per model, what it costs from which date.

The semantics are those of its `calc_price`: the last rule whose condition holds wins and the first holds where none
does; a tier is chosen by all input tokens of a request and prices the whole of it; a batch overrides single prices.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer, PriceTier

PROVIDERS = {
    "anthropic": "anthropic",
    "cerebras": "cerebras",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "google": "google",
    "groq": "groq",
    "huggingface_nebius": "nebius",
    "mistral": "mistral",
    "novita": "novita",
    "openai": "openai",
    "together": "together",
    "x-ai": "xai",
}
"""Its id of a provider -> ours. Others keep theirs."""

PARTS = {"input_mtok": "input", "cache_read_mtok": "cached_input", "cache_write_mtok": "cache_write"}
PARTS |= {"output_mtok": "output"}
BESIDE = frozenset({"cache_write_1h_mtok", "cache_write_5m_mtok", "input_audio_mtok", "cache_audio_read_mtok"})
BESIDE |= {f"{tool}_kcount" for tool in ("web_searches", "storage_searches", "social_searches", "code_executions")}
"""Prices of other things than text that a text model may have beside its own; they are not taken over."""
REQUEST = "requests_kcount"
_WINDOW = ("start_time", "end_time")
BATCH = {"processing": "batch"}

Prices = Mapping[str, object]
"""Price key -> USD, or `{base, tiers: [{start, price}]}`."""


class Listing(Noun, frozen=True, kw_only=True):
    """What a provider asks for a model: offers without ids, by the day they begin ("" where it is not stated)."""

    provider: str
    model: str
    url: str
    deprecated: bool
    steps: tuple[tuple[str, Offer], ...]


class Left(Noun, frozen=True, kw_only=True):
    """A model that was read and not taken over, with the reason."""

    provider: str
    model: str
    reason: str


def listings(data: Sequence[Mapping[str, object]], providers: Sequence[str] = ()) -> Iterator[Listing | Left]:
    """Every model of the chosen providers (their ids or ours; none: those of `PROVIDERS`) that is priced by tokens.

    Args:
        data: what `data_slim.json` holds: providers with `id`, `pricing_urls` and `models`, each with `id` and
            `prices`, which is one mapping of prices or a list of `{constraint, prices}`; `price_variants` may follow.
        providers: whom to read.
    """
    wanted = set(providers or PROVIDERS)
    for provider in data:
        name = str(provider["id"])
        if not wanted & {name, PROVIDERS.get(name, name)}:
            continue
        for model in _rows(provider, "models"):
            yield _listing(PROVIDERS.get(name, name), _first(provider.get("pricing_urls")), model)


def _listing(provider: str, url: str, model: Mapping[str, object]) -> Listing | Left:
    name, rules = str(model["id"]), _rules(model)
    reason = _refusal([*(_prices(rule) for rule in rules)])
    if reason:
        return Left(provider=provider, model=name, reason=reason)
    dates = sorted({_start(rule) for rule in (*rules, *_batches(model))} | {""})
    steps = tuple((day, _offer(provider, name, url, day, model, last=day == dates[-1])) for day in dates)
    return Listing(provider=provider, model=name, url=url, deprecated=bool(model.get("deprecated")), steps=steps)


def _refusal(prices: Sequence[Prices]) -> str:
    """Why a model is none that text tokens price; empty for one that is."""
    keys = {key for row in prices for key in row}
    if not keys & {*PARTS, REQUEST}:
        return "not priced by tokens"
    other = sorted(keys - BESIDE - set(PARTS) - {REQUEST})
    if other:
        return f"not text alone: priced by {', '.join(other)}"
    values = [value for row in prices for key in row if key not in BESIDE for value in _values(row[key])]
    return "a price of 0 is no sourced price" if min(values) <= 0 else ""


def _offer(provider: str, name: str, url: str, day: str, model: Mapping[str, object], *, last: bool) -> Offer:
    rules = _rules(model)
    dated = [rule for rule in rules if not _window(rule) and _start(rule) <= day] or rules[:1]
    prices, note = _of_the_day(dated[-1], [rule for rule in rules if _window(rule)] if last else [])
    batch: dict[str, object] = {}
    for variant in _batches(model):
        if _start(variant) <= day:
            batch = {**_prices(variant), **batch}
    known = {f"{part}_usd_per_mtok": prices[key] for key, part in PARTS.items() if key in prices}
    known |= {f"batch_{part}_usd_per_mtok": batch[key] for key, part in PARTS.items() if key in batch}
    request = prices.get(REQUEST)
    values: dict[str, object] = {field: _values(price)[0] for field, price in known.items()}
    values |= {"request_usd": None if request is None else _values(request)[0] / 1000, "tiers": _tiers(known)}
    about = {"id": "", "provider": provider, "kind": "api", "valid_from": day, "source": "", "model": name}
    return msgspec.convert({**values, **about, "url": url, "note": note}, Offer)


def _tiers(prices: Prices) -> tuple[PriceTier, ...]:
    """All lengths at which any price changes; each states every price that is tiered at all."""
    tiered = {field: price for field, price in prices.items() if isinstance(price, Mapping)}
    starts = sorted({int(tier["start"]) for price in tiered.values() for tier in price["tiers"]})
    return tuple(
        msgspec.convert(
            {"above_input_tokens": start, **{field: _at(price, start) for field, price in tiered.items()}}, PriceTier
        )
        for start in starts
    )


def _at(price: Mapping[str, object], start: int) -> float:
    below = [tier for tier in _rows(price, "tiers") if int(str(tier["start"])) <= start]
    chosen = max(below, key=lambda tier: int(str(tier["start"])), default=None)
    return _float(price["base"] if chosen is None else chosen["price"])


def _of_the_day(flat: Mapping[str, object], windows: Sequence[Mapping[str, object]]) -> tuple[Prices, str]:
    """The prices of most hours of the day, and a note of those of the others.

    The windows are those of today's prices: its rules have no date beside them.
    """
    if not windows:
        return _prices(flat), ""
    hours = sum(_hours(window) for window in windows)
    inside, outside = _prices(windows[-1]), _prices(flat)
    usual, rest = (inside, outside) if hours > 12 else (outside, inside)  # noqa: PLR2004 - half a day
    times = ", ".join("-".join(str(_constraint(one)[key])[:5] for key in _WINDOW) for one in windows)
    shown = ", ".join(f"{PARTS[key]} {_values(rest[key])[0]:g}" for key in PARTS if key in rest)
    return usual, f"{'outside' if hours > 12 else 'within'} {times} UTC: {shown}"  # noqa: PLR2004 - half a day


def _hours(window: Mapping[str, object]) -> float:
    start, end = (dt.time.fromisoformat(str(_constraint(window)[key])) for key in _WINDOW)
    return ((end.hour - start.hour) * 60 + end.minute - start.minute) % 1440 / 60


def _rules(model: Mapping[str, object]) -> list[Mapping[str, object]]:
    prices = model.get("prices")
    return list(prices) if isinstance(prices, list) else [{"prices": prices or {}}]


def _batches(model: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [variant for variant in _rows(model, "price_variants") if variant["when"] == BATCH]


def _constraint(rule: Mapping[str, object]) -> Mapping[str, object]:
    found = rule.get("constraint")
    return found if isinstance(found, Mapping) else {}


def _start(rule: Mapping[str, object]) -> str:
    return str(_constraint(rule).get("start_date", ""))


def _window(rule: Mapping[str, object]) -> bool:
    return "start_time" in _constraint(rule)


def _prices(rule: Mapping[str, object]) -> Prices:
    found = rule.get("prices")
    return {key: value for key, value in found.items() if value is not None} if isinstance(found, Mapping) else {}


def _values(price: object) -> list[float]:
    """The base price, then those of its tiers."""
    if isinstance(price, Mapping):
        return [_float(price["base"]), *(_float(tier["price"]) for tier in _rows(price, "tiers"))]
    return [_float(price)]


def _float(value: object) -> float:
    return float(str(value))


def _rows(parent: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    found = parent.get(key)
    return list(found) if isinstance(found, list | tuple) else []


def _first(texts: object) -> str:
    return str(texts[0]) if isinstance(texts, list) and texts else ""
