"""`breakeven serve` as a process tree under a bench: started, given a policy, counted, stopped. Linux only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import msgspec

from breakeven.demo.process import free_port, wait_until_ready
from breakeven.schema.journal import scan
from breakeven.schema.policy import (
    Backend,
    Budget,
    Policy,
    PolicyDeployment,
    Quota,
    Retry,
    Route,
    RouteTarget,
    Tenant,
    TokenPrice,
    UseCase,
)
from breakeven.schema.record import Prediction

HERE = Path(__file__).parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KEY = "sk-bench-0123456789abcdef0123456789abcdef"
CORES = sorted(os.sched_getaffinity(0))
FIRST, REST = {CORES[0]}, set(CORES[1:]) or {CORES[0]}
"""What is measured has the first core to itself; load, upstream and this script have the others."""
PRICE = TokenPrice(price_id="bench/m", input_pico_usd=2_000_000, output_pico_usd=8_000_000)


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """What is started inside runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pids: Iterable[int], cores: set[int]) -> None:
    """Move every thread of running processes."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


def tree(pid: int) -> list[int]:
    """A process and all that descend from it and live."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system seconds of processes, all threads, with those of children that have ended."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total * TICK_S


def rss_mb(pid: int) -> float:
    """Resident memory of one process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int) -> int:
    """Open files and sockets of one process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def stop(process: subprocess.Popen[bytes], patience_s: float = 20.0) -> None:
    """End a process that this bench started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Upstream:
    """bench/upstream.py in its own process."""

    def __init__(self) -> None:
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with on(REST):
            self.process = subprocess.Popen([sys.executable, str(HERE / "upstream.py"), str(self.port)])
        wait_until_ready(f"{self.root}/_seen")
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)

    def url(self, behaviour: str = "ok") -> str:
        """A base URL under which the upstream behaves so."""
        return f"{self.root}/{behaviour}/v1"

    def told(self, what: str = "_seen") -> dict[str, Any]:
        """Ask it something; `seen` counts requests by behaviour, `aborted` holds monotonic seconds by nonce."""
        with urllib.request.urlopen(f"{self.root}/{what}", timeout=10) as answer:  # noqa: S310 - loopback
            return dict(json.loads(answer.read()))


class Serve:
    """The whole of `breakeven serve --openai-base-url URL --port P --data-dir D`, under a policy of the bench's own.

    The policy is put in by writing the compiled file, as `apply` does; the workers take it within a second. A base URL
    instead of a policy leaves the built-in one.
    """

    def __init__(
        self,
        policy: Policy | str,
        *,
        workers: int = 1,
        cores: set[int] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.base_url = policy if isinstance(policy, str) else policy.backends[0].base_url
        self.policy = policy
        self.env = os.environ | (env or {})
        self.workers = workers
        self.cores = cores or FIRST
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/v1"

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="breakeven-bench-")
        self.folder = Path(self._folder.name)
        self.data = self.folder / "data"
        self.log = self.folder / "serve.log"
        command = [sys.executable, "-m", "breakeven", "serve", "--openai-base-url", self.base_url]
        command += ["--port", str(self.port), "--data-dir", str(self.data), "--workers", str(self.workers)]
        command += ["--console-port", str(free_port())]
        with on(self.cores), self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=self.env)
        try:
            wait_until_ready(f"{self.root}/readyz", lambda: self.process.poll() is None)
            if isinstance(self.policy, Policy):
                self.install(self.policy)
        except BaseException as error:
            stop(self.process)
            message = f"serve did not start: {self.log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(message) from error
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)
        self._folder.cleanup()

    def write(self, content: bytes) -> None:
        """Replace the compiled policy, atomically."""
        draft = self.data / ".policy.bench"
        draft.write_bytes(content)
        draft.rename(self.data / "policy.lock.json")

    def install(self, policy: Policy) -> None:
        """Put a policy in force in every worker.

        Raises:
            TimeoutError: some worker does not say that it has it.
        """
        self.policy = policy
        self.write(msgspec.json.encode(policy))
        until_s, agreed = time.monotonic() + 20, 0
        while agreed < 1 + 8 * (self.workers - 1):
            agreed = agreed + 1 if self.ready_policy() == policy.id else 0
            if time.monotonic() > until_s:
                message = f"the policy {policy.id} was not taken: {self.log.read_text(errors='replace')[-2000:]}"
                raise TimeoutError(message)
            time.sleep(0.02)

    def ready_policy(self) -> str:
        """The policy that some worker says it obeys."""
        try:
            with urllib.request.urlopen(f"{self.root}/readyz", timeout=5) as answer:  # noqa: S310 - loopback
                return str(json.loads(answer.read()).get("policy"))
        except (urllib.error.URLError, OSError):
            return ""

    @property
    def pids(self) -> list[int]:
        """The whole tree."""
        return tree(self.process.pid)

    @property
    def worker_pids(self) -> list[int]:
        """The gateway workers alone."""
        return [pid for pid in self.pids if b"--only\0gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def wait_sealed(self, patience_s: float = 30.0) -> None:
        """Wait until everything that was recorded is sealed.

        Raises:
            TimeoutError: some of it still lies in the journal.
        """
        until_s = time.monotonic() + patience_s
        while any(size for size in map(_size, (self.data / "journal").iterdir())):
            if time.monotonic() > until_s:
                message = f"{self.data / 'journal'} still holds unsealed records after {patience_s} s"
                raise TimeoutError(message)
            time.sleep(0.1)

    def records(self) -> list[Prediction]:
        """Every prediction ever recorded: sealed ones and the journal's. Stop the load before."""
        self.wait_sealed()
        import duckdb  # noqa: PLC0415 - the figures of speed need none of it

        files = sorted(map(str, (self.data / "segments" / "predictions").rglob("*.parquet")))
        if not files:
            return []
        with duckdb.connect() as connection:
            found = connection.sql("SELECT * FROM read_parquet($files, union_by_name = true)", params={"files": files})
            names = found.columns
            return [_Row(zip(names, row, strict=True)) for row in found.fetchall()]  # type: ignore[misc]

    def journal(self) -> list[Any]:
        """What lies in the journal now, unsealed."""
        found: list[Any] = []
        for path in sorted((self.data / "journal").glob("*.*")):
            found += scan(path.read_bytes()).records
        return found


class _Row(dict[str, Any]):
    """A sealed record, its columns as attributes."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a column of any type
        return self[name]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def client(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on as JSON
    """Run bench/client.py in a process of its own; its figures."""
    with on(REST):
        command = [sys.executable, str(HERE / "client.py"), json.dumps(options)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        return {"requests": 0, "errors": 1, "first_error": f"the client ended with {done.returncode}"}
    return dict(json.loads(done.stdout))


def policy_of(
    up: Upstream,
    behaviours: dict[str, str],
    *,
    use_case: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 - fields of the policy
) -> Policy:
    """A use case, model, deployment and backend for each name, whose upstream behaves as told.

    `use_case` holds changes of all use cases, and of one under its name.
    """
    told = use_case or {}
    common = {name: value for name, value in told.items() if name not in behaviours}
    use_cases = tuple(
        UseCase(
            **{
                "name": name,
                "models": (name,),
                "route": Route(strategy="fixed", targets=(RouteTarget(deployment=name),)),
                "budget_s": 10.0,
            }
            | common
            | told.get(name, {})
        )
        for name in behaviours
    )
    policy = Policy(
        id=f"bench-{'-'.join(behaviours)[:60]}",
        use_cases=use_cases,
        default_use_case=use_cases[0].name,
        deployments=tuple(
            PolicyDeployment(name=name, backend=name, placement="api", tokens=PRICE) for name in behaviours
        ),
        backends=tuple(
            Backend(name=name, kind="openai", base_url=up.url(behaviour)) for name, behaviour in behaviours.items()
        ),
        tenants=(Tenant(name="acme", key_sha256=(digest(KEY),)),),
        source="the built-in configuration",
    )
    return msgspec.structs.replace(policy, **changes)


def full_policy(url: str, **changes: Any) -> Policy:  # noqa: ANN401 - fields of the use case
    """Everything a request can meet on its way: key, quota, hard budget, three weighted targets, cache, deadline."""
    names = ("one", "two", "three")
    use_case = UseCase(
        name="assistant",
        models=("m",),
        route=Route(strategy="weighted", targets=tuple(RouteTarget(deployment=name) for name in names)),
        budget_s=20.0,
        ttft_s=5.0,
        cache_ttl_s=600.0,
        retry=Retry(),
        failure=("deployment:two", "default", "error"),
        default_body="Please try again later.",
    )
    return Policy(
        id="bench-full",
        use_cases=(msgspec.structs.replace(use_case, **changes),),
        default_use_case="assistant",
        deployments=tuple(
            PolicyDeployment(name=name, backend=name, placement="api", tokens=PRICE, max_in_flight=4096)
            for name in names
        ),
        backends=tuple(Backend(name=name, kind="openai", base_url=url) for name in names),
        tenants=(
            Tenant(
                name="acme",
                key_sha256=(digest(KEY),),
                quota=Quota(requests_per_s=1e6, tokens_per_min=1e12, requests_per_day=10**12, max_in_flight=100_000),
            ),
        ),
        budgets=(Budget(name="acme-day", tenant="acme", limit_pico_usd=10**18, hard=True),),
        source="the built-in configuration",
    )
