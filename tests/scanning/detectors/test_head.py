"""The last linear layer is found, believed only where it explains the model, and leaves no trace behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scanning.detectors.architectures import ResNet8, small_cnn
from scanning.detectors.base import at_once
from scanning.detectors.classifier import as_classifier
from scanning.detectors.head import HeadScores, NoHeadError, find_head
from scanning.detectors.loading import freeze, load_model
from tests.scanning.detectors.material import CLASSES, onnx_of_mlp, pictures, tiny_model

pytestmark = pytest.mark.sqlite_only

IMAGES = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def hooked(module: nn.Module) -> bool:
    return any(vars(inner)["_forward_pre_hooks"] for inner in module.modules())


def plain(*ends: nn.Module, bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return freeze(nn.Sequential(nn.Flatten(), nn.Linear(192, 7), nn.ReLU(), nn.Linear(7, 5, bias=bias), *ends))


class Added(nn.Module):
    def forward(self, scores: Tensor) -> Tensor:
        return scores + torch.arange(5.0)


class Tilted(nn.Module):
    def forward(self, scores: Tensor) -> Tensor:
        return torch.where(scores > 0.1, scores, -3 * scores)


def test_rows_biases_and_features_explain_the_scores() -> None:
    module = plain()
    head = find_head(module, 5, IMAGES)
    assert head.weight.shape == (5, 7)
    torch.testing.assert_close(head.logits(head.features(IMAGES)), module(IMAGES))


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.ReLU(), nn.Sigmoid()], ids=repr)
def test_what_may_follow_the_last_layer(end: nn.Module) -> None:
    module = plain(end)
    assert find_head(module, 5, IMAGES).layer is module[3]  # type: ignore[index] # a Sequential


def test_a_softmax_that_was_wrapped_is_seen_through() -> None:
    wrapped = as_classifier(plain(nn.Softmax(1)), IMAGES).logits
    assert find_head(wrapped, 5, IMAGES).weight.shape == (5, 7)


def test_a_bias_added_after_the_layer_is_the_bias() -> None:
    head = find_head(plain(Added(), bias=False), 5, IMAGES)
    torch.testing.assert_close(head.bias, torch.arange(5.0), atol=1e-5, rtol=0)


def test_no_bias_is_zero() -> None:
    assert find_head(plain(bias=False), 5, IMAGES).bias.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("module", "images", "said"),
    [
        (plain(Tilted()), IMAGES, "not a plain linear one"),
        (freeze(nn.Sequential(nn.Conv2d(3, 5, 8), nn.Flatten())), IMAGES, "no linear layer with one row"),
        (plain(nn.Linear(5, 4)), IMAGES, "not a plain linear one"),
        (plain(), IMAGES[:, :2], "cannot take a batch of images of shape [2, 8, 8]"),
        (freeze(nn.Sequential(nn.Linear(8, 5), nn.AdaptiveAvgPool2d((1, 5)))), IMAGES, "not a plain linear one"),
    ],
    ids=["bent", "convolution", "more after it", "shape", "row per pixel"],
)
def test_what_is_no_head_is_said(module: nn.Module, images: Tensor, said: str) -> None:
    with pytest.raises(NoHeadError) as error:
        find_head(module, 5, images)
    assert said in str(error.value)


def test_the_last_of_two_fitting_layers() -> None:
    module = plain(nn.Linear(5, 5))
    assert find_head(module, 5, IMAGES).layer is module[4]  # type: ignore[index] # a Sequential


@pytest.mark.parametrize(
    "module", [small_cnn(channels=3, side=8, classes=5), ResNet8(classes=5)], ids=["cnn", "resnet"]
)
def test_no_hook_stays_behind(module: nn.Module) -> None:
    find_head(freeze(module), 5, IMAGES).features(IMAGES)
    assert not hooked(module)


def test_hooks_go_though_the_model_breaks() -> None:
    module = plain()
    with pytest.raises(NoHeadError):
        find_head(module, 5, IMAGES[:, :1])
    assert not hooked(module)


@pytest.mark.parametrize("size", [1, 4])
def test_a_graph_for_batches_of_one_size(size: int, tmp_path: Path) -> None:
    images = pictures(tmp_path)
    module, some = tiny_model(images), torch.from_numpy(images.images[:6])
    graph = onnx_of_mlp(module)
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph.SerializeToString())
    read = load_model(path).module
    assert read is not None
    features = find_head(read, CLASSES, some).features(some)
    torch.testing.assert_close(features, find_head(module, CLASSES, some).features(some))


def test_scores_behind_a_softmax_carry_gradients_to_the_images() -> None:
    images = IMAGES.clone().requires_grad_()
    scores = HeadScores(find_head(plain(nn.Softmax(1)), 5, IMAGES))(images)
    torch.testing.assert_close(scores, plain()(images))
    assert bool(torch.autograd.grad(scores.sum(), images)[0].abs().sum() > 0)


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    head = find_head(plain(), 5, IMAGES)
    whole = head.features(IMAGES)
    monkeypatch.setattr("scanning.detectors.head.at_once", lambda shape: min(4, at_once(shape)))
    torch.testing.assert_close(head.features(IMAGES), whole)


class Narrow(nn.Module):
    """Works in another number format inside than outside, as a graph in half precision does."""

    def __init__(self, inner: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self.inner, self._kind = inner.to(kind), kind

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(images.to(self._kind)).to(images.dtype)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("end", [nn.Identity(), nn.Softmax(1)], ids=repr)
def test_the_layer_of_a_model_in_another_number_format_is_read(kind: torch.dtype, end: nn.Module) -> None:
    head = find_head(Narrow(plain(end), kind), 5, IMAGES)
    assert head.weight.dtype == head.features(IMAGES).dtype == torch.float32
    assert bool(torch.isfinite(HeadScores(head)(IMAGES)).all())
