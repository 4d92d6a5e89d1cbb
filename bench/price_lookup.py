"""CPU of pricing one request: a compiled price against genai-prices' own calculation, on the same machine and run.

Usage: python bench/price_lookup.py [--seconds 1.0]   (needs the extra `prices`)

Prints JSON: microseconds of CPU a charge, look-up of the deployment's price by name included, for a flat and a tiered
price; the same request by `genai_prices.calc_price`; and the ratio. The least of five rounds each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from genai_prices import Usage, calc_price

from breakeven.catalog.load import load
from breakeven.cost.price import charge_pico_usd, token_price
from breakeven.schema.record import Tokens

ON = "2026-11-24"
MODELS = {"flat": "gpt-4o-mini", "tiered": "gpt-5.6-luna"}
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds a figure, all rounds together")
    seconds = parser.parse_args().seconds
    catalog = load()
    prices = {model: token_price(catalog.offer(f"api-openai-{model}", ON)) for model in MODELS.values()}
    tokens = Tokens(input=300_000, cached_input=100_000, output=800)
    usage = Usage(input_tokens=300_000, cache_read_tokens=100_000, output_tokens=800)
    found: dict[str, float] = {}
    for kind, model in MODELS.items():
        own = _us(lambda model=model: charge_pico_usd(prices[model], tokens), seconds)
        theirs = _us(lambda model=model: calc_price(usage, model, provider_id="openai"), seconds)
        found |= {f"compiled_{kind}_us": own, f"genai_prices_{kind}_us": theirs, f"ratio_{kind}": theirs / own}
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def _us(call: Callable[[], object], seconds: float) -> float:
    """Microseconds of CPU a call: the least mean of several rounds."""
    call()
    return min(_round(call, seconds / ROUNDS) for _ in range(ROUNDS))


def _round(call: Callable[[], object], seconds: float) -> float:
    calls, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds or not calls:
        for _ in range(100):
            call()
        calls += 100
    return spent / calls * 1e6


if __name__ == "__main__":
    main()
