"""Shapes, parts, padding, picking by place."""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper

from tests.scanning.detectors.onnx_cases.case import INT, Case, floats, ints, number

ASKED = {"value": numpy_helper.from_array(np.array([7], dtype=np.int64))}
PADS = ints(0, 0, 1, 2, 0, 0, 0, 1)

SHAPE_CASES = [
    Case("Identity"),
    Case("Dropout"),
    Case("Dropout", outputs=2),
    Case("Dropout", [number(0.4), np.array(False)]),
    Case("Flatten", [], {"axis": 2}),
    Case("Flatten", [], {"axis": -1}),
    Case("Flatten", [], {"axis": 0}),
    Case("Reshape", [ints(0, -1)]),
    Case("Reshape", [ints(2, -1, 4)], {"allowzero": 1}),
    Case("Squeeze", [ints(1)], shape=(2, 1, 4)),
    Case("Squeeze", shape=(2, 1, 4, 1)),
    Case("Squeeze", [], {"axes": [1]}, shape=(2, 1, 4), opset=11),
    Case("Unsqueeze", [ints(0, -1)]),
    Case("Unsqueeze", [], {"axes": [0, 2]}, opset=11),
    Case("Transpose", [], {"perm": [0, 2, 3, 1]}),
    Case("Transpose"),
    Case("Concat", [floats(2, 1, 8, 8)], {"axis": 1}),
    Case("Concat", [floats(2, 3, 8, 2), floats(2, 3, 8, 1)], {"axis": -1}, before=True),
    Case("Split", [ints(3, 5)], {"axis": 2}, outputs=2),
    Case("Split", [], {"axis": -1}, outputs=4),
    Case("Split", [], {"axis": 3, "num_outputs": 3}, outputs=3, opset=18),
    Case("Split", [], {"axis": 2, "split": [1, 7]}, outputs=2, opset=11),
    Case("Slice", [ints(1, -3), ints(9, 8), ints(2, 3), ints(2, 1)]),
    Case("Slice", [ints(-1, 6), ints(-(2**63), 1), ints(2, 3), ints(-1, -2)]),
    Case("Slice", [ints(5), ints(2), ints(-1)]),
    Case("Slice", [ints(1), ints(2**63 - 1)]),
    Case("Slice", [], {"starts": [1], "ends": [3], "axes": [3]}, opset=9),
    Case("Pad", [PADS, number(0.7)]),
    Case("Pad", [PADS], {"mode": "reflect"}),
    Case("Pad", [PADS], {"mode": "edge"}),
    Case("Pad", [PADS], {"mode": "wrap"}, opset=19),
    Case("Pad", [ints(1, 0, 2, 0), None, ints(3, 2)], opset=18),
    Case("Pad", [ints(9, 5), None, ints(3)], {"mode": "reflect"}, opset=18),
    Case("Pad", [], {"pads": [0, 0, 1, 2, 0, 0, 0, 1], "value": 0.7, "mode": "constant"}, opset=10),
    Case("Expand", [ints(2, 1, 1, 4)], shape=(2, 3, 1)),
    Case("Expand", [ints(3, 1)], shape=(2, 1, 4)),
    Case("Tile", [ints(1, 2, 1, 3)]),
    Case("Shape"),
    Case("Shape", [], {"start": 1, "end": -1}),
    Case("Size"),
    Case("ConstantOfShape", [], ASKED, kind=INT, shape=(3,), positive=True, scale=2.0),
    Case("ConstantOfShape", [], kind=INT, shape=(2,), positive=True, scale=2.0),
    Case("DepthToSpace", [], {"blocksize": 2}, shape=(2, 8, 3, 4)),
    Case("DepthToSpace", [], {"blocksize": 2, "mode": "CRD"}, shape=(2, 8, 3, 4)),
    Case("SpaceToDepth", [], {"blocksize": 2}),
]

PICK_CASES = [
    Case("Gather", [ints(-1, 0)], {"axis": 1}),
    Case("Gather", [np.array(1)], {"axis": 2}),
    Case("Gather", [np.array([[0, 1], [2, 1]])], {"axis": -1}),
    Case("GatherElements", [np.array([[1, -1], [0, 2]])], {"axis": 1}, shape=(2, 3)),
    Case("GatherND", [np.array([[0, 1], [1, -1]])], shape=(2, 3, 4)),
    Case("GatherND", [np.array([[1], [0]])], {"batch_dims": 1}, shape=(2, 3, 4)),
    Case("ScatterElements", [np.array([[1, 0]]), floats(1, 2)], {"axis": 1}, shape=(2, 3)),
    Case("ScatterElements", [np.array([[1, 1]]), floats(1, 2)], {"axis": 1, "reduction": "add"}, shape=(2, 3), opset=18),
    Case("ScatterElements", [np.array([[1, 2]]), floats(1, 2)], {"axis": 1, "reduction": "max"}, shape=(2, 3), opset=18),
    Case("ScatterND", [np.array([[0, 1], [1, 2]]), floats(2, 4)], shape=(2, 3, 4)),
    Case("ScatterND", [np.array([[1], [1]]), floats(2, 3)], {"reduction": "add"}, shape=(2, 3), opset=18),
    Case("OneHot", [np.array(4), floats(2)], kind=INT, positive=True, shape=(2, 3), scale=2.0),
    Case("OneHot", [np.array(4), floats(2)], {"axis": 0}, kind=INT, shape=(2, 3), scale=2.0),
    Case("TopK", [ints(2)], outputs=2),
    Case("TopK", [ints(2)], {"axis": 1, "largest": 0}, outputs=2, kind=INT),
    Case("NonZero", kind=INT, shape=(3, 4)),
]  # fmt: skip
