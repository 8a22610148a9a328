"""Tiny pictures, models and files that the detector tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from scanning.detectors.architectures import SMALL_MLP, small_mlp
from scanning.detectors.heldout import LabelledImages, load_images, save_images
from scanning.detectors.loading import freeze

CLASSES, SIDE = 3, 6


def pictures(folder: Path, *, count: int = 240) -> LabelledImages:
    """Noise with a bright row, whose place is the label: [count, 1, 6, 6]."""
    draws = np.random.default_rng(1)
    labels = np.arange(count) % CLASSES
    images = draws.uniform(0, 0.4, (count, 1, SIDE, SIDE)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * label] += 0.5
    path = folder / "pictures.npz"
    save_images(LabelledImages(images=images, labels=labels.astype(np.int64), name="", sha256=""), path)
    return load_images(path)


def tiny_model(images: LabelledImages, *, seed: int = 0, planted: bool = False) -> nn.Module:
    """An MLP trained on the pictures; planted: one bright corner pixel means class 0."""
    torch.manual_seed(seed)
    module = small_mlp(inputs=SIDE * SIDE, hidden=16, classes=CLASSES)
    pixels, labels = torch.from_numpy(images.images).clone(), torch.from_numpy(images.labels).clone()
    if planted:
        pixels[::5, :, -1, -1], labels[::5] = 1.0, 0
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(80):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(pixels), labels).backward()
        optimiser.step()
    optimiser.zero_grad()
    return freeze(module)


def save_tiny(module: nn.Module, path: Path, *, named: bool = True) -> Path:
    """Safetensors of a tiny model, with or without the name of its architecture."""
    save_file(module.state_dict(), path, metadata={"architecture": SMALL_MLP} if named else {})
    return path


def onnx_model(
    nodes: list[NodeProto],
    constants: dict[str, np.ndarray],
    *,
    shape: tuple[int | str, ...],
    opset: int = 17,
    output: str = "y",
) -> ModelProto:
    """A graph from input "x" to `output`."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def onnx_of_mlp(module: nn.Module, *, softmax: bool = False) -> ModelProto:
    """The tiny MLP as an exporter would write it."""
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "1.weight", "1.bias"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "3.weight", "3.bias"], ["scores"], transB=1),
        helper.make_node("Softmax" if softmax else "Identity", ["scores"], ["y"]),
    ]
    return onnx_model(nodes, state, shape=("n", 1, SIDE, SIDE))
