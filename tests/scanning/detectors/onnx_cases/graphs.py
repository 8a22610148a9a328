"""Graphs of a few nodes, their modules, and what the reference makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, helper
from onnx.reference import ReferenceEvaluator

from scanning.detectors.loading import load_model
from scanning.detectors.onnx_graph import OnnxModule, read_onnx
from tests.scanning.detectors.material import onnx_model

PICTURE: tuple[int | str, ...] = ("n", 1, 4, 4)
node = helper.make_node


def built(model: ModelProto, folder: Path) -> OnnxModule:
    onnx.save(model, folder / "model.onnx")
    return read_onnx(folder / "model.onnx").build()


def of(
    nodes: list[NodeProto], picture: tuple[int | str, ...] = PICTURE, opset: int = 18, /, **constants: Any
) -> ModelProto:
    held = {name: np.asarray(value) for name, value in constants.items()}
    return onnx_model(nodes, held, shape=picture, opset=opset)


def reference(model: ModelProto, images: np.ndarray) -> np.ndarray:
    found = ReferenceEvaluator(model).run(None, {"x": images})
    assert isinstance(found, list)
    return np.asarray(found[0])


def check(model: ModelProto, folder: Path, images: np.ndarray) -> OnnxModule:
    """The module of a model that gives what the reference gives."""
    module = built(model, folder)
    expected = reference(model, images)
    np.testing.assert_allclose(module(torch.from_numpy(images)).numpy(), expected, rtol=1e-5, atol=1e-6)
    return module


def not_runnable(model: ModelProto, folder: Path) -> str:
    onnx.save(model, folder / "model.onnx")
    loaded = load_model(folder / "model.onnx")
    assert loaded.module is None
    assert "\n" not in loaded.not_runnable
    return loaded.not_runnable
