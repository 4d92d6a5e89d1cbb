"""CPU per request of the gateway under a full policy, beside a bare proxy and peers, all in one run. Linux only.

    python bench/gateway.py [--json] [--requests 5000] [--peers litellm,portkey,vllm-router] [--cache FOLDER]
    python bench/gateway.py --soak 1000000      memory over so many requests
    python bench/gateway.py --streams 512       so many streams at once: every frame, no gap over ten times the pace

What is measured has the first core to itself; load, model server and this script share the others. CPU is user and
system time from /proc. `ours_us` is the whole tree of `breakeven serve` until everything is sealed, what it does at
rest included; `worker_us` the gateway worker alone. Each is the median of three windows after a warm-up. A window with
any error ends the bench with exit code 1. Peers are installed by bench/peers.py when they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peers
from served import FIRST, HERE, KEY, REST, Serve, Upstream, client, cpu_s, full_policy, on, pin, rss_mb, stop, tree

from breakeven.demo.process import free_port

WINDOWS = 3
CHUNKS = 34
STREAM_PACE_MS = 40
Count = Callable[[], float]
_next_prompt = iter(range(1, 10**9)).__next__


class RefusedError(Exception):
    """A window held an error, so its figures say nothing."""


def window(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - options of the client
    """One load, every answer of it good."""
    found = client(first=_next_prompt() * 10**6 % 10**11, timeout_s=900, **options)
    if found["errors"]:
        message = f"{found['errors']} of {options['requests']} requests failed, the first so: {found['first_error']}"
        raise RefusedError(message)
    return found


def cost_us(count: Count, requests: int, settle: Callable[[], None] = lambda: None, **options: Any) -> list[float]:  # noqa: ANN401
    """Microseconds of CPU a request, by window, after a warm-up."""
    window(requests=max(50, requests // 5), **options)
    settle()
    found = []
    for _ in range(WINDOWS):
        before = count()
        window(requests=requests, **options)
        settle()
        found.append((count() - before) / requests * 1e6)
    return found


@contextmanager
def beside(*command: str) -> Iterator[tuple[int, int]]:
    """A process on the measured core, `{port}` filled in; its port and process id."""
    port = free_port()
    with on(FIRST):
        process = subprocess.Popen([part.replace("{port}", str(port)) for part in command])
    try:
        peers.wait_for_port(port, process)
        yield port, process.pid
    finally:
        stop(process)


def measure_bare(up: Upstream, requests: int) -> dict[str, float]:
    """The bare proxy, on both loops."""
    found = {}
    for loop in ("uvloop", "asyncio"):
        with beside(sys.executable, str(HERE / "bare_proxy.py"), "{port}", str(up.port), loop) as (port, pid):
            costs = cost_us(lambda pid=pid: cpu_s([pid]), 4 * requests, url=f"http://127.0.0.1:{port}/ok/v1")
            found[loop] = statistics.median(costs)
    return {"bare_proxy_us": found["uvloop"], "bare_proxy_asyncio_us": found["asyncio"]}


def measure_ours(up: Upstream, requests: int) -> dict[str, float]:
    """Every figure of our own."""
    with Serve(full_policy(up.url())) as serve:
        (worker,) = serve.worker_pids
        pids = serve.pids

        def both(concurrency: int = 32, **options: Any) -> tuple[float, float]:  # noqa: ANN401 - options of the client
            alone: list[float] = []

            def count() -> float:
                alone.append(cpu_s([worker]))
                return cpu_s(pids)

            asked = options.pop("requests", requests)
            costs = cost_us(count, asked, serve.wait_sealed, url=serve.url, key=KEY, concurrency=concurrency, **options)
            paired = [(after - before) / asked * 1e6 for before, after in zip(alone[::2], alone[1::2], strict=True)]
            return statistics.median(costs), statistics.median(paired)

        ours, worker_us = both()
        hit_tree, hit = both(distinct=False)
        streams = max(100, requests // 10)
        stream_tree, stream = both(stream=True, requests=streams)
        _, stream_8 = both(stream=True, requests=streams, concurrency=8)
        found = {
            "ours_us": ours,
            "worker_us": worker_us,
            "stream_chunk_us": (stream - worker_us) / CHUNKS,
            "stream_chunk_8_us": (stream_8 - worker_us) / CHUNKS,
            "stream_chunk_tree_us": (stream_tree - ours) / CHUNKS,
            "cache_hit_us": hit,
            "cache_hit_tree_us": hit_tree,
        }
        before, start_s = cpu_s(pids), time.monotonic()
        time.sleep(5)
        found["at_rest_share"] = (cpu_s(pids) - before) / (time.monotonic() - start_s)
        found |= added(up, serve)
        found |= saturated(serve, worker, requests)
        found["worker_rss_mb"] = rss_mb(worker)
        return found


def measure_builtin(up: Upstream, requests: int) -> dict[str, float]:
    """The same without any policy of ours, as anybody may count it: `serve --openai-base-url URL`."""
    with Serve(up.url()) as serve:
        pids = serve.pids
        costs = cost_us(lambda: cpu_s(pids), requests, serve.wait_sealed, url=serve.url)
        return {"builtin_us": statistics.median(costs)}


def added(up: Upstream, serve: Serve) -> dict[str, float]:
    """What the gateway adds to the time to an answer and to a first token, one request at a time."""
    plain, first = [], []
    for _ in range(WINDOWS):
        through, direct = ({"url": serve.url, "key": KEY}, {"url": up.url()})
        one = {"concurrency": 1, "requests": 1000}
        plain.append(window(**through, **one)["p50_ms"] - window(**direct, **one)["p50_ms"])
        one = {"concurrency": 1, "requests": 60, "stream": True}
        first.append(window(**through, **one)["ttft_p50_ms"] - window(**direct, **one)["ttft_p50_ms"])
    return {"added_p50_ms": statistics.median(plain), "added_ttft_p50_ms": statistics.median(first)}


def saturated(serve: Serve, worker: int, requests: int) -> dict[str, float]:
    """Requests per second of one core: the worker alone on it, then the whole tree on it."""
    others = [pid for pid in serve.pids if pid != worker]
    found = {}
    for name, cores in (("rps_per_core", REST), ("rps_per_core_tree", FIRST)):
        pin(others, cores)
        runs = []
        for _ in range(WINDOWS):
            before = cpu_s([worker])
            seen = window(url=serve.url, key=KEY, concurrency=64, requests=4 * requests)
            runs.append((seen["requests"] / seen["wall_s"], (cpu_s([worker]) - before) / seen["wall_s"]))
            serve.wait_sealed()
        found[name], found[f"{name}_used"] = sorted(runs)[WINDOWS // 2]
    return found


def measure_peers(up: Upstream, names: list[str], cache: Path, requests: int) -> dict[str, dict[str, float]]:
    """CPU per request, memory and latency of the peers that can be run."""
    found = {}
    for name in names:
        try:
            with on(FIRST):
                running = peers.start(name, cache, up)
        except peers.MissingError as error:
            print(f"{name} left out: {error}", file=sys.stderr)
            continue
        try:
            few = min(requests, peers.PEERS[name].requests)
            pid = running.process.pid
            options = {"url": running.url, "headers": running.headers, "key": running.key, "model": running.model}
            costs = cost_us(lambda pid=pid: cpu_s(tree(pid)), few, **options)
            found[name] = {"us": statistics.median(costs), "rss_mb": sum(map(rss_mb, tree(pid)))}
        finally:
            running.stop()
    return found


def soak(total: int) -> dict[str, Any]:
    """Memory of the worker over many requests: a line through what it was after each tenth, the first left out."""
    with Upstream() as up, Serve(full_policy(up.url())) as serve:
        (worker,) = serve.worker_pids
        step, seen = max(1, total // 20), []
        for number in range(1, 21):
            window(url=serve.url, key=KEY, requests=step)
            seen.append((number * step, rss_mb(worker)))
            print(f"{number * step:>9} requests: {seen[-1][1]:.1f} MB", file=sys.stderr)
        late = seen[5:]
        slope = statistics.linear_regression([at for at, _ in late], [mb for _, mb in late]).slope
        return {"requests": total, "rss_mb": seen, "slope_mb_per_100k": slope * 1e5}


def many_streams(count: int) -> dict[str, Any]:
    """So many streams at once through one worker: every frame arrives, and no gap is over ten times the pace."""
    with Upstream() as up, Serve(full_policy(up.url(f"pace-{STREAM_PACE_MS}"))) as serve:
        (worker,) = serve.worker_pids
        options = {"stream": True, "requests": 2 * count, "concurrency": count, "timeout_s": 60}
        direct = client(url=up.url(f"pace-{STREAM_PACE_MS}"), **options)
        before = cpu_s([worker])
        through = client(url=serve.url, key=KEY, **options)
        used = (cpu_s([worker]) - before) / max(through.get("wall_s", 0), 1e-9)
        clean = not through["errors"] and through["gap_max_ms"] <= 10 * STREAM_PACE_MS
        return {
            "streams_at_once": count, "pace_ms": STREAM_PACE_MS, "clean": clean, "worker_used": used,
            "worker_rss_mb": rss_mb(worker), "through": through, "direct": direct,
        }  # fmt: skip


def machine() -> str:
    """What this runs on, in a line, with the load that is there before."""
    cpu = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    python = f"Python {platform.python_version()}, Linux {platform.release()}"
    return f"{os.cpu_count()} cores of {cpu}, load {os.getloadavg()[0]:.1f}, {python}"


def table(found: dict[str, Any], other: dict[str, dict[str, float]]) -> Iterator[str]:
    """The figures for people."""
    ours = found["ours_us"]
    rows = [
        ("whole serve tree, sealing included", "{ours_us:.0f} us CPU/request"),
        ("the same under the built-in policy", "{builtin_us:.0f} us"),
        ("gateway worker alone", "{worker_us:.0f} us"),
        ("bare asyncio-streams proxy on uvloop (on asyncio)", "{bare_proxy_us:.0f} us ({bare_proxy_asyncio_us:.0f})"),
        ("worker against the bare proxy", "{ratio:.2f} x"),
        ("per chunk of a stream, 32 at once (8 at once)", "{stream_chunk_us:.1f} us ({stream_chunk_8_us:.1f})"),
        ("exact-cache hit, worker (tree)", "{cache_hit_us:.0f} us ({cache_hit_tree_us:.0f})"),
        ("requests/s, worker alone on a core", "{rps_per_core:.0f} (core used {rps_per_core_used:.0%})"),
        ("requests/s, tree on a core", "{rps_per_core_tree:.0f} (worker's part {rps_per_core_tree_used:.0%})"),
        ("added to the p50 of an answer / of a first token", "{added_p50_ms:.3f} / {added_ttft_p50_ms:.3f} ms"),
        ("tree at rest", "{at_rest_share:.1%} of a core"),
        ("worker memory", "{worker_rss_mb:.0f} MB"),
    ]
    ratio = found["worker_us"] / found["bare_proxy_us"]
    for what, form in rows:
        yield f"{what:<52} {form.format(**found, ratio=ratio)}"
    for name, one in other.items():
        yield f"{name:<52} {one['us']:.0f} us, {one['us'] / ours:.1f} x ours, {one['rss_mb']:.0f} MB"


CONTRACT = (
    "ours_us", "worker_us", "bare_proxy_us", "stream_chunk_us", "cache_hit_us", "rps_per_core", "added_p50_ms",
    "added_ttft_p50_ms",
)  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    if options.soak or options.streams:
        print(json.dumps(soak(options.soak) if options.soak else many_streams(options.streams)))
        return
    if not options.json:
        print(machine(), flush=True)
    with Upstream() as up:
        found = measure_bare(up, options.requests) | measure_builtin(up, options.requests)
        found |= measure_ours(up, options.requests)
        names = [name for name in options.peers.split(",") if name]
        other = measure_peers(up, names, options.cache, options.requests)
    if options.json:
        said: dict[str, Any] = {name: round(found[name], 3) for name in CONTRACT}
        print(json.dumps(said | {"peers": {name: round(one["us"], 1) for name, one in other.items()}}))
    else:
        print("\n".join(table(found, other)))
        if options.all:
            print(json.dumps(found | {"peers": other}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true", help="the table, then every figure as JSON")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--peers", default=",".join(peers.PEERS))
    parser.add_argument("--cache", type=Path, default=peers.CACHE)
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--streams", type=int, default=0)
    os.sched_setaffinity(0, REST)
    try:
        run(parser.parse_args())
    except RefusedError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
