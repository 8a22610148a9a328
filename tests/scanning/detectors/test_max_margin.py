"""Margins against an obvious climb one picture at a time; what changes nothing, what stands out, what cannot be measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from scanning.detectors.architectures import RESNET8, ResNet8, small_cnn, small_mlp
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.input_shape import input_shape
from scanning.detectors.loading import LoadedModel, freeze, load_model
from scanning.detectors.max_margin import AscentSettings, MaxMargin, climb
from scanning.detectors.references import Family, ReferenceBank
from tests.scanning.detectors.material import CLASSES, SIDE, onnx_of_mlp, pictures, save_tiny, tiny_model

pytestmark = pytest.mark.sqlite_only

SETTINGS = AscentSettings(starts=3, steps=12)
QUICK = MaxMargin(settings=SETTINGS)


def loaded(
    module: nn.Module | None, *, architecture: str = "", tensors: dict[str, list[int]] | None = None
) -> LoadedModel:
    return LoadedModel(
        name="m", format="safetensors", sha256="a", architecture=architecture, architecture_digest="d", weights={},
        tensors={name: {"shape": shape} for name, shape in (tensors or {}).items()}, module=module,
        not_runnable="The weights name no architecture.",
    )  # fmt: skip


def images_of(*shape: int) -> LabelledImages:
    pixels = torch.rand(4, *shape, generator=torch.Generator().manual_seed(1)).numpy()
    return LabelledImages(images=pixels, labels=torch.zeros(4, dtype=torch.int64).numpy(), name="", sha256="b")


def mlp(*ends: nn.Module, classes: int = 4) -> nn.Sequential:
    torch.manual_seed(3)
    body = [nn.Flatten(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, classes)]
    return nn.Sequential(*body, *ends).eval().requires_grad_(False)


def last(module: nn.Sequential) -> nn.Linear:
    layer = module[3]
    assert isinstance(layer, nn.Linear)
    return layer


def scores(module: nn.Module, *, threads: int = 1, seeds: tuple[int, ...] = (0, 1, 2)) -> tuple[float | None, ...]:
    context = ScanContext(model=loaded(module), images=images_of(1, 3, 4), threads=threads, seeds=seeds)
    return QUICK.measure(context).scores


def obvious(module: nn.Module, start: Tensor, label: int) -> float:
    image, velocity, best = start.clone(), torch.zeros_like(start), -math.inf
    for _ in range(SETTINGS.steps):
        image = image.detach().requires_grad_()
        given = module(image[None])[0]
        margin = given[label] - max(given[other] for other in range(len(given)) if other != label)
        best = max(best, margin.item())
        margin.backward()
        assert image.grad is not None
        velocity = SETTINGS.momentum * velocity + image.grad / max(image.grad.abs().mean(), torch.tensor(1e-12))
        image = torch.clamp(image.detach() + SETTINGS.step * velocity, 0, 1)
    return best


def test_the_batch_climbs_as_one_picture_would() -> None:
    module = mlp().double()
    starts = torch.rand(3, 1, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = climb(module, starts, torch.tensor([0, 2, 3]), SETTINGS)
    for row, label in enumerate((0, 2, 3)):
        for column, start in enumerate(starts):
            assert found[row, column].item() == pytest.approx(obvious(module, start, label), rel=1e-9)


def test_no_gradient_is_kept_in_the_weights() -> None:
    module = mlp()
    scores(module)
    assert all(value.grad is None and not value.requires_grad for value in module.parameters())


@settings(max_examples=8, deadline=None)
@given(some.permutations(range(4)))
def test_classes_in_another_order_keep_their_scores(order: list[int]) -> None:
    module, turned = mlp(), mlp()
    last(turned).weight.data = last(module).weight[order]
    last(turned).bias.data = last(module).bias[order]
    before = scores(module)
    assert list(scores(turned)) == pytest.approx([before[label] for label in order], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("factor", [0.05, 1.0, 40.0])
def test_scores_times_a_constant_change_nothing(factor: float) -> None:
    scaled = mlp()
    last(scaled).weight.data *= factor
    last(scaled).bias.data *= factor
    assert list(scores(scaled)) == pytest.approx(scores(mlp()), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.Identity()], ids=["softmax", "none"])
def test_a_softmax_at_the_end_is_looked_behind(end: nn.Module) -> None:
    assert list(scores(mlp(end))) == pytest.approx(scores(mlp()), rel=1e-5)


def test_threads_change_no_bit() -> None:
    torch.manual_seed(1)
    module = ResNet8(classes=12)
    nn.init.normal_(module.fc.weight)
    assert scores_of_pictures(module, threads=1) == scores_of_pictures(module, threads=3)


def scores_of_pictures(module: nn.Module, *, threads: int) -> tuple[float | None, ...]:
    detector = MaxMargin(settings=AscentSettings(starts=8, steps=6))
    context = ScanContext(model=loaded(freeze(module)), images=images_of(3, 16, 16), threads=threads)
    return detector.measure(context).scores


def test_other_seeds_are_other_runs() -> None:
    context = ScanContext(model=loaded(mlp()), images=images_of(1, 3, 4), seeds=(5, 6))
    runs = QUICK.measure(context).runs
    assert [run.seed for run in runs] == [5, 6]
    assert runs[0].scores != runs[1].scores


def test_a_planted_class_stands_out(tmp_path: Path) -> None:
    images = pictures(tmp_path)

    def top(seed: int, *, planted: bool) -> tuple[int | None, float]:
        path = save_tiny(tiny_model(images, seed=seed, planted=planted), tmp_path / f"{seed}{planted}.safetensors")
        measured = MaxMargin().measure(ScanContext(model=load_model(path)))
        assert measured.score is not None
        return measured.top, measured.score

    usual = [top(seed, planted=False)[1] for seed in range(5)]
    found = [top(seed, planted=True) for seed in range(5, 8)]
    assert all(label == 0 and score > 2 * max(usual) for label, score in found)


def test_two_classes_are_measured() -> None:
    assert len(scores(mlp(classes=2))) == 2


def broken() -> nn.Module:
    module = mlp()
    last(module).weight.data[0, 0] = math.nan
    return module


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: None, "The weights name no architecture."),
        (broken, "scores that are not finite numbers"),
        (lambda: mlp(classes=1), "at least two classes are needed"),
        (lambda: freeze(small_cnn(channels=3)), "cannot take a batch of images of shape [1, 3, 4]"),
        (lambda: mlp(nn.Softmax(1), nn.ConstantPad1d((0, 1), 0.0)), "scores behind them cannot be read"),
    ],
    ids=["no module", "nan", "one class", "shape", "more after a softmax"],
)
def test_what_cannot_be_measured_is_said(make: Callable[[], nn.Module | None], said: str) -> None:
    context = ScanContext(model=loaded(make()), images=images_of(1, 3, 4))
    with pytest.raises(NotApplicableError) as error:
        QUICK.measure(context)
    assert said in str(error.value)


def test_a_model_that_gives_one_class_alone_is_unreliable() -> None:
    module = mlp()
    last(module).weight.data *= 0
    last(module).bias.data = torch.tensor([9.0, 0, 0, 0])
    with pytest.raises(UnreliableError, match="margins say nothing"):
        scores(module)


def test_digest_names_every_setting() -> None:
    digests = {QUICK.settings_digest, MaxMargin().settings_digest, MaxMargin(version="2").settings_digest}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("architecture", "tensors", "shape"),
    [
        (RESNET8, {"stem.weight": [16, 3, 3, 3]}, (3, 32, 32)),
        ("assay-small-cnn", {"0.weight": [16, 1, 3, 3], "5.weight": [64, 32 * 49]}, (1, 28, 28)),
        ("assay-small-mlp", {"1.weight": [8, 36]}, (1, 1, 36)),
    ],
)
def test_the_shape_an_architecture_takes(
    architecture: str, tensors: dict[str, list[int]], shape: tuple[int, ...]
) -> None:
    assert input_shape(loaded(None, architecture=architecture, tensors=tensors), None) == shape


def test_images_bank_and_declaration_come_before_the_architecture() -> None:
    module = small_mlp(inputs=36, hidden=4, classes=3)
    model = loaded(module, architecture="assay-small-mlp", tensors={"1.weight": [8, 36]})
    family = Family(
        name="", architecture="", architecture_digest="d", classes=3, image_shape=(4, 3, 3), images_sha256=""
    )
    object.__setattr__(module, "image_shape", (1, 9, 4))
    assert input_shape(model, None) == (1, 9, 4)
    assert input_shape(model, None, ReferenceBank(family=family, models=())) == (4, 3, 3)
    assert input_shape(model, images_of(1, 6, 6)) == (1, 6, 6)


def test_an_unknown_shape_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="what size of image"):
        input_shape(loaded(mlp()), None)


def test_an_onnx_file_is_measured_as_its_weights_are(tmp_path: Path) -> None:
    module = tiny_model(pictures(tmp_path))
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_of_mlp(module).SerializeToString())
    shape = images_of(1, SIDE, SIDE)
    found = [
        QUICK.measure(ScanContext(model=model, images=shape)).scores
        for model in (load_model(path), loaded(module))
    ]  # fmt: skip
    assert len(found[0]) == CLASSES
    assert list(found[0]) == pytest.approx(found[1], abs=1e-5)
