"""Every folder of examples/policy, served as its README says, shows its feature to a client."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from breakeven.demo.process import free_port, wait_until_ready

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "policy"
CHAT, OK = "/v1/chat/completions", 200


class Model:
    """A model server that answers, fails or dawdles, as a test says; `asked` are the bodies that came."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.fails = False
        self.go = threading.Event()
        self.go.set()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                model.asked.append(body)
                model.go.wait(30)
                choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
                usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
                said = {"error": {"message": "ill"}} if model.fails else {"choices": [choice], "usage": usage}
                data = json.dumps({"model": body["model"], **said}).encode()
                self.send_response(500 if model.fails else OK)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]


@pytest.fixture
def models() -> Iterator[tuple[Model, Model]]:
    """What stands at the ports 9000 and 9001 of the examples."""
    both = Model(), Model()
    yield both
    for one in both:
        one.go.set()
        one.server.shutdown()
        one.server.server_close()


class Gateway:
    """What a client sees of an example that is served."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, body: dict[str, Any], **headers: str) -> SimpleNamespace:
        """One answer: status, headers, what it says. Underscores in names of headers stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {name if name == "authorization" else f"x-breakeven-{name}": value for name, value in named.items()}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), named)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
                return SimpleNamespace(status=answer.status, headers=answer.headers, said=json.load(answer))
        except urllib.error.HTTPError as error:
            return SimpleNamespace(status=error.code, headers=error.headers, said=json.load(error))

    def chat(self, text: str = "hi", model: str = "llama-3.1-8b", **headers: str) -> SimpleNamespace:
        return self.ask(CHAT, {"model": model, "messages": [{"role": "user", "content": text}]}, **headers)


@pytest.fixture
def served(
    request: pytest.FixtureRequest, start: Callable[..., subprocess.Popen[bytes]], models: Any, tmp_path: Path
) -> Gateway:
    """The example that the test names, with the models of the test at its ports."""
    shutil.copytree(EXAMPLES / request.param, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "breakeven.yaml").read_text()
    for port, model in zip(("9000", "9001"), models, strict=True):
        text = text.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{model.port}/")
    (tmp_path / "breakeven.yaml").write_text(text.replace("../../../", f"{ROOT}/"))
    port = free_port()
    process = start("serve", "--config", "breakeven.yaml", "--port", str(port), "--only", "gateway", "--workers", "1")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz", lambda: process.poll() is None)
    return Gateway(f"http://127.0.0.1:{port}")


def example(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("served", [name], indirect=True)


def words(answer: SimpleNamespace) -> str:
    assert answer.status == OK
    content: str = answer.said["choices"][0]["message"]["content"]
    return content


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for tenant in ("acme", "labs"):
        monkeypatch.setenv(f"{tenant.upper()}_KEY", f"{tenant}-key-for-a-test")


ACME, LABS = ({"authorization": f"Bearer {tenant}-key-for-a-test"} for tenant in ("acme", "labs"))


@example("budget")
def test_budget(served: Gateway, models: tuple[Model, Model]) -> None:
    """Keys are asked for, a tenant gets its use cases, what is left is told, output is bounded."""
    assert served.chat().status == 401
    first, second = served.chat(**ACME), served.chat(**ACME)
    left = [float(one.headers["x-breakeven-budget-remaining"]) for one in (first, second)]
    assert 10 > left[0] > left[1] > 9.99
    assert models[0].asked[0]["max_tokens"] == 1024
    assert served.chat(**LABS).status == 403
    assert words(served.chat(model="llama-3.1-70b", **LABS)) == "Hello"


@example("tiers")
def test_tiers(served: Gateway, models: tuple[Model, Model]) -> None:
    """Each use case has its tier; only the critical one has another deployment to go to."""
    for use_case, tier in (("checkout", "critical"), ("search", "important"), ("enrichment", "opportunistic")):
        answer = served.chat(use_case=use_case)
        assert (words(answer), answer.headers["x-breakeven-tier"]) == ("Hello", tier)
    models[0].fails = True
    assert served.chat(use_case="checkout").headers["x-breakeven-model"] == "llama-3.1-70b"
    assert served.chat(use_case="search").status == 502


@example("failure-chain")
def test_failure_chain(served: Gateway, models: tuple[Model, Model]) -> None:
    """The other model, then what is kept, then what is prepared for a region, by a rule, for everybody."""
    models[0].fails = True
    other = served.chat("kept")
    assert (words(other), other.headers["x-breakeven-model"]) == ("Hello", "llama-3.1-70b")
    models[1].fails = True
    assert served.chat("kept").headers["x-breakeven-cache"] == "stale"
    assert words(served.chat(region="eu")).startswith("Our European help desk")
    assert words(served.chat(channel="app", device_class="phone")) == "Please call us from the app."
    assert words(served.chat(channel="app")) == "Please use the contact form of the app."
    assert words(served.chat()) == "Please try again in a moment."


@example("hedge")
def test_hedge(served: Gateway, models: tuple[Model, Model]) -> None:
    """Once the usual time is known, a request that takes longer gets a second chance elsewhere."""
    names = (f"subject {number}" for number in range(99))  # half of the subjects belong to each
    subject = next(one for one in names if served.chat(subject=one).headers["x-breakeven-model"] == "llama-3.1-8b")
    while len(models[0].asked) < 20:
        assert served.chat(subject=subject).headers["x-breakeven-model"] == "llama-3.1-8b"
    models[0].go.clear()
    answer = served.chat(subject=subject)
    assert (words(answer), answer.headers["x-breakeven-model"]) == ("Hello", "llama-3.1-70b")
    assert len(models[0].asked) == 21


@example("cache")
def test_cache(served: Gateway, models: tuple[Model, Model]) -> None:
    """The same question is asked once, unless it holds personal data."""
    assert [served.chat().headers["x-breakeven-cache"] for _ in range(3)] == ["miss", "hit", "hit"]
    assert [served.chat(model="llama-3.1-70b").headers["x-breakeven-cache"] for _ in range(2)] == ["off", "off"]
    assert [len(one.asked) for one in models] == [1, 2]


@example("decisions")
def test_decisions(served: Gateway) -> None:
    """Candidates are scored in the process; whoever cannot be measured gets what is prepared."""
    names = ("ten-percent", "free-shipping", "nothing")
    candidates = [{"id": one, "features": {"margin": 0.1 * n, "popularity": n}} for n, one in enumerate(names)]
    body = {"subject": "ada", "features": {"hour": 9, "basket_usd": 42.0}, "candidates": candidates}
    said = served.ask("/v1/decisions/offer", body, consent="granted").said
    assert said["source"] == "model"
    assert sum(one["propensity"] for one in said["actions"]) == pytest.approx(1.0)
    best = max(said["actions"], key=lambda one: one["score"])
    assert best["propensity"] == pytest.approx(0.95 + 0.05 / 3)
    for region, action in (("eu", "free-shipping"), ("us", "ten-percent")):
        unmeasured = served.ask("/v1/decisions/offer", body, region=region, consent="denied")
        assert (unmeasured.said["source"], unmeasured.said["action"]) == ("segment", action)
        assert unmeasured.headers["x-breakeven-reason"] == "tracking_incomplete"


@example("locality")
def test_locality(served: Gateway, models: tuple[Model, Model]) -> None:
    """Contracts stay in Europe, advice goes to what is good enough."""
    for use_case, model in (("contracts", "llama-3.1-8b"), ("advice", "llama-3.1-70b")):
        assert served.chat(use_case=use_case).headers["x-breakeven-model"] == model
    models[0].fails = True
    assert served.chat(use_case="contracts").status == 502
    assert len(models[1].asked) == 1


@example("prefix-affinity")
def test_prefix_affinity(served: Gateway, models: tuple[Model, Model]) -> None:
    """What begins alike meets one replica, whatever follows; different beginnings are spread over both."""

    def begin(number: int) -> tuple[int, int]:
        before = [len(one.asked) for one in models]
        for question in range(3):
            system = {"role": "system", "content": f"You are agent {number}. " * 60}
            body = {"model": "m", "messages": [system, {"role": "user", "content": f"question {question}"}]}
            assert served.ask(CHAT, body).status == OK
        first, second = (len(one.asked) - count for one, count in zip(models, before, strict=True))
        return first, second

    assert {begin(number) for number in range(12)} == {(3, 0), (0, 3)}


@example("batching")
def test_batching(served: Gateway) -> None:
    """The model in the process answers rows from both arms, each row as if it were alone."""
    rows = [[row % 3] * 7 for row in range(6)]

    def scores(data: list[list[int]], subject: str) -> list[float]:
        tensor = {"name": "candidates", "datatype": "INT64", "shape": [len(data), 7], "data": data}
        answer = served.ask("/v2/models/homepage/infer", {"inputs": [tensor]}, subject=subject)
        assert answer.status == OK
        found: list[float] = answer.said["outputs"][0]["data"]
        return found

    together = scores(rows, "ada")
    for number in range(8):
        alone = [scores([row], f"subject {number}")[0] for row in rows[:3]]
        assert alone == pytest.approx(together[:3], rel=1e-5)


def test_every_example_is_served_here() -> None:
    """A new folder needs a test of its own."""
    here = Path(__file__).read_text()
    for folder in EXAMPLES.glob("*/policy.yaml"):
        assert f'@example("{folder.parent.name}")' in here
