"""ONNX operators as differentiable torch functions, after the ONNX operator specification (opsets 7 to 23).

Each takes the node's attributes and its inputs (None where an optional one is left out) and gives its first output, or
a tuple of all. What a function cannot do as the specification says raises UnsupportedGraphError, naming it; nothing is
approximated. The one liberty: rounding to quantised codes passes gradients on, as quantisation-aware training does.
"""

from __future__ import annotations

from scanning.detectors.onnx_ops_base import Attributes, Inputs, Operator, Result, UnsupportedGraphError
from scanning.detectors.onnx_ops_maths import MATHS
from scanning.detectors.onnx_ops_norms import NORMS
from scanning.detectors.onnx_ops_picks import PICKS
from scanning.detectors.onnx_ops_shapes import SHAPES
from scanning.detectors.onnx_ops_windows import WINDOWS

__all__ = ["OPERATORS", "OUTPUTS", "PARAMETERS", "Attributes", "Inputs", "Operator", "Result", "UnsupportedGraphError"]

OPERATORS: dict[str, Operator] = {**MATHS, **NORMS, **PICKS, **SHAPES, **WINDOWS}

# How many outputs of an operator can be had; the others give one.
OUTPUTS = {"Dropout": 2, "LayerNormalization": 3, "Split": 1024, "TopK": 2}

# Inputs that say how to run, not what to count: shapes, axes, places. Constant ones stay on the CPU as they are read
# there anyway, whatever device the model runs on.
PARAMETERS = {
    "Col2Im": (1, 2), "CumSum": (1,), "Dropout": (1, 2), "Expand": (1,), "OneHot": (1,), "Pad": (1, 2, 3),
    "Resize": (1, 2, 3), "Reshape": (1,), "Slice": (1, 2, 3, 4), "Split": (1,), "Squeeze": (1,), "Tile": (1,),
    "TopK": (1,), "Trilu": (1,), "Unsqueeze": (1,), **{name: (1,) for name in MATHS if name.startswith("Reduce")},
}  # fmt: skip
