"""What `--json` prints of a study: a stable contract with unrounded numbers, null for what is not known."""

from __future__ import annotations

from breakeven.report.plain import Json, JsonObject, noun_json
from breakeven.schema.tco import Pair, Result, Tco, TcoOption, Variant

SCHEMA = 1
"""Raised when a key changes its name or its meaning; a new key is no change."""


def tco_json(tco: Tco) -> JsonObject:
    """A study: `best`, `base` and `variants[]` with options, pairs and results, levels, truths, outlook and facts.

    Amounts are in `currency`. Results and figures are objects by name, each with value, unit, basis, how and facts;
    a value of null says why in `note`.
    """
    return {
        "schema": SCHEMA,
        "id": tco.id,
        "title": tco.title,
        "as_of": tco.as_of,
        "currency": tco.currency,
        "horizon_months": max((len(option.cash) - 1 for option in tco.base.options), default=0),
        "conventions": dict(tco.conventions),
        "best": _best(tco.base),
        "base": variant_json(tco.base),
        "variants": [variant_json(variant) for variant in tco.variants],
        "levels": [noun_json(level) for level in tco.levels],
        "truths": [noun_json(truth) for truth in tco.truths],
        "outlook": None if tco.outlook is None else noun_json(tco.outlook),
        "turns": [noun_json(turn) for turn in tco.turns],
        "facts": [noun_json(fact) for fact in tco.facts],
        "warnings": list(tco.warnings),
        "source": tco.source or None,
        "digest": tco.digest or None,
    }


def _best(variant: Variant) -> str | None:
    """The option of the lowest present cost; null where none can be chosen."""
    priced = ((option.present or 0.0, option.name) for option in variant.options if option.ranked)
    return min(priced, default=(0.0, None))[1]


def variant_json(variant: Variant) -> JsonObject:
    """One variant; what it changes by name."""
    return {
        "name": variant.name,
        "changed": dict(variant.changed),
        "best": _best(variant),
        "options": [option_json(option) for option in variant.options],
        "pairs": [pair_json(pair) for pair in variant.pairs],
        "results": results_json(variant.results),
    }


def option_json(option: TcoOption) -> JsonObject:
    """One option: cash by month 0..horizon, and its lines; totals are null while something is unpriced."""
    return {**noun_json(option), "figures": results_json(option.figures)}


def pair_json(pair: Pair) -> JsonObject:
    """How an owner breaks even; `saved` is by month 0..horizon."""
    return {**noun_json(pair), "figures": results_json(pair.figures)}


def results_json(results: tuple[Result, ...]) -> dict[str, Json]:
    """Figures by name."""
    return {one.name: noun_json(one.figure) for one in results}
