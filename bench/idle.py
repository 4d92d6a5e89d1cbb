"""What the processes of `serve` use while nothing comes: resident memory, and CPU over a minute.

    python bench/idle.py [--seconds 60] [--json]

A gateway serves and answers some requests, so that nothing is still unloaded, then nobody asks; the console's page is
opened once. CPU is that of all threads, from the kernel's own count of ticks (10 ms): it needs no machine of its own.
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
from pathlib import Path

from served import Serve, Upstream, cpu_s, rss_mb

from breakeven.demo.process import wait_until_ready

REQUESTS, SETTLE_S = 50, 15.0
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}).encode()


def asked(url: str, body: bytes | None = None) -> bytes:
    """One request to loopback."""
    headers = {"content-type": "application/json", "authorization": "Bearer any"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())


def part_of(pid: int) -> str:
    """Which part of `serve` a process is; "supervisor" is the one that started the others."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return words[words.index(b"--only") + 1].decode() if b"--only" in words else "supervisor"


def own_mb(pid: int) -> float:
    """Resident memory of a process with its share of what it shares with others, such as libraries."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def console_url(serve: Serve) -> str:
    """Where the pages are."""
    words = Path(f"/proc/{serve.process.pid}/cmdline").read_bytes().split(b"\0")
    return f"http://127.0.0.1:{words[words.index(b'--console-port') + 1].decode()}/"


def figures(seconds: float) -> dict[str, dict[str, float]]:
    """Megabytes and percent of one core by part."""
    with Upstream() as upstream, Serve(upstream.url()) as serve:
        for _ in range(REQUESTS):
            asked(f"{serve.url}/chat/completions", BODY)
        serve.wait_sealed()
        wait_until_ready(console_url(serve))
        time.sleep(SETTLE_S)
        parts = {part_of(pid): pid for pid in serve.pids}
        before, begun_s = {name: cpu_s([pid]) for name, pid in parts.items()}, time.monotonic()
        time.sleep(seconds)
        passed_s = time.monotonic() - begun_s
        return {
            name: {
                "rss_mb": rss_mb(pid),
                "own_mb": own_mb(pid),
                "cpu_percent": (cpu_s([pid]) - before[name]) / passed_s * 100,
            }
            for name, pid in sorted(parts.items())
        }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    found = figures(chosen.seconds)
    if chosen.json:
        print(json.dumps(found))
        return
    for name, one in found.items():
        held = f"{one['rss_mb']:6.0f} MB, {one['own_mb']:4.0f} of its own,"
        print(f"{name:<12} {held} {one['cpu_percent']:6.2f} % of a core")


if __name__ == "__main__":
    main()
