"""Model files into torch modules with frozen weights, with what identifies them. Only restricted readers are used:
safetensors, torch's restricted unpickler (`weights_only=True`), and our own executor for ONNX graphs."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from scanning.detectors.architectures import build_architecture
from scanning.detectors.base import ModelLoadError
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.onnx_ops import UnsupportedGraphError
from scanning.detectors.onnx_ops_base import shown

MAX_FILE_BYTES = 2 * 1024**3
_PACKED = frozenset({torch.float4_e2m1fn_x2})  # two numbers in a byte, and no code for one that is not finite
_MAX_SIDECAR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model file that was read.

    tensors: name -> {"shape", "dtype", "sha256"}; architecture: registered name, or "onnx-graph", or "";
    architecture_digest: SHA-256 over sorted names, shapes and dtypes (and the graph's operators for ONNX);
    weights: the tensors themselves; module: images [B, C, H, W] -> logits or probabilities [B, classes], in eval mode,
    weights frozen; None where the weights were read but cannot be run, and `not_runnable` then says why in one sentence;
    untested: what of the file no stage runs, in one sentence, or "".
    """

    name: str
    format: str
    sha256: str
    tensors: JSON
    architecture: str
    architecture_digest: str
    weights: Mapping[str, Tensor]
    module: nn.Module | None
    not_runnable: str = ""
    untested: str = ""


def load_model(path: Path, *, architecture: str | None = None) -> LoadedModel:
    """Read a .safetensors, .onnx, .pt or .pth file. `architecture` overrides what file and sidecar name.

    Raises ModelLoadError, whose message is one sentence, for anything that is not a usable model file.
    """
    if not path.is_file():
        raise ModelLoadError(f"{path.name}: no such model file")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ModelLoadError(f"{path.name}: not a model format that can be read; hand in {', '.join(sorted(_READERS))}")
    size = path.stat().st_size
    if size == 0:
        raise ModelLoadError(f"{path.name}: the file is empty")
    if size > MAX_FILE_BYTES:
        raise ModelLoadError(f"{path.name}: {size // 1024**2} MiB exceed the limit of {MAX_FILE_BYTES // 1024**2} MiB")
    return reader(path, architecture)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal, read as a stream."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def freeze(module: nn.Module) -> nn.Module:
    """The same module in eval mode, without gradients for any weight."""
    return module.eval().requires_grad_(False)


def tensor_facts(tensors: Mapping[str, Tensor]) -> JSON:
    """Shape, dtype and SHA-256 of the little-endian bytes of each tensor, by sorted name."""
    return {name: _tensor_facts(tensors[name].detach()) for name in sorted(tensors)}


def _tensor_facts(tensor: Tensor) -> JSON:
    octets = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
    return {
        "shape": [int(size) for size in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "sha256": hashlib.sha256(octets).hexdigest(),
    }


def architecture_digest(facts: JSON, *, operators: list[str] | None = None) -> str:
    """SHA-256 over sorted tensor names, shapes and dtypes, and the graph's operators in order where there is a graph."""
    layout = [[name, facts[name]["shape"], facts[name]["dtype"]] for name in sorted(facts)]
    return digest_of({"tensors": layout, "operators": operators or []})


def _read_safetensors(path: Path, architecture: str | None) -> LoadedModel:
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = dict(archive.metadata() or {})
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ModelLoadError(f"{path.name}: not a whole safetensors file ({_first_line(error)})") from error
    return _from_weights(path, "safetensors", tensors, architecture or _named(path) or metadata.get("architecture"))


def _read_torch(path: Path, architecture: str | None) -> LoadedModel:
    _check_unpacked_size(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _TORCH_ERRORS as error:
        raise ModelLoadError(
            f"{path.name}: torch's restricted loader refuses it; save the state dict as safetensors and hand that in"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(_is_weight(name, value) for name, value in state.items()):
        raise ModelLoadError(f"{path.name}: holds no state dict of named tensors; save `model.state_dict()`")
    if sum(value.numel() * value.element_size() for value in state.values()) > MAX_FILE_BYTES:
        raise ModelLoadError(f"{path.name}: its tensors unpack to more than {MAX_FILE_BYTES // 1024**2} MiB")
    return _from_weights(path, "torch state dict", state, architecture or _named(path))


def _read_onnx(path: Path, architecture: str | None) -> LoadedModel:
    if architecture is not None:
        raise ModelLoadError(f"{path.name}: an ONNX file carries its own graph; leave the architecture out")
    graph = read_onnx(path)
    facts = tensor_facts(graph.tensors)
    module, reason = None, ""
    try:
        built = freeze(graph.build())
        if broken := _broken_weight(built, graph.tensors):
            raise UnsupportedGraphError(f"the weight {shown(broken)} holds values that are not finite numbers")
        module = built
    except UnsupportedGraphError as error:
        reason = f"{path.name}: {error}"
    return LoadedModel(
        name=path.name,
        format="onnx",
        sha256=file_sha256(path),
        tensors=facts,
        architecture="onnx-graph",
        architecture_digest=architecture_digest(facts, operators=graph.operators),
        weights=graph.tensors,
        module=module,
        not_runnable=reason,
        untested=_further_outputs([value.name for value in graph.model.graph.output]),
    )


def _further_outputs(names: list[str]) -> str:
    if len(names) < 2:
        return ""
    return f"The graph has {len(names)} outputs and the first, {shown(names[0])}, was tested; nothing is said of the others."


def _from_weights(path: Path, kind: str, tensors: dict[str, Tensor], architecture: str | None) -> LoadedModel:
    if not tensors:
        raise ModelLoadError(f"{path.name}: holds no tensors")
    facts = tensor_facts(tensors)
    module, reason = _runnable(path.name, tensors, architecture)
    return LoadedModel(
        name=path.name,
        format=kind,
        sha256=file_sha256(path),
        tensors=facts,
        architecture=architecture or "",
        architecture_digest=architecture_digest(facts),
        weights=tensors,
        module=module,
        not_runnable=reason,
    )


def _runnable(name: str, tensors: dict[str, Tensor], architecture: str | None) -> tuple[nn.Module | None, str]:
    """(the module, "") or (None, why the weights cannot be run)."""
    if not architecture:
        return None, f"{name}: names no architecture, so its weights cannot be run; name a registered one"
    if broken := not_finite(tensors):
        return None, (
            f"{name}: the tensor {shown(broken)} holds values that are not finite numbers, so the model cannot be run"
        )
    module = build_architecture(architecture, {key: tuple(value.shape) for key, value in tensors.items()}, file=name)
    expected = module.state_dict()
    if missing := sorted(set(expected) - set(tensors)):
        return None, f"{name}: lacks the tensor {missing[0]} of the architecture {architecture}, so it cannot be run"
    if extra := sorted(set(tensors) - set(expected)):
        return None, f"{name}: holds the tensor {shown(extra[0])}, which the architecture {architecture} does not have"
    if odd := next((key for key in expected if not _holds_alike(expected[key], tensors[key])), ""):
        kind = str(tensors[odd].dtype).removeprefix("torch.")
        return None, (
            f"{name}: the tensor {odd} holds numbers of the kind {kind}, which are no weights as they stand; hand in the "
            "model before it was converted"
        )
    try:
        module.load_state_dict(tensors)
    except (RuntimeError, TypeError):
        wrong = next((key for key in expected if expected[key].shape != tensors[key].shape), "")
        return None, f"{name}: the tensor {wrong} has another shape than in the architecture {architecture}"
    return freeze(module), ""


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Name of the first tensor that holds NaN or infinity; "" where none does."""
    return next((name for name in sorted(tensors) if not is_finite(tensors[name])), "")


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor holds finite numbers alone, in whatever format."""
    if not tensor.is_floating_point() or tensor.dtype in _PACKED:
        return True
    return bool(torch.isfinite(tensor.float() if tensor.element_size() == 1 else tensor).all())


def _broken_weight(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """A weight that is not finite, by its name in the file where it is there; a mask of -inf among the constants is none."""
    weights = dict(module.named_parameters())
    broken = not_finite(weights)
    alike = (name for name in tensors if broken and tensors[name].numel() == weights[broken].numel())
    return next((name for name in alike if not is_finite(tensors[name])), broken)


def _holds_alike(wanted: Tensor, given: Tensor) -> bool:
    """Whether the numbers of a file can be a layer's as they are: codes of a quantised model or complex ones are not."""
    if not wanted.is_floating_point():
        return not given.is_floating_point() and not given.is_complex()
    return given.is_floating_point() and given.dtype not in _PACKED


def _named(path: Path) -> str | None:
    """Architecture in the sidecar FILE.json ({"architecture": NAME}), where there is one."""
    sidecar = path.with_name(path.name + ".json")
    if not sidecar.is_file() or sidecar.stat().st_size > _MAX_SIDECAR_BYTES:
        return None
    try:
        content = json.loads(sidecar.read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"{sidecar.name}: the file beside the model is not JSON") from error
    name = content.get("architecture") if isinstance(content, dict) else None
    return name if isinstance(name, str) else None


def _check_unpacked_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ModelLoadError(f"{path.name}: its ZIP container is broken") from error
    if unpacked > MAX_FILE_BYTES:
        raise ModelLoadError(f"{path.name}: unpacks to more than {MAX_FILE_BYTES // 1024**2} MiB")


def _is_weight(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


# What a hostile pickle makes the restricted unpickler raise.
_TORCH_ERRORS = (
    pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, AssertionError, ImportError, OverflowError, NotImplementedError,
)  # fmt: skip

_READERS: dict[str, Callable[[Path, str | None], LoadedModel]] = {
    ".safetensors": _read_safetensors,
    ".onnx": _read_onnx,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
