"""The examples of docs/api.md, against a real gateway with the page's own policy, a model server and a ranker."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from breakeven.demo.process import free_port, wait_until_ready

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


class Model(BaseHTTPRequestHandler):
    """A model server that answers each of OpenAI's APIs with as much as was asked for."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply({"object": "list", "data": [{"id": "llama-3.1-8b", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": at, "embedding": [0.5]} for at in range(len(body["input"]))]
            self.reply({"object": "list", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}})
        elif not self.path.endswith("/chat/completions"):
            choices = [{"index": at, "text": "...", "finish_reason": "stop"} for at in range(len(body["prompt"]))]
            self.reply({"object": "text_completion", "choices": choices, "usage": USAGE})
        elif body.get("stream"):
            chunks = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("On", " its", " way")]
            events = [b"data: " + json.dumps(one).encode() for one in (*chunks, {"choices": [], "usage": USAGE})]
            self.reply(b"\n\n".join([*events, b"data: [DONE]\n\n"]), "text/event-stream")
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "On its way"}}
            self.reply({"object": "chat.completion", "choices": [choice], "usage": USAGE})

    def reply(self, said: object, kind: str = "application/json") -> None:
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def model_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def write_ranker(path: Path) -> None:
    """FP32 rows of four, a score for each: what a product earns."""
    weights = numpy_helper.from_array(np.array([[0.0], [0.1], [-0.01], [1.0]], dtype=np.float32), "w")
    rows = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 4])
    scores = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])
    graph = helper.make_graph([helper.make_node("MatMul", ["input", "w"], ["score"])], "g", [rows], [scores], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)


@pytest.mark.slow
def test_the_examples_run(start: Callable[..., subprocess.Popen[bytes]], model_port: int, tmp_path: Path) -> None:
    """Every example is answered, those whose answer the page shows as it shows it."""
    port = free_port()
    write_ranker(tmp_path / "ranker.onnx")
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text.replace("8080", str(port)).replace("9000", str(model_port)))
    start("serve")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    answers = {code: run(code.replace("8080", str(port))) for code in blocks("sh")}
    [stream] = [answer for code, answer in answers.items() if '"stream": true' in code]
    assert re.search(r": breakeven \{.*\}\n\ndata: \[DONE\]\n\n$", stream)
    decision, error = map(json.loads, blocks("json"))
    [decided] = [json.loads(answer) for code, answer in answers.items() if "/v1/decisions/" in code]
    assert list(decided) == list(decision)
    assert [list(one) for one in decided["actions"]] == [list(one) for one in decision["actions"]]
    assert [one["propensity"] for one in decided["actions"]] == [one["propensity"] for one in decision["actions"]]
    [refused] = [json.loads(answer) for code, answer in answers.items() if '"max_tokens": -1' in code]
    assert refused == error


def run(code: str) -> str:
    """What an example prints; it must succeed."""
    ran = subprocess.run(["bash", "-euc", code], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, f"{code}\n{ran.stdout}{ran.stderr}"
    return ran.stdout
