"""A GPU that is none: tensors stay in ordinary memory and are dealt with as if some of them lay in a GPU's.

What PyTorch refuses of such tensors is refused here too: operations on tensors of both kinds, numpy's view of one on the
GPU, draws from the processor's generator onto the GPU. So every path that `--device cuda` takes is walked on a machine
without one, and gives what the processor gives. What kernels of a real GPU compute cannot be seen this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
_INDEXING = ("__getitem__", "__setitem__")  # of a tensor on the GPU, by indices on either
_COPYING = ("to", "copy_", "__set__", "_has_compatible_shallow_copy_type")


class PretendedGpu(TorchFunctionMode):
    """Within it `cuda` is there, and `lies_on_gpu` tells which tensors would be on it."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        given = dict(kwargs or {})
        name = func.__name__
        if name == "__get__" and func.__self__ is Tensor.device:  # type: ignore[attr-defined]
            return GPU if lies_on_gpu(args[0]) else CPU
        if name == "__get__" and func.__self__ is Tensor.is_cuda:  # type: ignore[attr-defined]
            return lies_on_gpu(args[0])
        tensors = [value for value in tree_flatten((args, given))[0] if isinstance(value, Tensor)]
        on_gpu = [tensor for tensor in tensors if lies_on_gpu(tensor)]
        if name in ("numpy", "__array__") and on_gpu:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        _check_together(name, tensors)
        target = _target(name, args, given)
        if target == GPU and given.get("generator") is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        result = _on_processor(func, args, given)
        there = bool(on_gpu) if target is None else target == GPU
        if name == "__set__":
            _put(tensors[0], lies_on_gpu(tensors[-1]))
        if isinstance(result, Tensor):
            return _placed(result, there, tensors)
        if isinstance(result, tuple | list) and any(isinstance(value, Tensor) for value in result):
            for value in result:
                _put(value, there)
        return result


def lies_on_gpu(tensor: Tensor) -> bool:
    """Whether a tensor would be on the GPU."""
    return bool(tensor.__dict__.get("on_gpu", False))


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """`cuda` can be asked for, in this thread and in those of `side_by_side`."""
    make_subclass = Tensor._make_subclass  # noqa: SLF001 - what nn.Parameter is made by

    def made(cls: type[Any], data: torch.Tensor, requires_grad: bool = False, **kwargs: Any) -> Any:
        tensor: Tensor = make_subclass(cls, data, requires_grad, **kwargs)
        _put(tensor, lies_on_gpu(data))
        return tensor

    class Pool(ThreadPoolExecutor):
        def submit(self, job: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            def within() -> Any:
                with PretendedGpu():
                    return job(*args, **kwargs)

            return super().submit(within)

    autocast = torch.autocast
    with (
        mock.patch.object(Tensor, "_make_subclass", staticmethod(made)),
        mock.patch("scanning.detectors.side_by_side.ThreadPoolExecutor", Pool),
        mock.patch("torch.autocast", lambda kind, **said: autocast("cpu" if kind == "cuda" else kind, **said)),
        mock.patch("torch.cuda.is_available", return_value=True),
        mock.patch("torch.cuda.get_device_name", return_value="no real GPU"),
        PretendedGpu(),
    ):
        yield


def _check_together(name: str, tensors: list[Tensor]) -> None:
    """Numbers (tensors without axes) go with anything, as PyTorch has it."""
    rows = [tensor for tensor in tensors if tensor.dim()]
    if name in _COPYING or len({lies_on_gpu(tensor) for tensor in rows}) < 2:
        return
    if name in _INDEXING and lies_on_gpu(tensors[0]) and (name == "__getitem__" or lies_on_gpu(tensors[-1])):
        return
    raise RuntimeError(f"Expected all tensors to be on the same device, but found two in {name}")


def _target(name: str, args: Sequence[Any], given: Mapping[str, Any]) -> torch.device | None:
    """The device that the result is asked to lie on; None where it lies with what went in."""
    if name in ("cpu", "cuda"):
        return GPU if name == "cuda" else CPU
    asked = [given.get("device"), *(args[1:2] if name == "to" else ())]
    if isinstance(asked[-1], Tensor):
        return GPU if lies_on_gpu(asked[-1]) else CPU
    return next((device for value in asked if (device := _device(value, strings=True)) is not None), None)


def _on_processor(func: Callable[..., Any], args: Sequence[Any], given: dict[str, Any]) -> Any:
    """What the call gives where every device in it is the processor."""
    if func.__name__ == "cuda":
        return args[0]
    moves = func.__name__ == "to"
    there = [CPU if _device(value, strings=moves) is not None else value for value in args]
    if _device(given.get("device"), strings=True) is not None:
        given["device"] = CPU
    return func(*there, **given)


def _device(value: object, *, strings: bool = False) -> torch.device | None:
    if isinstance(value, torch.device):
        return GPU if value.type == "cuda" else value
    if strings and isinstance(value, str):
        return GPU if value.startswith("cuda") else torch.device(value)
    return None


def _placed(result: Tensor, there: bool, sources: list[Tensor]) -> Tensor:
    if any(result is source for source in sources):
        if lies_on_gpu(result) == there:
            return result
        result = result.clone()  # `to` gives back the same tensor where it thinks that nothing changes
    _put(result, there)
    return result


def _put(tensor: Tensor, there: bool) -> None:
    tensor.__dict__["on_gpu"] = there
