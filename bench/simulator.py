"""Requests that the token-level simulator serves per CPU second, and what a request-level peer does.

    python bench/simulator.py [--repeats 5] [--peer .peer/bin/python] [--json]

Job: Llama 3.1 8B on an A100 (the step curve as computed from the catalog), the conversation trace of 19,366 requests
that ships with the demo, 3 requests/s a replica, 512 tokens a step, at most 256 sequences. Every token is simulated.
CPU time of this process after warm-up, building the tables and the columns of results included; the best of the
repeats. The start of numba and of its cache are reported by themselves.

The peer is vllm-sr-sim (request level: no tokens, no steps) where an interpreter that has it is named, for example

    uv venv .peer && uv pip install -p .peer/bin/python vllm-sr-sim==0.1.0.dev20260713
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from screen import analytic_point_us, screen_1000_top20

from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.perf.curve import step_curve
from breakeven.perf.simulate import simulate
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Admission, Autoscale, Outage, Serving, Speculation
from breakeven.schema.workload import Trace, pack, pack_integers

RATE_RPS = 3.0
BLOCK = 16
SESSIONS = 1500
REPLICAS = 8
VIDUR_REQUESTS_PER_CPU_S = 146.0
"""Quoted, not measured here: Vidur (7d47513), same trace, linear predictor cached, no metrics; it cannot run here."""
PEER = Path(__file__).with_name("simulator_peer.py")


def sessions(trace: Trace) -> Trace:
    """The trace with block hashes of 16 tokens and priorities: half of a prompt is its session's, the rest its own."""
    prompts = np.frombuffer(trace.input_tokens).astype(int)
    counts = prompts // BLOCK
    offsets = np.concatenate([[0], np.cumsum(counts)])
    row = np.repeat(np.arange(trace.n), counts)
    place = np.arange(offsets[-1]) - offsets[:-1][row]
    shared = place < counts[row] // 2
    session = np.random.default_rng(0).integers(SESSIONS, size=trace.n)
    hashes = np.where(shared, session[row] * 10_000 + place, 10**9 + row * 10_000 + place)
    return msgspec.structs.replace(
        trace,
        priority=pack((np.arange(trace.n) % 3).astype(float)),
        block_offsets=pack_integers(offsets.tolist()),
        block_hashes=pack_integers(hashes.tolist()),
        hash_block_tokens=BLOCK,
    )


def llama_on_a100() -> StepCurve:
    catalog = load()
    return step_curve(catalog.model("llama-3.1-8b"), catalog.accelerator("a100-sxm-80gb"), 1, "bf16")


PLAIN = Serving(max_batch_tokens=512)
FLEET = Serving(max_batch_tokens=512, prefix_cache="blocks", routing="prefix_affinity")
EVERYTHING = Serving(
    max_batch_tokens=512,
    growth="recompute",
    order="priority",
    prefix_cache="blocks",
    routing="prefix_affinity",
    speculation=Speculation(draft_tokens=3, acceptance=0.7, draft_s=0.001),
    admission=Admission(ttft_s=60.0, tpot_s=1.0),
    autoscale=Autoscale(target_in_flight=64, least=1, most=2),
    outages=(Outage(replica=0, down_s=600.0, up_s=660.0),),
)
"""Pools for prefill and decode exclude autoscaling, and so are not in it."""


def per_cpu_s(trace: Trace, run: Callable[[], object], repeats: int) -> float:
    run()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return trace.n / min(spent)


def measure(repeats: int, peer: str | None) -> dict[str, object]:
    trace, curve = conversations(), llama_on_a100()
    own = trace.n / trace.column("arrival_s")[-1]
    scale = RATE_RPS / own
    start = time.process_time()
    simulate(trace.middle(100), curve, 1, compiled=True)
    start_s = time.process_time() - start
    marked = sessions(trace)

    def one() -> object:
        return simulate(trace, curve, 1, serving=PLAIN, scale=scale, compiled=True)

    def everything() -> object:
        return simulate(marked, curve, 1, serving=EVERYTHING, scale=scale, compiled=True)

    def fleet() -> object:
        return simulate(marked, curve, REPLICAS, serving=FLEET, scale=REPLICAS * scale, compiled=True)

    def python() -> object:
        return simulate(trace, curve, 1, serving=PLAIN, scale=scale, compiled=False)

    return {
        "ours_requests_per_cpu_s": round(per_cpu_s(trace, one, repeats)),
        "ours_all_features_requests_per_cpu_s": round(per_cpu_s(trace, everything, repeats)),
        "fleet_requests_per_cpu_s": round(per_cpu_s(trace, fleet, repeats)),
        "ours_without_numba_requests_per_cpu_s": round(per_cpu_s(trace, python, 1)),
        "start_cpu_s": round(start_s, 2),
        "analytic_point_us": round(analytic_point_us(repeats), 2),
        "screen_1000_top20_cpu_s": round(screen_1000_top20(repeats)[0], 3),
        "peers": peers(peer, trace, REPLICAS * scale),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def peers(python: str | None, trace: Trace, scale: float) -> dict[str, float]:
    found = {"vidur (quoted)": VIDUR_REQUESTS_PER_CPU_S}
    if python is not None:
        columns = (trace.column(name) for name in ("arrival_s", "input_tokens", "output_tokens"))
        lines = "\n".join(
            f"{at / scale},{prompt:.0f},{answer:.0f}" for at, prompt, answer in zip(*columns, strict=True)
        )
        run = subprocess.run([python, str(PEER)], check=True, capture_output=True, text=True, input=lines, env={})
        found["vllm-sr-sim"] = round(float(run.stdout))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer", help="an interpreter that has vllm-sr-sim")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.repeats, options.peer)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
