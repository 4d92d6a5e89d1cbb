"""`breakeven simulate` and `breakeven size` as their users type them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from breakeven.app import simulate as app
from breakeven.catalog.load import load
from breakeven.cli.main import main
from breakeven.perf.forecast import points
from breakeven.perf.simulate import simulate
from breakeven.workload.parse import parse

WORKLOAD = "rate: 4\ninput_tokens: {mean: 600, p50: 400, p95: 1800}\noutput_tokens: 80\nrequests: 200\n"
ROWS = ["arrived_at,num_prefill_tokens,num_decode_tokens", "0,374,44", "4.3,396,109", "4.4,879,55", "9,91,16"]
DEPLOYMENT = ("--model", "llama-3.1-8b", "--accelerator", "h100-sxm")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(WORKLOAD)
    Path("t.csv").write_text("\n".join(ROWS))
    return tmp_path


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def answered(*arguments: str) -> dict[str, object]:
    done = typed(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_the_json_is_the_simulation_of_the_same_trace() -> None:
    """Requests, latencies and throughput of the command are those of `perf.simulate`."""
    found = answered("simulate", *DEPLOYMENT, "--trace", "t.csv", "--replicas", "2")
    options = {"model": "llama-3.1-8b", "accelerator": "h100-sxm", "trace": "t.csv", "replicas": 2}
    run = simulate(parse(Path("t.csv").read_text(), "t.csv"), app.simulate(options).replica.curve, 2)
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        shown = points(run, name)
        assert found[name] == {field: getattr(shown, field) for field in ("mean", "p50", "p95", "p99")}
    assert (found["requests"], found["output_tokens_per_s"]) == (4, run.output_tokens_s)
    for name in ("goodput_rps", "power_w", "energy_j_per_token", "curve", "memory_bytes", "intervals"):
        assert found[name]


def test_a_fact_is_overridden_and_said() -> None:
    """Another bandwidth makes it faster; the JSON and the text name the figure, what it was and its source."""
    shipped = answered("simulate", *DEPLOYMENT, "--trace", "t.csv")
    changed = ("simulate", *DEPLOYMENT, "--trace", "t.csv", "--set", "accelerator.memory_bandwidth=4.8TB/s")
    faster = answered(*changed)
    assert faster["tpot_s"]["mean"] < shipped["tpot_s"]["mean"]
    assert shipped["overrides"] == []
    was = load().accelerator("h100-sxm").bandwidth_bytes_s
    assert f"bandwidth_bytes_s = 4.8e+12 byte/s instead of {was:.10g}" in faster["overrides"][0]
    assert "overridden: accelerator h100-sxm" in typed(*changed).stdout.replace("\n  ", " ")


def test_the_same_words_give_the_same_bytes() -> None:
    """A drawn workload is drawn alike each time, and differs with its seed."""
    arguments = ("simulate", *DEPLOYMENT, "--workload", "w.yaml", "--json")
    first, second = (typed(*arguments).stdout for _ in range(2))
    assert first == second
    Path("w.yaml").write_text(WORKLOAD + "seed: 1\n")
    assert typed(*arguments).stdout != first


def test_every_option_of_serving_changes_what_it_should() -> None:
    """Each option reaches the simulator."""
    base = ("simulate", *DEPLOYMENT, "--workload", "w.yaml", "--replicas", "3")
    plain = answered(*base)["serving"]
    for option, value, key, wanted in (
        ("--max-batch-tokens", "512", "max_batch_tokens", 512),
        ("--growth", "recompute", "growth", "recompute"),
        ("--prefix-cache", "0.4", "hit_probability", 0.4),
        ("--routing", "round_robin", "routing", "round_robin"),
        ("--seed", "7", "seed", 7),
    ):
        found = answered(*base, option, value)["serving"]
        assert plain[key] != wanted
        assert found[key] == wanted
    assert answered(*base, "--no-chunked")["serving"]["chunked"] is False
    assert answered(*base, "--speculate", "3:0.7:1")["serving"]["speculation"]["draft_s"] == pytest.approx(1e-3)
    split = answered(*base, "--split", "1:25")["serving"]["split"]
    assert split["transfer_s_per_token"] == pytest.approx(131072 / 25e9, rel=0.01)
    assert answered(*base, "--autoscale", "1:4:8:20")["serving"]["autoscale"]["cold_start_s"] == 20
    assert answered(*base, "--admit-ttft", "2")["serving"]["admission"]["ttft_s"] == 2
    assert answered(*base, "--outage", "0:5")["serving"]["outages"][0]["replica"] == 0


def test_a_model_of_ones_own(folder: Path) -> None:
    """A published config.json stands in for the catalog; the catalog's own model gives the same step time."""
    shape = {
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(shape))
    own = ("simulate", "--model", "llama-3.1-8b", "--model-config", "config.json", "--accelerator", "h100-sxm")
    shipped = answered("simulate", *DEPLOYMENT, "--trace", "t.csv")
    assert answered(*own, "--trace", "t.csv")["curve"] == shipped["curve"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--tp", "3"), 2, ("32 attention heads, which 3 boards", "use 2 boards")),
        (("--tp", "0"), 2, ("0 boards", "at least 1")),
        (("--pp", "33"), 2, ("32 layers, which 33 stages", "1 to 32 stages")),
        (("--replicas", "0"), 2, ("0 replicas", "at least 1")),
        (("--replicas", "-2"), 2, ("-2 replicas", "at least 1")),
        (("--engine", "tgi"), 2, ("engine 'tgi' is unknown", "vllm, sglang, trtllm")),
        (("--precision", "fp6"), 2, ("precision 'fp6' is unknown", "`fp16`")),
        (("--rate", "-1"), 2, ("-1", "x>0")),
        (("--model", "llama-3.1-405b"), 4, ("811.7 GB of weights", "has 86 GB", "use 16 x h100-sxm")),
        (("--model", "lama-3.1-8b"), 3, ("is not in the catalog", "llama-3.1-8b", "--model-config FILE")),
        (("--accelerator", "a100"), 3, ("could be", "a100-sxm-80gb")),
        (("--set", "accelerator.bandwith=1"), 2, ("no field 'bandwith'", "accelerator.bandwidth")),
        (("--coefficients", "w.yaml"), 3, ("holds no coefficients", "breakeven calibrate")),
        (("--workload", "w.yaml"), 2, ("both given", "one of them")),
        (("--split", "1"), 2, ("1 of 1 replicas", "at least one replica")),
        (("--prefix-cache", "2"), 2, ("2 is no chance", "0 to 1")),
        (("--speculate", "a"), 2, ("'a' cannot be read", "3:0.7:1")),
        (("--autoscale", "1.5:4:8"), 2, ("1.5 is no whole number", "1 or 2")),
        (("--ttft", "5", "--budget", "2"), 2, ("5 s is longer than --budget 2 s", "within 2 s")),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_with_both_numbers(arguments: Sequence[str], code: int, words: Sequence[str]) -> None:
    """What was asked, what there is, and the nearest that can be; the exit code of its kind."""
    stated = ["--model", "llama-3.1-8b", "--accelerator", "h100-sxm", "--trace", "t.csv", *arguments]
    done = typed("simulate", *stated)
    assert done.exit_code == code, done.output
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 3, ("no known trace format",)),
        (ROWS[0], 3, ("there is no request in it", "at least one line")),
        (f"{ROWS[0]}\n0,10,0\n1,10,5", 2, ("1 of 2 requests", "10 prompt and 0 output tokens", "--drop-empty")),
        (f"{ROWS[0]}\n0,10,-4", 3, ("-4", "never negative")),
        (f"{ROWS[0]}\nsoon,10,4", 3, ("t.csv:2", "soon")),
    ],
)
def test_a_bad_trace_is_a_sentence(text: str, code: int, words: Sequence[str]) -> None:
    """Empty, without answers, negative, or no trace at all."""
    Path("t.csv").write_text(text)
    done = typed("simulate", *DEPLOYMENT, "--trace", "t.csv")
    assert done.exit_code == code, done.output
    for word in words:
        assert word in done.stderr


def test_what_was_done_to_a_trace_is_said() -> None:
    """Sorted, shortened, empty answers dropped, compressed or not: each has its sentence among what is assumed."""
    Path("t.csv").write_text("\n".join([ROWS[0], ROWS[2], ROWS[1], *ROWS[3:], "10,10,0"]))
    found = answered("simulate", *DEPLOYMENT, "--trace", "t.csv", "--drop-empty", "--requests", "3")
    said = " ".join(found["assumed"])
    assert "request 2 at 0 s stood behind one at 4.3 s" in said
    assert "1 of 5 requests left out" in said
    assert "the middle 3 of 4 requests" in said
    assert found["requests"] == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rat: 4", ("w.yaml:5:1", "did you mean `rate`?")),
        ("requests: 0", ("w.yaml:5",)),
        ("arrivals: posson", ("posson", "poisson")),
        ("cv: 3", ("`cv: 3` is of bursty arrivals",)),
        ("seconds: 10", ("`requests: 200` and `seconds: 10` are both given",)),
        ("output_tokens: -3", ("w.yaml",)),
    ],
)
def test_a_bad_workload_is_told_with_its_place(line: str, words: Sequence[str]) -> None:
    """Unknown keys with a suggestion, values with what they may be."""
    Path("w.yaml").write_text(WORKLOAD + line + "\n")
    done = typed("simulate", *DEPLOYMENT, "--workload", "w.yaml")
    assert done.exit_code == 3, done.output
    for word in words:
        assert word in done.stderr


def test_the_smallest_deployment_keeps_its_targets_and_the_next_smaller_does_not() -> None:
    """The choice simulated by itself has the share that was stated; the next smaller misses, and says what by."""
    load_ = ("--workload", "w.yaml", "--rate", "60", "--ttft", "0.3", "--tpot", "0.01")
    found = answered("size", "--model", "llama-3.1-8b", "--accelerator", "h100-sxm,l40s", *load_, "--most", "16")
    best, less = found["choice"], found["next_smaller"]["choice"]
    layout = ("--tp", str(best["tp"]), "--pp", str(best["pp"]), "--replicas", str(best["replicas"]))
    alone = answered("simulate", "--model", "llama-3.1-8b", "--accelerator", best["accelerator"], *layout, *load_)
    assert alone["goodput_share"] == best["share"] >= 0.95
    assert less["accelerators"] < best["accelerators"]
    assert less["share"] < 0.95
    assert " against " in found["next_smaller"]["why"]
    assert found["margin"] == pytest.approx(best["share"] - 0.95)
    assert all(one["accelerators"] >= best["accelerators"] for one in found["runners_up"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--ttft", "0.001"), 4, ("TTFT 0.001 s", "ask for --ttft")),
        (("--tpot", "0.0001"), 4, ("TPOT 0.0001 s", "ask for --tpot")),
        ((), 2, ("there is no target",)),
        (("--ttft", "1", "--model", "llama-3.1-405b", "--most", "8"), 4, ("GB of weights", "--most")),
    ],
)
def test_what_cannot_be_says_what_is_in_the_way(arguments: Sequence[str], code: int, words: Sequence[str]) -> None:
    """The target that binds with both values, and what would do."""
    stated = ("--model", "llama-3.1-8b", "--accelerator", "l40s", "--workload", "w.yaml", "--most", "4", *arguments)
    done = typed("size", *stated)
    assert done.exit_code == code, done.output
    for word in words:
        assert word in done.stderr


def test_a_later_version_is_faster_and_said_so(tmp_path: Path) -> None:
    """Steps of a version beyond all that were fitted are shorter; the output says by how much."""
    trace = tmp_path / "one.csv"
    trace.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,50\n9,100,50\n")
    means = {}
    for version in ("0.1.0", "99.0"):
        output = CliRunner().invoke(
            main,
            ["simulate", "--model", "llama-3.1-8b", "--accelerator", "h100-sxm", "--engine", "vllm", "--engine-version",
             version, "--trace", str(trace), "--json"],
        ).output  # fmt: skip
        found = json.loads(output)
        means[version] = found["tpot_s"]["mean"]
        assert any("is later than any that was fitted" in one for one in found["assumed"]) == (version == "99.0")
    assert means["99.0"] < means["0.1.0"]
