"""Convolutions, pools, resampling, norms and quantised codes; one, two and three spatial axes."""

from __future__ import annotations

import numpy as np

from tests.scanning.detectors.onnx_cases.case import DRAWS, Case, floats, ints, number, positives

LINE, VOLUME = (2, 3, 9), (2, 3, 5, 6, 4)
GRID = DRAWS.uniform(-1.2, 1.2, size=(2, 4, 5, 2)).astype(np.float32)


def resize(scales: list[float] | None, **attributes: object) -> Case:
    """sizes: asked for by `sizes`, else by `scales`."""
    sizes = attributes.pop("sizes", None)
    opset = int(str(attributes.pop("opset", 18)))
    factors = np.array(scales if scales is not None else [], dtype=np.float32)
    constants = [None, factors] if sizes is None else [None, None, np.array(sizes, dtype=np.int64)]
    return Case("Resize", constants, attributes, shape=(2, 2, 5, 6), opset=opset)


WINDOW_CASES = [
    Case("Conv", [floats(4, 3, 3, 3), floats(4)], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "strides": [2, 1], "pads": [0, 1, 2, 1]}),
    Case("Conv", [floats(3, 1, 3, 3)], {"kernel_shape": [3, 3], "group": 3, "dilations": [2, 2]}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", [floats(4, 3, 4, 4)], {"kernel_shape": [4, 4], "auto_pad": "SAME_LOWER"}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "auto_pad": "VALID"}),
    Case("Conv", [floats(4, 3, 3)], {"kernel_shape": [3], "pads": [1, 1]}, shape=LINE),
    Case("Conv", [floats(4, 3, 3, 3)], {"strides": [2, 2]}),
    Case("ConvTranspose", [floats(3, 4, 3, 3), floats(4)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("ConvTranspose", [floats(3, 2, 2)], {"strides": [2], "output_padding": [1]}, shape=LINE),
    Case("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "dilations": [2, 2]}),
    Case("MaxPool", [], {"kernel_shape": [3], "strides": [2]}, shape=LINE),
    Case("MaxPool", [], {"kernel_shape": [2, 2, 2]}, shape=VOLUME),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("AveragePool", [], {"kernel_shape": [3], "pads": [1, 0]}, shape=LINE),
    Case("Col2Im", [ints(5, 5), ints(1, 5)], shape=(2, 5, 5), opset=18),
    Case("Col2Im", [ints(4, 5), ints(2, 3)], {"pads": [1, 0, 1, 0], "strides": [2, 1]}, shape=(2, 12, 9), opset=18),
    Case("GlobalAveragePool"),
    Case("GlobalAveragePool", shape=LINE),
    Case("GlobalMaxPool"),
    Case("GridSample", [GRID], {"mode": "cubic"}, shape=(2, 2, 6, 5), opset=20),
    Case("GridSample", [GRID], {"mode": "nearest", "padding_mode": "border"}, shape=(2, 2, 6, 5)),
    Case("GridSample", [GRID], {"mode": "linear", "align_corners": 1}, shape=(2, 2, 6, 5), opset=20),
    resize([1, 1, 2, 2], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    resize([1, 1, 0.6, 1.7], mode="nearest"),
    resize([1, 1, 2, 0.5], mode="nearest", nearest_mode="ceil", opset=13),
    resize([1, 1, 2, 3], mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
    resize([1, 1, 1.5, 0.7], mode="linear", coordinate_transformation_mode="asymmetric"),
    resize(None, mode="linear", sizes=[2, 2, 7, 4], coordinate_transformation_mode="align_corners"),
    resize([1, 1, 1.5, 2], mode="cubic"),
    resize([1, 1, 1.5, 2], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5),
    resize([2, 2], mode="linear", axes=[2, 3]),
]

NORM_CASES = [
    Case("BatchNormalization", [floats(3), floats(3), floats(3), positives(3)], {"epsilon": 1e-3}),
    Case("BatchNormalization", [floats(3), floats(3), floats(3), positives(3)], shape=(4, 3)),
    Case("LayerNormalization", [floats(8), floats(8)], {"axis": -1}),
    Case("LayerNormalization", [floats(8, 8)], {"axis": 2}, outputs=3),
    Case("LayerNormalization", [number(1.5)], {"axis": 1}),
    Case("InstanceNormalization", [floats(3), floats(3)]),
    Case("InstanceNormalization", [floats(3), floats(3)], {"epsilon": 0.1}, shape=LINE),
    Case("GroupNormalization", [floats(2), floats(2)], {"num_groups": 2}, shape=(2, 4, 3, 3), opset=18),
    Case("GroupNormalization", [floats(4), floats(4)], {"num_groups": 2}, shape=(2, 4, 3, 3), opset=21),
    Case("LpNormalization", [], {"axis": 1}),
    Case("LpNormalization", [], {"axis": -1, "p": 1}, positive=True),
    # onnx 1.23 has the reference walk over as many channels as there are images, so there are as many images here.
    Case("LRN", [], {"size": 3, "alpha": 0.1, "bias": 2.0}, shape=(6, 6, 3, 3)),
    Case("LRN", [], {"size": 4, "alpha": 0.5}, shape=(6, 6, 3, 3)),
    Case("MeanVarianceNormalization"),
    Case("QuantizeLinear", [number(0.1), np.array(3, dtype=np.int8)]),
    Case("QuantizeLinear", [number(0.02)]),
    Case("QuantizeLinear", [positives(3), np.array([0, 5, 9], dtype=np.uint8)], {"axis": 1}),
    Case("DequantizeLinear", [number(0.1), np.array(3, dtype=np.int8)], kind=3, scale=30.0, opset=19),
    Case(
        "DequantizeLinear",
        [positives(3), np.array([0, 5, 9], dtype=np.int8)],
        {"axis": 1},
        kind=3,
        scale=30.0,
        opset=19,
    ),
]
