"""The data of `genai-prices` as plain mappings: from the installed package (extra `prices`), or its slim JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from breakeven.errors import FactError

Data = Sequence[Mapping[str, object]]
PACKAGE = "genai-prices"


def read(source: str) -> Data:
    """The data that `source` names: `genai-prices` for the installed package, else the path of a JSON file.

    Raises:
        FactError: the package is not installed, or the file cannot be read or is no list of providers.
    """
    return read_package() if source == PACKAGE else read_file(Path(source))


def read_file(path: Path) -> Data:
    """A file of the form of `data_slim.json`.

    Raises:
        FactError: it cannot be read, or is no list of providers with models.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[dict[str, object]])
    except (OSError, msgspec.DecodeError) as error:
        message = f"prices {path}: cannot be read: {error}"
        raise FactError(message, "give a data_slim.json of pydantic/genai-prices, or say genai-prices") from error
    if not found or not all(provider.keys() >= {"id", "models"} for provider in found):
        message = f"prices {path}: no list of providers with id and models"
        raise FactError(message, "give a data_slim.json of pydantic/genai-prices")
    return found


def read_package() -> Data:
    """What the installed package carries; nothing is fetched.

    Raises:
        FactError: it is not installed.
    """
    try:
        from genai_prices.data import providers  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        message = "the package genai-prices is not installed"
        raise FactError(message, "pip install 'breakeven[prices]', or give the path of a data_slim.json") from error
    return [_provider(provider) for provider in providers]


def version(source: str) -> str:
    """What to cite: the package with its version, or the name of the file.

    Raises:
        FactError: the package is not installed.
    """
    if source != PACKAGE:
        return f"pydantic/genai-prices, {Path(source).name}"
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415 - only where a package is cited
    from importlib.metadata import version as installed  # noqa: PLC0415

    try:
        return f"pydantic/genai-prices {installed(PACKAGE)}"
    except PackageNotFoundError as error:
        message = "the package genai-prices is not installed"
        raise FactError(message, "pip install 'breakeven[prices]'") from error


def _provider(provider: object) -> Mapping[str, object]:
    models = [_model(model) for model in getattr(provider, "models", ())]
    return {"id": _of(provider, "id"), "pricing_urls": _of(provider, "pricing_urls"), "models": models}


def _model(model: object) -> Mapping[str, object]:
    prices = _of(model, "prices")
    rules = [_rule(row) for row in prices] if isinstance(prices, list) else _prices(prices)
    variants = [{**_rule(row), "when": _of(row, "when")} for row in getattr(model, "price_variants", None) or ()]
    return {"id": _of(model, "id"), "deprecated": _of(model, "deprecated"), "prices": rules, "price_variants": variants}


def _rule(row: object) -> Mapping[str, object]:
    return {"constraint": _constraint(_of(row, "constraint")), "prices": _prices(_of(row, "prices"))}


def _constraint(found: object) -> Mapping[str, str]:
    return {} if found is None else {name: value.isoformat() for name, value in vars(found).items()}


def _prices(found: object) -> Mapping[str, object]:
    return {key: _price(value) for key, value in vars(found).items() if value is not None}


def _price(value: object) -> object:
    tiers = getattr(value, "tiers", None)
    if tiers is None:
        return float(str(value))
    steps = [{"start": tier.start, "price": float(tier.price)} for tier in tiers]
    return {"base": float(str(_of(value, "base"))), "tiers": steps}


def _of(thing: object, name: str) -> object:
    return getattr(thing, name, None)
