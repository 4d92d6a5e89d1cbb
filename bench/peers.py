"""Other gateways, installed in environments of their own and started in front of the bench's model server.

    python bench/peers.py [--cache ~/.cache/breakeven-bench] [litellm portkey vllm-router]

installs them beforehand. Each runs with one worker, without database, cache or callbacks: less than its usual form.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from served import stop

from breakeven.demo.process import free_port
from breakeven.schema.noun import Noun

CACHE = Path(os.environ.get("BREAKEVEN_BENCH_CACHE", Path.home() / ".cache/breakeven-bench"))
START_S = 120.0
LITELLM = """model_list:
  - model_name: m
    litellm_params: {{model: openai/m, api_base: "{url}", api_key: sk-upstream}}
"""
LITELLM_ENV = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


class MissingError(Exception):
    """A peer cannot be installed or started; the message says why."""


class Where(Protocol):
    """A model server: base URLs by behaviour."""

    root: str

    def url(self, behaviour: str = "ok") -> str: ...


class Command(Noun, frozen=True, kw_only=True):
    """How a peer is started and asked."""

    argv: tuple[str, ...]
    path: str = "/v1"
    env: dict[str, str] = {}
    headers: dict[str, str] = {}
    key: str = ""


class Peer(Noun, frozen=True, kw_only=True):
    """How a peer is installed and started; `requests` bounds a window, for the slow ones."""

    version: str
    program: str
    install: Callable[[Path, str], list[list[str]]]
    command: Callable[[Path, int, Where], Command]
    requests: int = 5000


class Running:
    """A started peer."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, command: Command) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}{command.path}"
        self.headers = command.headers
        self.key = command.key
        self.model = "m"

    def stop(self) -> None:
        """End it."""
        stop(self.process)


def pip_steps(folder: Path, *wanted: str) -> list[list[str]]:
    """Commands that make an environment and install packages into it."""
    uv = shutil.which("uv")
    if uv:
        found = os.environ.get("PIP_FIND_LINKS")
        links = ["--find-links", found] if found else []
        return [
            [uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "-q", "--python", str(folder / "bin/python"), *links, *wanted],
        ]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin/python"), "-m", "pip", "install", "-q", *wanted],
    ]


def _pip(package: str) -> Callable[[Path, str], list[list[str]]]:
    return lambda folder, version: pip_steps(folder, f"{package}=={version}")


def _npm(folder: Path, version: str) -> list[list[str]]:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        message = "it needs node and npm, and there are none"
        raise MissingError(message)
    flags = ["--silent", "--no-fund", "--no-audit", "--prefix", str(folder)]
    return [[npm, "install", *flags, f"@portkey-ai/gateway@{version}"]]


def _litellm(folder: Path, port: int, up: Where) -> Command:
    config = folder / "bench.yaml"
    config.write_text(LITELLM.format(url=up.url()))
    argv = [folder / "bin/litellm", "--config", config, "--num_workers", "1", "--host", "127.0.0.1", "--port", port]
    return Command(argv=tuple(map(str, argv)), env=LITELLM_ENV, key="sk-any")


def _portkey(folder: Path, port: int, up: Where) -> Command:
    script = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": up.url()}
    return Command(argv=("node", str(script), "--headless", f"--port={port}"), headers=headers, key="sk-any")


def _vllm_router(folder: Path, port: int, up: Where) -> Command:
    argv = [folder / "bin/vllm-router", "--host", "127.0.0.1", "--port", port, "--worker-urls", up.root]
    argv += ["--policy", "round_robin", "--prometheus-port", free_port(), "--log-level", "error"]
    return Command(argv=tuple(map(str, argv)))


PEERS = {
    "litellm": Peer(
        version="1.106.2", program="bin/litellm", install=_pip("litellm[proxy]"), command=_litellm, requests=300
    ),
    "portkey": Peer(
        version="1.15.2",
        program="node_modules/@portkey-ai/gateway/build/start-server.js",
        install=_npm,
        command=_portkey,
        requests=1500,
    ),
    "vllm-router": Peer(version="0.1.17", program="bin/vllm-router", install=_pip("vllm-router"), command=_vllm_router),
}


def install(name: str, cache: Path) -> Path:
    """The folder of an installed peer.

    Raises:
        MissingError: it cannot be installed here.
    """
    peer = PEERS[name]
    folder = cache / name
    if not (folder / peer.program).exists():
        folder.mkdir(parents=True, exist_ok=True)
        for step in peer.install(folder, peer.version):
            done = step_done(step, folder)
            if done.returncode:
                message = f"{' '.join(step[:4])} ... ended with {done.returncode}: {done.stderr.strip()[-300:]}"
                raise MissingError(message)
    return folder


def step_done(step: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One step of an installation, away from this project's own settings for uv."""
    return subprocess.run(step, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=folder)


def start(name: str, cache: Path, up: Where) -> Running:
    """Start a peer in front of a model server and wait until it answers.

    Raises:
        MissingError: it cannot be installed, or does not answer.
    """
    folder, port = install(name, cache), free_port()
    command = PEERS[name].command(folder, port, up)
    with (folder / "bench.log").open("wb") as log:
        process = subprocess.Popen(command.argv, env=os.environ | command.env, stdout=log, stderr=log, cwd=folder)
    running = Running(process, port, command)
    try:
        wait_for_port(port, process)
        _wait_for_answer(running)
    except TimeoutError as error:
        running.stop()
        message = f"{error}; {(folder / 'bench.log').read_text(errors='replace')[-300:].strip()}"
        raise MissingError(message) from error
    return running


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens.

    Raises:
        TimeoutError: nobody does in time, or the process has ended.
    """
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nobody listens on port {port}"
    raise TimeoutError(message)


def _wait_for_answer(running: Running) -> None:
    """A port that listens need not answer yet."""
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
    until_s, said = time.monotonic() + START_S, ""
    headers = running.headers | {"content-type": "application/json", "authorization": f"Bearer {running.key}"}
    while time.monotonic() < until_s:
        try:
            asked = urllib.request.Request(f"{running.url}/chat/completions", body, headers)  # noqa: S310 - loopback
            with urllib.request.urlopen(asked, timeout=10):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError) as error:
            said = str(error)
            time.sleep(0.3)
    message = f"{running.url} does not answer: {said}"
    raise TimeoutError(message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PEERS))
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    for name in options.names:
        try:
            print(f"{name} {PEERS[name].version}: {install(name, options.cache)}")
        except MissingError as error:
            print(f"{name} left out: {error}")


if __name__ == "__main__":
    main()
