"""Batch curves of four classic models on this machine, for the scenarios: what they take, by rows in a call.

    python bench/classic_curves.py [--only fraud] [--calls 60] [--out examples/scenarios]

The models are made here: architectures in use (a gradient-boosted ensemble, an MLP ranker, a dot product for retrieval,
ResNet-18), weights and inputs drawn, since time does not depend on what they say. One thread, as `breakeven measure`;
what counts is the CPU time of that thread, which is the wall time on a core that nothing else uses. A minute.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import NodeProto, TensorProto, helper, numpy_helper

from breakeven.schema.measurement import Measurement, write_rows

HARDWARE = "cpu-epyc-1-core"
WARM_UP = 3
TREES, DEPTH, FEATURES = 500, 6, 64
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))


class Graph:
    """Nodes and drawn weights as they are added; the first value is called x."""

    def __init__(self, seed: int) -> None:
        self.drawn = np.random.default_rng(seed)
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, shape: Sequence[int]) -> str:
        """The name of a tensor drawn so that activations keep their size."""
        name = f"w{len(self.weights)}"
        fan = int(np.prod(shape[1:])) if len(shape) > 2 else shape[0]
        values = (self.drawn.normal(size=shape) / np.sqrt(fan)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """The name of a node's value."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(self, shape: Sequence[int], out: str) -> onnx.ModelProto:
        """The whole of it, with a free first axis."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])
        y = helper.make_tensor_value_info(out, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "made", [x], [y], self.weights)
        sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=sets, ir_version=9)


def mlp(*widths: int) -> onnx.ModelProto:
    """A ranker: rows of features to a score."""
    graph, value = Graph(1), "x"
    for before, after in itertools.pairwise(widths):
        value = graph.add("MatMul", value, graph.weight((before, after)))
        value = graph.add("Relu", value) if after > 1 else graph.add("Sigmoid", value)
    return graph.model(widths[:1], value)


def trees() -> onnx.ModelProto:
    """A gradient-boosted ensemble of full binary trees."""
    graph, inner = Graph(2), 2**DEPTH - 1
    size, each = 2 ** (DEPTH + 1) - 1, np.arange(2 ** (DEPTH + 1) - 1)
    branch, of_tree = each < inner, np.repeat(np.arange(TREES), size)
    leaves = np.tile(~branch, TREES)
    value = graph.add(
        "TreeEnsembleRegressor",
        "x",
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=of_tree.tolist(),
        nodes_nodeids=np.tile(each, TREES).tolist(),
        nodes_featureids=graph.drawn.integers(0, FEATURES, TREES * size).tolist(),
        nodes_values=graph.drawn.normal(size=TREES * size).astype(np.float32).tolist(),
        nodes_modes=np.where(leaves, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_truenodeids=np.tile(np.where(branch, 2 * each + 1, 0), TREES).tolist(),
        nodes_falsenodeids=np.tile(np.where(branch, 2 * each + 2, 0), TREES).tolist(),
        target_treeids=of_tree[leaves].tolist(),
        target_nodeids=np.tile(each, TREES)[leaves].tolist(),
        target_ids=[0] * int(leaves.sum()),
        target_weights=graph.drawn.normal(size=int(leaves.sum())).astype(np.float32).tolist(),
    )
    return graph.model((FEATURES,), value)


def resnet() -> onnx.ModelProto:
    """ResNet-18 with batch normalisation folded away."""
    graph = Graph(3)

    def conv(value: str, into: int, out: int, size: int, stride: int) -> str:
        padding = [size // 2] * 4
        weight = graph.weight((out, into, size, size))
        return graph.add("Conv", value, weight, strides=[stride, stride], pads=padding)

    value = graph.add("Relu", conv("x", 3, 64, 7, 2))
    value = graph.add("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    into = 64
    for out, first in STAGES:
        for stride in (first, 1):
            skip = value if (into, stride) == (out, 1) else conv(value, into, out, 1, stride)
            value = conv(graph.add("Relu", conv(value, into, out, 3, stride)), out, out, 3, 1)
            value, into = graph.add("Relu", graph.add("Add", value, skip)), out
    value = graph.add("Flatten", graph.add("GlobalAveragePool", value))
    return graph.model((3, 224, 224), graph.add("MatMul", value, graph.weight((512, 2))))


MODELS: dict[str, tuple[str, Callable[[], onnx.ModelProto], tuple[int, ...], tuple[int, ...]]] = {
    "ranker": (
        "homepage/ranker_curve.csv",
        lambda: mlp(256, 1024, 512, 256, 1),
        (256,),
        (1, 4, 16, 64, 128, 256, 512, 1024, 2048),
    ),
    "retrieval": ("cascade/retrieval_curve.csv", lambda: mlp(64, 32, 1), (64,), (1, 16, 256, 1024, 4096, 16384)),
    "fraud": ("fraud/fraud_curve.csv", trees, (FEATURES,), (1, 2, 4, 8, 16, 32, 64)),
    "imaging": ("imaging/imaging_curve.csv", resnet, (3, 224, 224), (1, 2, 4, 8)),
}
"""File, model, shape of a row, and rows in a call."""


def own_times(session: ort.InferenceSession, feed: np.ndarray, calls: int) -> list[float]:
    """CPU seconds of this thread in each call after the warm-up."""
    found: list[float] = []
    for _ in range(WARM_UP + calls):
        began = time.thread_time()
        session.run(None, {"x": feed})
        found.append(time.thread_time() - began)
    return found[WARM_UP:]


def curve(name: str, calls: int) -> list[Measurement]:
    """Mean and median by rows in a call, as `breakeven measure` writes them."""
    _, make, shape, sizes = MODELS[name]
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(make().SerializeToString(), options, providers=["CPUExecutionProvider"])
    drawn, found = np.random.default_rng(4), []
    for rows in sizes:
        times = own_times(session, drawn.normal(size=(rows, *shape)).astype(np.float32), calls)
        values = {"latency_ms": statistics.mean(times), "p50_latency_ms": statistics.median(times)}
        print(f"{name}: {rows} rows, median {1e3 * values['p50_latency_ms']:.4g} ms")
        found += [_row(name, rows, metric, 1e3 * seconds) for metric, seconds in values.items()]
    return found


def _row(name: str, rows: int, metric: str, value: float) -> Measurement:
    return Measurement(
        source="own measurement", version=ort.__version__, date=datetime.now(UTC).date().isoformat(),
        engine="onnxruntime", model=name, gpu=HARDWARE, ngpu=1, tp=1, precision="fp32", isl=None, osl=None,
        load_kind="batch", load=float(rows), metric=metric, value=float(f"{value:.6g}"), unit="ms",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(MODELS), action="append")
    parser.add_argument("--calls", type=int, default=60, help="calls of each size")
    parser.add_argument("--out", type=Path, default=Path("examples/scenarios"))
    asked = parser.parse_args()
    for name in asked.only or MODELS:
        path = asked.out / MODELS[name][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_rows(curve(name, asked.calls)))


if __name__ == "__main__":
    main()
