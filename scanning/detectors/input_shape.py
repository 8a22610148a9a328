"""What shape of image a model takes, where no images tell."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from torch import nn

from compliance.types.drafts import JSON
from scanning.detectors.architectures import RESNET8, SMALL_CNN, SMALL_MLP
from scanning.detectors.base import NotApplicableError, ScanContext
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import LoadedModel
from scanning.detectors.references import ReferenceBank

Shape = tuple[int, ...]
UNKNOWN = (
    "Neither images nor the model's file say what size of image the model takes; hand in images, or an ONNX file whose "
    "input has fixed sizes."
)


def shape_for(context: ScanContext) -> Shape:
    """(C, H, W) for the model of a scan. Raises NotApplicableError."""
    return input_shape(context.model, context.images, context.bank)


def input_shape(model: LoadedModel, images: LabelledImages | None, bank: ReferenceBank | None = None) -> Shape:
    """(C, H, W): of the images; else of the bank, where the model is of its family; else as the file declares it
    (`image_shape` of the module); else as the architecture has it. Raises NotApplicableError where none of them says.
    """
    if images is not None:
        return tuple(int(size) for size in images.images.shape[1:])
    if bank is not None and bank.family.architecture_digest == model.architecture_digest and bank.family.image_shape:
        return bank.family.image_shape
    if declared := _declared(model.module):
        return declared
    if model.architecture in _OF_ARCHITECTURE:
        return _OF_ARCHITECTURE[model.architecture](model.tensors)
    raise NotApplicableError(UNKNOWN)


def _declared(module: nn.Module | None) -> Shape | None:
    declared: object = getattr(module, "image_shape", None)
    if not isinstance(declared, tuple) or len(declared) != 3:
        return None
    sizes = tuple(size for size in declared if isinstance(size, int) and size > 0)
    return sizes if len(sizes) == 3 else None


def _resnet8(tensors: JSON) -> Shape:
    """Any side would run, since features are averaged over the picture; 32 is what the family is trained with."""
    return int(tensors["stem.weight"]["shape"][1]), 32, 32


def _small_cnn(tensors: JSON) -> Shape:
    """Two strides of two leave a quarter of the side; of the sides that round to it, the largest."""
    side = 4 * isqrt(int(tensors["5.weight"]["shape"][1]) // 32)
    return int(tensors["0.weight"]["shape"][1]), side, side


def _small_mlp(tensors: JSON) -> Shape:
    """It flattens its images, so that one row of pixels is the same to it."""
    return 1, 1, int(tensors["1.weight"]["shape"][1])


_OF_ARCHITECTURE: dict[str, Callable[[JSON], Shape]] = {
    RESNET8: _resnet8,
    SMALL_CNN: _small_cnn,
    SMALL_MLP: _small_mlp,
}
