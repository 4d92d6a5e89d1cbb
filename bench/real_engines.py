"""Two real engines with the same weights: measured, fitted, a concurrency held back, and where they cross over.

    python bench/real_engines.py llama.cpp:q4_1=http://127.0.0.1:8081 vllm:bf16=http://127.0.0.1:8082
    python bench/real_engines.py --from examples/measure/smollm2_two_engines.csv

Servers must run already, both on the same core and only one of them asked at a time; pin this script to another core
(`taskset -c 1`), for spinning threads of a server beside a busy client distort both. `--rounds 2` measures every point
twice, alternating between the engines, so that a machine that is slow for a while is slow for both.

The fit is the simplest that can be meant: seconds per token = base + per sequence x concurrency, and seconds per answer
likewise, least squares of relative errors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from breakeven.schema.measurement import Measurement, read_rows

CLOSED = (1, 2, 4, 6, 8, 16)
HELD_BACK = 8
Curve = Mapping[float, float]
"""Seconds by concurrency."""


def ask(server: str, clients: int, options: argparse.Namespace) -> None:
    """One point of one engine, appended to the rows."""
    who, _, url = server.partition("=")
    name, _, precision = who.partition(":")
    command = [
        sys.executable, "-m", "breakeven", "measure", url, "--closed", str(clients), "--isl", options.isl,
        "--osl", options.osl, "--seconds", str(options.seconds), "--extra", '{"temperature":0}', "--rows", options.rows,
        "--accelerator", options.accelerator, "--engine", name, "--model-id", options.model_id,
    ]  # fmt: skip
    command += ["--precision", precision] if precision else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def curves(rows: tuple[Measurement, ...]) -> dict[str, tuple[Curve, Curve]]:
    """By engine: seconds per output token, and seconds per answer, by concurrency; means over repeated rounds."""
    found: dict[tuple[str, float, str], list[float]] = defaultdict(list)
    for row in rows:
        found[str(row.engine), row.load or 0.0, str(row.metric)].append(row.value or 0.0)
        found[str(row.engine), row.load or 0.0, "osl"].append(row.osl or 0.0)
    means = {key: statistics.fmean(values) for key, values in found.items()}
    loads = {engine: sorted({load for name, load, _ in means if name == engine}) for engine, _, _ in means}
    return {
        engine: (
            {load: means[engine, load, "mean_tpot_ms"] / 1e3 for load in at},
            {load: load * means[engine, load, "osl"] / means[engine, load, "output_tok_s"] for load in at},
        )
        for engine, at in loads.items()
    }


def tok_s(rows: tuple[Measurement, ...], engine: str, at: float) -> float:
    """Mean output tokens a second over the rounds."""
    wanted = (engine, at, "output_tok_s")
    return statistics.fmean(row.value or 0.0 for row in rows if (row.engine, row.load, row.metric) == wanted)


def line(points: Curve) -> tuple[float, float]:
    """Base and slope of y = base + slope x, least squares of relative errors, slope not negative."""
    weight = {x: 1 / y**2 for x, y in points.items()}
    total = sum(weight.values())
    mean_x = sum(weight[x] * x for x in points) / total
    mean_y = sum(weight[x] * y for x, y in points.items()) / total
    spread = sum(weight[x] * (x - mean_x) ** 2 for x in points)
    slope = max(0.0, sum(weight[x] * (x - mean_x) * (y - mean_y) for x, y in points.items()) / spread)
    return mean_y - slope * mean_x, slope


def without(points: Curve, held_back: float) -> Curve:
    return {x: y for x, y in points.items() if x != held_back}


def held_back(points: Curve, at: float) -> dict[str, float]:
    """A fit to all other concurrencies, and what it says of this one."""
    base, slope = line(without(points, at))
    predicted = base + slope * at
    return {
        "base_s": base, "per_sequence_s": slope, "predicted_s": predicted, "measured_s": points[at],
        "error": predicted / points[at] - 1,
    }  # fmt: skip


def meeting(one: tuple[float, float], other: tuple[float, float]) -> float | None:
    """Where two lines cross, among positive concurrencies."""
    if one[1] == other[1]:
        return None
    at = (other[0] - one[0]) / (one[1] - other[1])
    return at if at > 0 else None


def crossing(one: Curve, other: Curve) -> float | None:
    """Where two measured curves cross, straight between neighbouring concurrencies."""
    shared = sorted(set(one) & set(other))
    for a, b in pairwise(shared):
        before, after = one[a] - other[a], one[b] - other[b]
        if before * after < 0:
            return a + (b - a) * before / (before - after)
    return None


def judged(rows: tuple[Measurement, ...], held: float) -> dict[str, object]:
    """Everything that the rows say."""
    found = curves(rows)
    engines: dict[str, object] = {
        engine: {
            "tpot": held_back(tpot, held),
            "answer": held_back(answer, held),
            "every_concurrency_held_back": {f"{at:g}": held_back(tpot, at)["error"] for at in tpot},
            "tok_s": {f"{at:g}": round(tok_s(rows, engine, at), 1) for at in tpot},
        }
        for engine, (tpot, answer) in found.items()
    }
    told: dict[str, object] = {"held_back": held, "engines": engines}
    if len(found) == 2:
        (_, one), (_, other) = found.values()
        told["crossover_measured"] = crossing(one, other)
        told["crossover_predicted"] = meeting(line(without(one, held)), line(without(other, held)))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="*", metavar="ENGINE[:PRECISION]=URL")
    parser.add_argument("--from", dest="source", type=Path, help="judge these rows instead of measuring")
    parser.add_argument("--rows", default="real_engines.csv")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--isl", default="64")
    parser.add_argument("--osl", default="64")
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--model-id", default="smollm2-135m-instruct")
    options = parser.parse_args()
    for _ in range(options.rounds if options.servers else 0):
        for clients in CLOSED:
            for server in options.servers:
                ask(server, clients, options)
    source = options.source or Path(options.rows)
    print(json.dumps(judged(read_rows(source.read_text(), str(source)), HELD_BACK), indent=2))


if __name__ == "__main__":
    main()
