"""Writes examples/policy/decisions/scorer.onnx: score = rows x weights, over hour, basket_usd, margin, popularity."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

WEIGHTS = (0.0, 0.01, 2.0, 1.0)


def model() -> onnx.ModelProto:
    """One matrix product of float rows (N, 4) with the weights to scores (N, 1)."""
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", len(WEIGHTS)])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [len(WEIGHTS), 1], WEIGHTS)
    product = helper.make_node("MatMul", ["rows", "weights"], ["score"])
    graph = helper.make_graph([product], "scorer", [rows], [score], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


if __name__ == "__main__":
    (Path(__file__).parents[1] / "examples/policy/decisions/scorer.onnx").write_bytes(model().SerializeToString())
