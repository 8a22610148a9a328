"""Arrays in joblib's pickles: behind the state of a wrapper object stand raw bytes that no pickle reader may take for opcodes.

Layout: joblib, numpy_pickle.py, NumpyArrayWrapper. Since 1.1 one byte says how much padding follows, then come the
padding and the array. An array of objects is a pickle of its own in that place.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from scanning.filescan.base import ScanError
from scanning.filescan.pickle_values import Group, Import, Made, Number, Table, Text, Value

WRAPPER = Import("joblib.numpy_pickle", "NumpyArrayWrapper")
DTYPE = Import("numpy", "dtype")
_SIMPLE = re.compile(r"[|<>=]?([?bBiufcSUVmMaO])(\d*)")
_LARGEST = 1 << 50
_HAS_OBJECTS = 1
_ITEM_SIZE_AT, _FLAGS_AT = 5, 7


@dataclass(frozen=True, slots=True)
class Payload:
    """What follows a wrapper. size: bytes of the array; padded: whether a byte that counts padding stands before it."""

    size: int
    padded: bool
    is_pickle: bool


def _number(value: Value | None) -> int:
    if not isinstance(value, Number) or value.value < 0:
        raise ScanError("a joblib array states no usable shape")
    return value.value


def _item_size(kind: str, digits: str, state: Value | None) -> int:
    members = state.members if isinstance(state, Group) else ()
    if kind == "V" and len(members) > _ITEM_SIZE_AT and isinstance(members[_ITEM_SIZE_AT], Number):
        size = _number(members[_ITEM_SIZE_AT])
        return size or int(digits or 0)
    size = int(digits or 1)
    return size * 4 if kind == "U" else size


def _holds_objects(kind: str, state: Value | None) -> bool:
    members = state.members if isinstance(state, Group) else ()
    if kind != "V" or len(members) <= _FLAGS_AT:
        return kind == "O"
    flags = members[_FLAGS_AT]
    return not isinstance(flags, Number) or bool(flags.value & _HAS_OBJECTS)


def payload_of(wrapper: Made) -> Payload:
    """What stands behind a wrapper whose state is complete. Raises ScanError where it does not say how long that is."""
    state = wrapper.state.entries if isinstance(wrapper.state, Table) else None
    dtype, shape = (state or {}).get("dtype"), (state or {}).get("shape")
    if not isinstance(dtype, Made) or dtype.callee != DTYPE or not isinstance(shape, Group):
        raise ScanError("a joblib array states no type or no shape that can be followed")
    arguments = dtype.arguments.members if isinstance(dtype.arguments, Group) else ()
    text = arguments[0].value if arguments and isinstance(arguments[0], Text) else ""
    found = _SIMPLE.fullmatch(text[:20])
    if found is None:
        raise ScanError(f"a joblib array has the type {text[:20]!r}, which cannot be followed")
    kind, digits = found.groups()
    size = math.prod(_number(length) for length in shape.members) * _item_size(kind, digits, dtype.state)
    if size > _LARGEST:
        raise ScanError("a joblib array claims more bytes than any file has")
    return Payload(
        size=size,
        padded=isinstance((state or {}).get("numpy_array_alignment_bytes"), Number),
        is_pickle=_holds_objects(kind, dtype.state),
    )
