"""ONNX graphs built in code: an input x, an answer y, and whatever nodes a test asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node


def cast(source: str, out: str, to: int = TensorProto.FLOAT) -> Any:
    return node("Cast", [source], [out], to=to)


def array(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else np.asarray(value, dtype="f4")


def model(
    nodes: list[Any],
    constants: dict[str, Any] | None = None,
    inputs: dict[str, int] | None = None,
    functions: list[Any] | None = None,
) -> Any:
    """Constants are float32 unless they are arrays already. inputs: name -> element type, x as float32 by default."""
    entries = [
        helper.make_tensor_value_info(name, element, None)
        for name, element in (inputs or {"x": TensorProto.FLOAT}).items()
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    weights = [numpy_helper.from_array(array(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", entries, outputs, weights)
    return helper.make_model(graph, functions=functions or [])
