"""An independent load generator, unchanged, against `breakeven serve`: what it reports beside what our ledger holds.

    python bench/load_generator.py                                          in front of bench/upstream.py
    python bench/load_generator.py --url http://127.0.0.1:8081/v1 --model smollm2        in front of a running server
    python bench/load_generator.py --direct ...                             and once without the gateway, for comparison

guidellm 0.8.1 (Apache-2.0, 1.5 GB with torch) is installed in an environment of its own; it counts prompt tokens with a
tokenizer that is trained here in seconds, while the figures come from the server's usage. A real server on a laptop:
llama-server with `-t 1 -np 4` on the first core (`taskset -c 0`); the gateway then runs on the second, with the load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import peers
from served import FIRST, REST, Serve, Upstream, on

GUIDELLM = "0.8.1"
TRAIN = """
import glob, sys, sysconfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
tokens = Tokenizer(models.BPE())
tokens.pre_tokenizer, tokens.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
texts = sorted(glob.glob(sysconfig.get_paths()["stdlib"] + "/*.py"))[:60]
alphabet = pre_tokenizers.ByteLevel.alphabet()
tokens.train(texts, trainers.BpeTrainer(vocab_size=4000, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet))
PreTrainedTokenizerFast(tokenizer_object=tokens, bos_token="<s>", eos_token="</s>").save_pretrained(sys.argv[1])
"""
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def installed(cache: Path) -> Path:
    """The folder of guidellm's environment, with a tokenizer beside it.

    Raises:
        MissingError: it cannot be installed here.
    """
    folder = cache / "guidellm"
    for torch in ("torch==2.13.0+cpu", "torch"):  # without an own index the second brings CUDA along, 6 GB
        if (folder / "bin/guidellm").exists():
            break
        folder.mkdir(parents=True, exist_ok=True)
        for step in peers.pip_steps(folder, f"guidellm=={GUIDELLM}", torch):
            done = peers.step_done(step, folder)
    if not (folder / "bin/guidellm").exists():
        raise peers.MissingError(done.stderr.strip()[-300:])
    if not (folder / "tokenizer").exists():
        subprocess.run([str(folder / "bin/python"), "-c", TRAIN, str(folder / "tokenizer")], env=clean(), check=True)
    return folder


def clean() -> dict[str, str]:
    """The environment without this project's own modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | QUIET


def generate(folder: Path, root: str, options: argparse.Namespace, seed: int) -> dict[str, float]:
    """Run it; medians in milliseconds, and totals."""
    known = has_health(root)
    backend = f"kind=openai_http,target={root},model={options.model}{'' if known else ',validate_backend=false'}"
    if not known:
        print(f"{root}/health does not answer: guidellm needs validate_backend=false", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "report.json"
        command = [
            str(folder / "bin/guidellm"), "run", "--backend", backend, "--disable-console",
            "--profile", f"kind=concurrent,streams={options.streams}",
            "--constraint", f"kind=max_requests,count={options.requests}",
            "--tokenizer", f"kind=huggingface_auto,model={folder / 'tokenizer'}",
            "--data", f"kind=synthetic_text,prompt_tokens={options.prompt},output_tokens={options.output}",
            "--seed", f"kind=static,value={seed}",
            "--output", f"kind=json,path={path}",
        ]  # fmt: skip
        with on(REST):
            done = subprocess.run(command, env=clean(), capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"guidellm ended with {done.returncode}: {done.stderr[-1500:]}"
            raise SystemExit(message)
        (bench,) = json.loads(path.read_text())["benchmarks"]
    metrics = {name: value["successful"] for name, value in bench["metrics"].items() if _is_metric(value)}
    totals = bench["metrics"]["request_totals"]
    return {
        "requests": totals["successful"],
        "failed": totals["errored"] + totals["incomplete"],
        "input_tokens": metrics["prompt_token_count"]["mean"] * totals["successful"],
        "output_tokens": metrics["output_token_count"]["mean"] * totals["successful"],
        "ttft_p50_ms": metrics["time_to_first_token_ms"]["median"],
        "tpot_p50_ms": metrics["inter_token_latency_ms"]["median"],
        "total_p50_ms": metrics["request_latency"]["median"] * 1000,
    }


def _is_metric(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("successful"), dict)


def has_health(root: str) -> bool:
    """Whether the server answers at /health, where many clients look first."""
    try:
        with urllib.request.urlopen(f"{root}/health", timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ledger(serve: Serve) -> dict[str, float]:
    """The same figures out of the sealed records."""
    records: list[Any] = [record for record in serve.records() if record["stream"]]
    good = [record for record in records if record["status"] == "answered"]

    def median_ms(name: str) -> float:
        return statistics.median([record[name] for record in good if record[name] is not None] or [0.0]) * 1000

    return {
        "requests": len(good),
        "failed": len(records) - len(good),
        "input_tokens": sum(record["consumed_input_tokens"] for record in good),
        "output_tokens": sum(record["consumed_output_tokens"] for record in good),
        "ttft_p50_ms": median_ms("ttft_s"),
        "tpot_p50_ms": median_ms("tpot_s"),
        "total_p50_ms": median_ms("total_s"),
    }


def compare(url: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Both accounts of one load, and that of a load without the gateway: other prompts, none from a prefix cache."""
    folder = installed(options.cache)
    found: dict[str, dict[str, float]] = {}
    if options.direct:
        found["direct"] = generate(folder, url.removesuffix("/v1"), options, seed=1)
    with Serve(url, cores=FIRST if not options.url else REST) as serve:
        found["guidellm"] = generate(folder, serve.root, options, seed=2)
        found["ledger"] = ledger(serve)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="an OpenAI-compatible server that runs already, with /v1")
    parser.add_argument("--model", default="m")
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=48)
    parser.add_argument("--output", type=int, default=32)
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cache", type=Path, default=peers.CACHE)
    options = parser.parse_args()
    os.sched_setaffinity(0, REST)
    if options.url:
        found = compare(options.url, options)
    else:
        with Upstream() as up:
            found = compare(up.url("pace-10"), options)
    if options.json:
        print(json.dumps(found))
        return
    names = list(found)
    print(f"{'':<14}" + "".join(f"{name:>12}" for name in names))
    for figure in found["ledger"]:
        print(f"{figure:<14}" + "".join(f"{found[name][figure]:>12.1f}" for name in names))


if __name__ == "__main__":
    main()
