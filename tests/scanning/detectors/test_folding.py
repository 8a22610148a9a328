from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from scanning.detectors.architectures import small_cnn
from scanning.detectors.folding import fold_batch_norms, prepare_for_search
from scanning.detectors.onnx_graph import read_onnx
from tests.scanning.detectors.onnx_cases import networks

pytestmark = pytest.mark.sqlite_only

Maker = Callable[[], nn.Module]
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def drawn(module: nn.Module) -> nn.Module:
    """The module with batch norms as after training."""
    draws = torch.Generator().manual_seed(4)
    for part in module.modules():
        if isinstance(part, NORMS) and part.running_mean is not None:
            shape = part.running_mean.shape
            part.running_mean = torch.randn(shape, generator=draws)
            part.running_var = torch.rand(shape, generator=draws) + 0.2
            if part.affine:
                part.weight.data = torch.randn(shape, generator=draws)
                part.bias.data = torch.randn(shape, generator=draws)
    return module.eval()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        seen = nn.functional.relu(self.norm(self.conv(images)) + images)
        scores: Tensor = self.head(self.norm(self.conv(seen)).mean((2, 3)))  # the same layers a second time
        return scores


class TwoReaders(Residual):
    def forward(self, images: Tensor) -> Tensor:
        seen = self.conv(images)
        scores: Tensor = self.head((self.norm(seen) + seen).mean((2, 3)))
        return scores


class Branches(Residual):
    def forward(self, images: Tensor) -> Tensor:
        found = super().forward(images)
        return found if float(images.sum()) > 0 else -found


def rows(*, wide: int = 6, affine: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 8 * 8, wide), nn.BatchNorm1d(wide, affine=affine), nn.Linear(wide, 4)
    )


def deep() -> nn.Module:
    inner = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6, eps=0.1), nn.ReLU())
    return nn.Sequential(
        inner, nn.Sequential(nn.Conv2d(6, 4, 1), nn.BatchNorm2d(4)), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def norms(module: nn.Module) -> int:
    """How many batch norms still run: those kept beside a folded linear layer for other ranks do not count."""
    kept = {id(part.norm) for part in module.modules() if hasattr(part, "folded")}
    return sum(isinstance(part, NORMS) and id(part) not in kept for part in module.modules())


def assert_same(first: nn.Module, second: nn.Module, images: Tensor) -> None:
    """Logits and gradients to the images agree to 1e-4."""
    results = []
    for module in (first, second):
        pixels = images.clone().requires_grad_()
        scores = module(pixels)
        (gradient,) = torch.autograd.grad(scores.square().sum(), pixels)
        results.append((scores.detach(), gradient))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(one.abs().max()))


@pytest.mark.parametrize("prepare", [fold_batch_norms, prepare_for_search])
@pytest.mark.parametrize("make", [deep, rows, lambda: rows(affine=False), Residual])
def test_a_folded_module_gives_the_same(make: Maker, prepare: Callable[[nn.Module], nn.Module]) -> None:
    module = drawn(make())
    kept = copy.deepcopy(module.state_dict())
    folded = prepare(module)
    assert norms(folded) == 0
    assert_same(module, folded, torch.rand(5, 3, 8, 8))
    assert not folded.training
    assert not any(weight.requires_grad for weight in folded.parameters())
    for name, value in module.state_dict().items():
        assert torch.equal(value, kept[name])
        assert value.stride() == kept[name].stride()


@pytest.mark.parametrize("make", [TwoReaders, Branches, small_cnn, lambda: nn.BatchNorm2d(3), nn.Flatten])
def test_what_cannot_be_folded_is_given_back(make: Maker) -> None:
    module = drawn(make())
    assert fold_batch_norms(module) is module


def test_a_linear_layer_before_a_norm_of_another_axis_keeps_it() -> None:
    module = drawn(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))
    folded = fold_batch_norms(module)
    for shape in ((7, 4), (5, 4, 4)):
        torch.testing.assert_close(folded(torch.ones(shape)), module(torch.ones(shape)))


def test_a_norm_without_kept_statistics_stays() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    assert fold_batch_norms(module) is module


def test_a_hook_keeps_its_layer() -> None:
    module = drawn(deep())
    seen: list[int] = []
    module.get_submodule("0.1").register_forward_hook(lambda *_: seen.append(1))
    folded = fold_batch_norms(module)
    folded(torch.rand(1, 3, 8, 8))
    assert (norms(folded), seen) == (1, [1])


@pytest.mark.parametrize("network", [networks.residual_block, networks.inverted_residual])
@pytest.mark.parametrize("wrapped", [False, True])
def test_batch_norms_of_an_onnx_graph_are_folded(
    network: Callable[[], onnx.ModelProto], wrapped: bool, tmp_path: Path
) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    graph = read_onnx(tmp_path / "model.onnx").build().eval()
    module = nn.Sequential(graph, nn.LogSoftmax(1)) if wrapped else graph
    assert norms(module) > 2
    for prepare in (fold_batch_norms, prepare_for_search):
        folded = prepare(module)
        assert norms(folded) == 0
        assert_same(module, folded, torch.rand(5, 4, 8, 8))


def test_weights_of_convolutions_lie_channels_last() -> None:
    prepared = prepare_for_search(small_cnn(channels=3, side=8))
    kernels = [part.weight for part in prepared.modules() if isinstance(part, nn.Conv2d)]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    assert len(kernels) == 2


def test_tensors_of_five_axes_stay_as_they_are() -> None:
    module = small_cnn(channels=3, side=8)
    module.register_buffer("table", torch.rand(1, 2, 3, 4, 5))
    assert_same(module.eval(), prepare_for_search(module), torch.rand(2, 3, 8, 8))
