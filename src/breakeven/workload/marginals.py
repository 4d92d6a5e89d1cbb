"""A mix of lengths from ServeGen's token tables, which hold quantiles per client and six hours."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from breakeven.errors import LedgerError
from breakeven.schema.demand import Mix
from breakeven.workload.arrivals import Vector
from breakeven.workload.mix import lengths, spearman
from breakeven.workload.request import number
from breakeven.workload.tables import Key

LEVELS = {"p01": 0.01, "p05": 0.05, "p10": 0.10, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95,
          "p99": 0.99, "max": 1.0}  # fmt: skip
PAIRS = 512
PROMPT = ("input_tokens", "text_tokens")
IMAGES = ("image_tokens", "image_count")
BLOCK_S = 21_600.0
Laws = dict[Key, dict[str, Vector]]


def laws(text: str, name: str) -> Laws:
    """(client, six hours) to the quantiles of each field.

    Raises:
        LedgerError: a value is no number; named.
    """
    found: Laws = defaultdict(dict)
    rows = csv.DictReader(text.lstrip("\ufeff \n").splitlines())
    for row in rows:
        where = f"{name}:{rows.line_num}"
        at_s = number(row.get("t_s"), float, f"{where}: t_s")
        drawn = [number(row.get(level), float, f"{where}: {level}") for level in LEVELS]
        found[str(row["client"]), at_s][str(row["field"])] = np.array(drawn)
    return dict(found)


def mix_of(found: Laws, rates: Mapping[Key, tuple[float, float]], name: str) -> tuple[Mix, float]:
    """A mix weighted by requests, and the share of requests whose client has lengths at all.

    Within a client input and output are drawn apart, since their joint law is not published: what hangs together
    between clients is kept, what does within one is not known.

    Raises:
        LedgerError: no client of the windows has lengths.
    """
    weights: defaultdict[Key, float] = defaultdict(float)
    total = 0.0
    for (client, at_s), (rate, _) in rates.items():
        total += rate
        weights[client, at_s // BLOCK_S * BLOCK_S] += rate
    covered = {key: weight for key, weight in weights.items() if key in found and _prompt(found[key]) is not None}
    if not covered:
        message = f"{name}: none of its clients and times is in the windows"
        raise LedgerError(message, "give the tokens that belong to the windows")
    prompt, output = _drawn(found, covered)
    made = Mix(
        input=lengths(prompt), output=lengths(output), correlation=spearman(prompt, output),
        pairs=tuple((float(first), float(second), 0.0) for first, second in zip(prompt, output, strict=True)),
    )  # fmt: skip
    return made, sum(covered.values()) / total


def _drawn(found: Laws, weights: Mapping[Key, float]) -> tuple[Vector, Vector]:
    """Evenly spread ranks: over clients by weight, over a client's laws by two sequences that fill the square."""
    keys = sorted(weights)
    ends = np.cumsum([weights[key] for key in keys])
    places = np.searchsorted(ends / ends[-1], (np.arange(PAIRS) + 0.5) / PAIRS)
    first, second = ((0.5 + np.arange(PAIRS) * step) % 1 for step in (0.7548776662466927, 0.5698402909980532))
    prompt, output = np.empty(PAIRS), np.empty(PAIRS)
    for k, place in enumerate(places):
        law = found[keys[place]]
        given = _prompt(law)
        assert given is not None  # noqa: S101 - `mix_of` kept only these
        prompt[k] = _at(given, first[k])
        output[k] = _at(law["output_tokens"], second[k])
    return np.maximum(np.round(prompt), 1), np.maximum(np.round(output), 1)


def _prompt(law: dict[str, Vector]) -> Vector | None:
    """Quantiles of the prompt; images add the median of theirs."""
    texts = next((law[field] for field in PROMPT if field in law), None)
    if texts is None or "output_tokens" not in law:
        return None
    middle = list(LEVELS).index("p50")
    per_image, images = (law[field][middle] if field in law else 0.0 for field in IMAGES)
    return np.asarray(texts + per_image * images)


def _at(quantiles: Vector, share: float) -> float:
    return float(np.interp(share, [0.0, *LEVELS.values()], np.concatenate([quantiles[:1], quantiles])))
