"""A learned router from outcomes to traffic: two emulated models, a gateway, the real client, a reload, an outage."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import openai
import pytest

from breakeven.demo.process import free_port, wait_until_ready
from breakeven.ledger import snapshot
from breakeven.ledger.restore import restore
from breakeven.metric.routing_score import score
from breakeven.schema.lever import RouterWeights
from breakeven.schema.record import Prediction

pytestmark = pytest.mark.slow
QUESTION = Path(__file__).parents[2] / "examples/levers/levers.yaml"
HARD = "plan a trip by bicycle to Oslo step by step with a budget"
EASY = "what is the opening hour of the book shop in Graz"
SETTINGS = """\
version: 1
gateway: {{port: {port}, console_port: 0}}
backends:
  - {{name: a, kind: openai, base_url: "http://127.0.0.1:{large}/v1"}}
  - {{name: b, kind: openai, base_url: "http://127.0.0.1:{small}/v1"}}
deployments:
  - {{name: large, backend: a, model: llama-3.1-70b}}
  - {{name: small, backend: b, model: llama-3.1-8b}}
"""
POLICY = """\
version: 1
default_use_case: chat
breaker: {failures: 0.1, least: 1, window_s: 60, probe_s: 60}
use_cases:
  - name: chat
    models: [any]
    used_when: delivered
    route:
      strategy: learned
      targets: [{deployment: small}, {deployment: large}]
      router: {weights: router.json}
"""
Start = Callable[..., subprocess.Popen[bytes]]


class Site:
    """The folder, the processes, and a client."""

    def __init__(self, folder: Path, large: subprocess.Popen[bytes], client: openai.OpenAI) -> None:
        self.folder = folder
        self.large = large
        self.client = client

    @property
    def weights(self) -> RouterWeights:
        return msgspec.json.decode((self.folder / "router.json").read_bytes(), type=RouterWeights)

    def ask(self, text: str) -> str:
        """The model that answered."""
        messages = [{"role": "system", "content": HARD}, {"role": "user", "content": text}]
        return self.client.chat.completions.create(model="any", messages=messages, max_tokens=2).model  # type: ignore[arg-type]

    def records(self, count: int) -> list[Prediction]:
        """All predictions, once there are so many."""
        for _ in range(200):
            found = snapshot.of_folder(self.folder / ".breakeven")
            rows = [one for one in (*found.records, *restore(found)) if isinstance(one, Prediction)]
            if len(rows) >= count:
                return sorted(rows, key=lambda one: one.sequence)
            time.sleep(0.1)
        message = f"{len(rows)} of {count} predictions"
        raise AssertionError(message)


@pytest.fixture
def site(start: Start, breakeven: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Iterator[Site]:
    ports = {name: free_port() for name in ("large", "small", "port")}
    learned = breakeven("lever", "router", str(QUESTION), "--weights", "router.json")
    assert learned.returncode == 0, learned.stderr
    assert "strategy: learned" in learned.stderr
    (tmp_path / "breakeven.yaml").write_text(SETTINGS.format(**ports))
    (tmp_path / "policy.yaml").write_text(POLICY)
    emulate = ("emulate", "--accelerator", "h100-sxm", "--port")
    large = start(*emulate, str(ports["large"]), "--model", "llama-3.1-70b", "--accelerators", "4")
    start(*emulate, str(ports["small"]), "--model", "llama-3.1-8b")
    for name in ("large", "small"):
        wait_until_ready(f"http://127.0.0.1:{ports[name]}/v1/models")
    start("serve")
    url = f"http://127.0.0.1:{ports['port']}"
    wait_until_ready(f"{url}/readyz")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        yield Site(tmp_path, large, client)


def test_prompts_go_where_the_router_says(site: Site) -> None:
    """Hard ones up, easy ones down, by the last user's words; new weights turn that round, broken ones are passed over.

    While the strong model is down the weak one answers. Records hold score, threshold and why, never the prompt.
    """
    assert [site.ask(HARD), site.ask(EASY)] == ["llama-3.1-70b", "llama-3.1-8b"]
    first = site.weights
    for one, text in zip(site.records(2), (HARD, EASY), strict=True):
        assert one.routed.score == score(first, text)
        assert (one.routed.threshold, one.routed.why, one.prompt) == (first.threshold, "score", "")
        assert one.propensities == tuple(float(name == one.chosen) for name in one.eligible)

    less = {"threshold": -first.threshold, "intercept": -first.intercept, "quantiles": ()}
    turned = msgspec.structs.replace(first, weights=tuple(-one for one in first.weights), **less)
    (site.folder / "router.json").write_bytes(msgspec.json.encode(turned))
    until = time.monotonic() + 20
    asked = 2
    while (model := site.ask(EASY)) != "llama-3.1-70b" and time.monotonic() < until:
        time.sleep(0.2)
        asked += 1
    assert model == "llama-3.1-70b"
    (site.folder / "router.json").write_text("{}")
    time.sleep(2)
    assert site.ask(EASY) == "llama-3.1-70b"

    site.large.terminate()
    site.large.wait(20)
    assert site.ask(EASY) == "llama-3.1-8b"
    assert site.ask(EASY) == "llama-3.1-8b"
    retried, stood_in = site.records(asked + 4)[-2:]
    assert (retried.chosen, retried.deployment, retried.routed.why) == ("large", "small", "score")
    assert (stood_in.eligible, stood_in.routed.wanted, stood_in.routed.why) == (("small",), "strong", "unavailable")
