"""How the graph of an ONNX file is run: outputs, constants, batches, types."""

from __future__ import annotations

import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper

from scanning.detectors.onnx_ops import OPERATORS, UnsupportedGraphError
from tests.scanning.detectors.onnx_cases.case import floats, ints, number
from tests.scanning.detectors.onnx_cases.graphs import PICTURE, built, check, node, not_runnable, of, reference

pytestmark = pytest.mark.sqlite_only


def test_several_outputs_of_a_node_go_where_they_are_read(tmp_path: Path) -> None:
    nodes = [
        node("Split", ["x"], ["a", "", "b"], axis=2, num_outputs=3),
        node("TopK", ["b", "k"], ["best", "places"], axis=3),
        node("Cast", ["places"], ["numbers"], to=1),
        node("Concat", ["a", "best", "numbers"], ["y"], axis=3),
    ]
    check(of(nodes, ("n", 1, 3, 4), k=ints(2)), tmp_path, floats(2, 1, 3, 4))


def test_outputs_that_nobody_reads_need_not_be_had(tmp_path: Path) -> None:
    statistics = {"s": floats(1), "b": floats(1), "m": floats(1), "v": np.array([0.5], dtype=np.float32)}
    norm = node("BatchNormalization", ["x", *statistics], ["y", "mean", "variance"])
    built(of([norm], **statistics), tmp_path)


def test_batch_norm_that_trains_is_refused_on_images_and_worked_out_on_weights(tmp_path: Path) -> None:
    rest = {
        "s": np.array([2, 2], dtype=np.float32),
        "b": floats(2),
        "m": floats(2),
        "v": np.array([1, 1], dtype=np.float32),
    }
    train = node("BatchNormalization", ["x", *rest], ["y"], training_mode=1)
    assert "BatchNormalization with training_mode" in not_runnable(of([train], ("n", 2, 4, 4), **rest), tmp_path)
    weights = node("BatchNormalization", ["w", *rest], ["u"], training_mode=1)
    model = of([weights, node("Conv", ["x", "u"], ["y"])], ("n", 2, 4, 4), w=floats(3, 2, 2, 2), **rest)
    check(model, tmp_path, floats(2, 2, 4, 4))


def test_constants_of_each_kind_are_read(tmp_path: Path) -> None:
    nodes = [
        node("Constant", [], ["shape"], value_ints=[0, -1]),
        node("Constant", [], ["factor"], value_float=2.0),
        node("Constant", [], ["added"], value=onnx.numpy_helper.from_array(floats(16))),
        node("Reshape", ["x", "shape"], ["flat"]),
        node("Mul", ["flat", "factor"], ["scaled"]),
        node("Add", ["scaled", "added"], ["y"]),
    ]
    check(of(nodes), tmp_path, floats(3, 1, 4, 4))


def test_constants_are_worked_out_once_and_weights_become_layers(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["w"], ["turned"], perm=[0, 1, 3, 2]),
        node("DequantizeLinear", ["q", "scale"], ["kernel"]),
        node("Add", ["turned", "kernel"], ["sum"]),
        node("Conv", ["x", "sum"], ["y"], auto_pad="SAME_UPPER"),
    ]
    codes = np.arange(8, dtype=np.int8).reshape(2, 1, 2, 2)
    model = of(nodes, PICTURE, 19, w=floats(2, 1, 2, 2), q=codes, scale=number(0.1))
    module = check(model, tmp_path, floats(3, 1, 4, 4))
    assert [type(part).__name__ for part in module.body.children()] == ["Step", "Conv2d"]
    assert not list(module.buffers())


@pytest.mark.parametrize("shared", [False, True])
def test_a_product_and_the_row_added_to_it_are_one_layer_unless_somebody_reads_between(
    shared: bool, tmp_path: Path
) -> None:
    nodes = [
        node("Relu", ["between"], ["other"]),
        node("Add", ["bias", "between"], ["sum"]),
        node("Add", ["sum", "bias"], ["twice"]),
        node("Concat", ["twice", "other" if shared else "twice"], ["y"], axis=1),
    ]
    model = of([node("MatMul", ["x", "w"], ["between"]), *nodes], ("n", 4), w=floats(4, 3), bias=floats(3))
    module = check(model, tmp_path, floats(5, 4))
    assert (module.body.get_submodule("weighted_1").bias is None) == shared


def test_an_initialiser_may_be_listed_among_the_inputs(tmp_path: Path) -> None:
    model = of([node("Add", ["x", "c"], ["y"])], c=floats(4))
    model.graph.input.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [4]))
    check(model, tmp_path, floats(2, 1, 4, 4))


def test_building_leaves_the_random_state_of_torch_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    built(of([node("Conv", ["x", "w"], ["y"])], w=floats(2, 1, 3, 3)), tmp_path)
    assert torch.equal(before, torch.get_rng_state())


def test_values_are_let_go_after_they_were_last_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def negated(_: object, inputs: list[torch.Tensor]) -> torch.Tensor:
        nonlocal most
        made.append(weakref.ref(result := -inputs[0]))
        most = max(most, sum(reference() is not None for reference in made))
        return result

    monkeypatch.setitem(OPERATORS, "Neg", negated)
    names = ["x", *(f"v{place}" for place in range(20)), "y"]
    module = built(of([node("Neg", [a], [b]) for a, b in pairwise(names)]), tmp_path)
    with torch.no_grad():
        module(torch.rand(2, 1, 4, 4))
    assert most <= 2


def test_shapes_that_are_worked_out_fit_any_batch(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["rows"]),
        node("Unsqueeze", ["rows", "axis"], ["listed"]),
        node("Concat", ["listed", "rest"], ["wanted"], axis=0),
        node("Reshape", ["x", "wanted"], ["y"]),
    ]
    model = of(nodes, zero=np.array(0), axis=ints(0), rest=ints(-1))
    for rows in (1, 2, 7):
        check(model, tmp_path, floats(rows, 1, 4, 4))


def fixed(size: int, *, vectorises: bool = True) -> ModelProto:
    """Exported for one size of batch: a hard reshape, and rows that see each other."""
    middle = [node("Reshape", ["x", "shape"], ["flat"]), node("ReduceMean", ["flat", "zero"], ["mean"])]
    last = [node("Sub", ["flat", "mean"], ["y"])]
    if not vectorises:
        last = [
            node("Sub", ["flat", "mean"], ["apart"]),
            node("NonZero", ["flat"], ["places"]),
            node("Shape", ["places"], ["many"], start=1),
            node("Cast", ["many"], ["count"], to=1),
            node("Div", ["apart", "count"], ["y"]),
        ]
    return of(middle + last, (size, 1, 4, 4), shape=ints(size, -1), zero=ints(0))


@pytest.mark.parametrize("vectorises", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_a_fixed_batch_is_fed_in_parts_of_its_size(size: int, vectorises: bool, tmp_path: Path) -> None:
    model = fixed(size, vectorises=vectorises)
    module, images = built(model, tmp_path), floats(7, 1, 4, 4)
    filled = np.concatenate([images, images[-1:].repeat(-7 % size, axis=0)])
    expected = [reference(model, filled[place : place + size]) for place in range(0, len(filled), size)]
    for _ in range(2):
        found = module(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(found, np.concatenate(expected)[:7], rtol=1e-5, atol=1e-6)


def test_gradients_flow_through_a_fixed_batch(tmp_path: Path) -> None:
    module, images = built(fixed(3), tmp_path), torch.rand(7, 1, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(images).square().sum(), images)
    by_hand = images.detach()[:3].requires_grad_()
    (expected,) = torch.autograd.grad(module(by_hand).square().sum(), by_hand)
    torch.testing.assert_close(gradient[:3], expected)


def test_a_fixed_batch_that_loses_its_rows_is_refused(tmp_path: Path) -> None:
    model = of([node("Reshape", ["x", "shape"], ["y"])], (2, 1, 4, 4), shape=ints(8, 4))
    with pytest.raises(UnsupportedGraphError, match="takes 2 images and does not give 2 rows"):
        built(model, tmp_path)(torch.rand(4, 1, 4, 4))


def test_images_of_another_shape_are_refused_in_a_sentence(tmp_path: Path) -> None:
    module = built(of([node("Relu", ["x"], ["y"])], ("n", 3, "h", 4)), tmp_path)
    assert module(torch.rand(2, 3, 9, 4)).shape == (2, 3, 9, 4)
    with pytest.raises(UnsupportedGraphError, match=r"takes images of shape \[3, any, 4\], not \[1, 4, 4\]"):
        module(torch.rand(2, 1, 4, 4))


def test_half_precision_graphs_take_and_give_what_others_do(tmp_path: Path) -> None:
    model = of([node("Conv", ["x", "w"], ["y"])], w=floats(2, 1, 3, 3).astype(np.float16))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    images = torch.rand(2, 1, 4, 4, requires_grad=True)
    found = built(model, tmp_path)(images)
    assert found.dtype == torch.float32
    found.sum().backward()
    assert images.grad is not None
    assert images.grad.dtype == torch.float32


def test_a_graph_of_whole_numbers_is_no_subject(tmp_path: Path) -> None:
    model = of([node("Cast", ["x"], ["y"], to=1)])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    assert "takes whole numbers" in not_runnable(model, tmp_path)


def test_gradients_pass_a_quantised_graph(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["codes"]),
        node("DequantizeLinear", ["codes", "scale", "zero"], ["back"]),
        node("Conv", ["back", "w"], ["y"]),
    ]
    model = of(nodes, PICTURE, 19, scale=number(0.02), zero=np.array(10, dtype=np.uint8), w=floats(2, 1, 3, 3))
    images = torch.from_numpy(floats(2, 1, 4, 4) + 1).clamp(0.1, 3).requires_grad_()
    module = check(model, tmp_path, images.detach().numpy())
    module(images).sum().backward()
    assert images.grad is not None
    assert bool((images.grad != 0).any())
