"""What a case is, and the one-node model made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from scanning.detectors.onnx_ops import Attributes
from tests.scanning.detectors.material import onnx_model

DRAWS = np.random.default_rng(5)
BOOL, INT = TensorProto.BOOL, TensorProto.INT64


def floats(*shape: int) -> np.ndarray:
    return DRAWS.normal(size=shape).astype(np.float32)


def positives(*shape: int) -> np.ndarray:
    return np.abs(floats(*shape)) + np.float32(0.1)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def number(value: float) -> np.ndarray:
    return np.array(value, dtype=np.float32)


@dataclass
class Case:
    """kind: the images are turned into this type first; scale: and multiplied by this before."""

    operator: str
    constants: list[np.ndarray | None] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (2, 3, 8, 8)
    positive: bool = False
    least: float = 0.1  # of the positive ones
    opset: int = 17
    before: bool = False  # constants come before the images
    outputs: int = 1
    kind: int | None = None
    scale: float = 1.0

    def __str__(self) -> str:
        sizes = "x".join(map(str, self.shape))
        return f"{self.operator}-{self.opset}-{'-'.join(map(str, self.attributes))}-{len(self.constants)}-{sizes}"

    def images(self) -> np.ndarray:
        images = np.random.default_rng(11).normal(size=self.shape).astype(np.float32) * np.float32(self.scale)
        return np.abs(images) + np.float32(self.least) if self.positive else images

    def model(self, output: int = 0) -> ModelProto:
        names = ["" if value is None else f"c{place}" for place, value in enumerate(self.constants)]
        read = "x" if self.kind is None else "kept"
        results = [f"y{place}" for place in range(self.outputs)]
        node = helper.make_node(self.operator, [*names, read] if self.before else [read, *names], results)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in self.attributes.items())
        lead = [] if self.kind is None else [helper.make_node("Cast", ["x"], ["kept"], to=self.kind)]
        constants = {f"c{place}": value for place, value in enumerate(self.constants) if value is not None}
        shape: tuple[int | str, ...] = ("n", *self.shape[1:])
        return onnx_model([*lead, node], constants, shape=shape, opset=self.opset, output=results[output])

    def expected(self, output: int = 0) -> np.ndarray:
        found = ReferenceEvaluator(self.model(output)).run(None, {"x": self.images()})
        assert isinstance(found, list)
        return np.asarray(found[0])

    def tensors(self, images: torch.Tensor) -> list[torch.Tensor | None]:
        """The node's inputs, floating ones in double precision where the images are."""
        held = [None if value is None else torch.from_numpy(np.asarray(value)) for value in self.constants]
        typed = [
            value.double()
            if value is not None and images.dtype == torch.float64 and value.is_floating_point()
            else value
            for value in held
        ]
        return [*typed, images] if self.before else [images, *typed]

    def asked(self) -> Attributes:
        values = {
            name: torch.from_numpy(np.array(numpy_helper.to_array(value))) if isinstance(value, TensorProto) else value
            for name, value in self.attributes.items()
        }
        return Attributes(self.operator, self.opset, values, self.outputs)
