"""Write the files of second opinions from the published files they are taken of.

Usage: python scripts/second_opinion.py carbon electricity_mixes.json      (of the ecologits 0.11.3 wheel, MPL-2.0)
       python scripts/second_opinion.py api model_prices.json              (of the litellm 1.109.1 wheel, MIT)

Only prices of models that the catalog sells under the same name are taken; names that differ are in ALIASES.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from breakeven.catalog.load import SECOND, shipped
from breakeven.schema.offer import Offer

LITELLM, ECOLOGITS = "litellm-1.109.1", "ecologits-0.11.3"
PREFIXES = {
    "openai": ("openai", ""), "anthropic": ("anthropic", ""), "google": ("gemini", "gemini/"),
    "mistral": ("mistral", "mistral/"), "deepseek": ("deepseek", "deepseek/"), "xai": ("xai", "xai/"),
    "cerebras": ("cerebras", "cerebras/"), "groq": ("groq", "groq/"), "fireworks": ("fireworks_ai", "fireworks_ai/"),
    "nebius": ("nebius", "nebius/"), "novita": ("novita", "novita/"), "together": ("together_ai", "together_ai/"),
}  # fmt: skip
ALIASES = {
    "api-groq-gpt-oss-120b": "groq/openai/gpt-oss-120b",
    "api-groq-gpt-oss-20b": "groq/openai/gpt-oss-20b",
    "api-fireworks-deepseek-r1": "fireworks_ai/accounts/fireworks/models/deepseek-r1",
    "api-fireworks-deepseek-v3": "fireworks_ai/accounts/fireworks/models/deepseek-v3",
    "api-fireworks-llama-3.1-8b": "fireworks_ai/accounts/fireworks/models/llama-v3p1-8b-instruct",
    "api-fireworks-qwen3-235b-a22b": "fireworks_ai/accounts/fireworks/models/qwen3-235b-a22b",
    "api-nebius-deepseek-r1": "nebius/deepseek-ai/DeepSeek-R1",
    "api-nebius-deepseek-v3": "nebius/deepseek-ai/DeepSeek-V3",
    "api-nebius-gpt-oss-120b": "nebius/openai/gpt-oss-120b",
    "api-nebius-llama-3.1-8b": "nebius/meta-llama/Meta-Llama-3.1-8B-Instruct",
    "api-nebius-llama-3.3-70b": "nebius/meta-llama/Llama-3.3-70B-Instruct",
    "api-nebius-qwen3-235b-a22b": "nebius/Qwen/Qwen3-235B-A22B",
    "api-nebius-qwen3-30b-a3b": "nebius/Qwen/Qwen3-30B-A3B",
    "api-nebius-qwen3-32b": "nebius/Qwen/Qwen3-32B",
    "api-novita-llama-3.1-8b": "novita/meta-llama/llama-3.1-8b-instruct",
    "api-novita-llama-3.3-70b": "novita/meta-llama/llama-3.3-70b-instruct",
    "api-together-llama-3.1-405b": "together_ai/meta-llama/Llama-3.1-405B-Instruct",
    "api-together-llama-3.3-70b": "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "api-together-mixtral-8x7b": "together_ai/mistralai/Mixtral-8x7B-Instruct-v0.1",
}
PRICES = {
    "input_usd_per_mtok": "input_cost_per_token",
    "cached_input_usd_per_mtok": "cache_read_input_token_cost",
    "cache_write_usd_per_mtok": "cache_creation_input_token_cost",
    "output_usd_per_mtok": "output_cost_per_token",
    "batch_input_usd_per_mtok": "input_cost_per_token_batches",
    "batch_output_usd_per_mtok": "output_cost_per_token_batches",
}
HEADS = {
    "carbon": (
        "# Carbon intensity of electricity mixes, from EcoLogits 0.11.3 (ecologits/data/electricity_mixes.json).\n"
        "# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL\n"
        "# was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.\n"
        "# Changed: only zone and gwp are kept; gwp is converted from kgCO2eq/kWh to gCO2e/kWh; 0 is left out.\n"
    ),
    "api": (
        "# What litellm 1.109.1 says of prices that the catalog states, in USD per million tokens (MIT, Copyright (c)\n"
        "# 2023 Berri AI). Not used in any sum: `breakeven catalog check` compares. Which is right was not checked.\n"
    ),
}


def carbon(published: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    """One fact a zone whose mix emits anything."""
    for zone in published["electricity_mixes"]:
        grams = round(float(str(zone["gwp"])) * 1000, 6)
        if grams > 0:
            about = "unit: gCO2e/kWh, basis: statistic"
            yield f"carbon/{zone['name']}/gco2_per_kwh@{ECOLOGITS}: {{value: {grams:g}, {about}}}"


def api(published: dict[str, dict[str, object]]) -> Iterator[str]:
    """One fact a price that both state."""
    latest: dict[str, Offer] = {offer.id: offer for offer in shipped().offers if offer.kind == "api"}
    for offer in latest.values():
        provider, prefix = PREFIXES.get(offer.provider, ("", ""))
        name = ALIASES.get(offer.id, f"{prefix}{offer.model}")
        entry = published.get(name, {})
        if entry.get("litellm_provider") != provider:
            continue
        for field, theirs in PRICES.items():
            price = float(str(entry.get(theirs) or 0)) * 1e6
            if price > 0 and getattr(offer, field) is not None:
                about = f"unit: USD/Mtok, basis: list, note: entry {name}"
                yield f"offer/{offer.id}/{field}@{LITELLM}: {{value: {round(price, 6):g}, {about}}}"


def main(arguments: list[str]) -> int:
    """Write the file of one subject; 0 when written, 2 for a subject that is not known."""
    if len(arguments) != 2 or arguments[0] not in HEADS:
        print(__doc__, file=sys.stderr)
        return 2
    published = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    subject = arguments[0]
    path = SECOND / {"carbon": "carbon-ecologits.yaml", "api": "api-litellm.yaml"}[subject]
    source = {"carbon": ECOLOGITS, "api": LITELLM}[subject]
    lines = sorted(carbon(published) if subject == "carbon" else api(published))
    facts = "".join(f"  {line}\n" for line in lines)
    path.write_text(f"{HEADS[subject]}source: {source}\nfacts:\n{facts}", encoding="utf-8")
    print(f"{path.name}: {facts.count(chr(10))} facts; now run scripts/build_catalog.py")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
