"""Reads pickle opcodes without running them: what a pickle imports, what it calls, and where it hides either.

A small abstract machine follows the stack and the memo far enough to know which text reaches STACK_GLOBAL and which value
reaches a call. Opcode meanings: CPython, Lib/pickletools.py. Nothing is imported, built or called.
"""

from __future__ import annotations

import pickletools
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from scanning.filescan.base import ScanError, TooMuchError

TORCH_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LONGEST_LINE = 64 << 20
_MOST_NESTED = 100


@dataclass(frozen=True, slots=True)
class Text:
    """A string on the stack."""

    value: str


@dataclass(frozen=True, slots=True)
class Import:
    """An imported name on the stack."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """`module.name`."""
        return f"{self.module}.{self.name}"


class Other:
    """Any other value."""


class Mark:
    """The mark that delimits a group of values."""


Value = Text | Import | Other | Mark
_OTHER, _MARK = Other(), Mark()


@dataclass(slots=True)
class PickleReading:
    """What one pickle does when it is loaded.

    imports: name -> offset of its first use; hidden: (offset, what) for imports and calls whose target is made up while
    loading; altered: (offset, name) of imported objects whose attributes are set; nested: (offset, bytes) of byte strings
    that look like pickles themselves; error: why reading ended early.
    """

    imports: dict[Import, int] = field(default_factory=dict)
    hidden: list[tuple[int, str]] = field(default_factory=list)
    altered: list[tuple[int, Import]] = field(default_factory=list)
    nested: list[tuple[int, bytes]] = field(default_factory=list)
    persistent_ids: int = 0
    opcodes: int = 0
    first_integer: int | None = None
    error: str = ""


class _Clamped:
    """A stream that never reads past its end, so that a length a file merely claims allocates nothing."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size

    def read(self, count: int) -> bytes:
        return self._stream.read(max(0, min(count, self._size - self._stream.tell())))

    def readline(self) -> bytes:
        return self._stream.readline(_LONGEST_LINE)

    def tell(self) -> int:
        return self._stream.tell()


class _Machine:
    """The stack and memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Value] = []
        self.memo: dict[int, Value] = {}
        self.reading = PickleReading()

    def pop(self) -> Value:
        if not self.stack:
            raise ScanError("the stack runs empty")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Value]:
        group: list[Value] = []
        while not isinstance(value := self.pop(), Mark):
            group.append(value)
        return group[::-1]

    def use(self, found: Import, at: int) -> None:
        self.reading.imports.setdefault(found, at)
        self.stack.append(found)

    def call(self, callee: Value, at: int) -> None:
        if not isinstance(callee, Import):
            self.reading.hidden.append((at, "a call of a value that is made up while loading"))

    def step(self, name: str, argument: object, at: int) -> None:
        """Follow one opcode."""
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, argument, at)
        else:
            self._by_the_book(name)

    def _by_the_book(self, name: str) -> None:
        opcode = _OPCODES[name]
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self.pop_to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.pop()
        self.stack.extend(_OTHER for _ in opcode.stack_after)


def _text(machine: _Machine, argument: object, at: int) -> None:
    machine.stack.append(Text(argument) if isinstance(argument, str) else _OTHER)


def _bytes(machine: _Machine, argument: object, at: int) -> None:
    looks_like_pickle = isinstance(argument, (bytes, bytearray)) and argument[:1] == b"\x80" and argument[-1:] == b"."
    if looks_like_pickle and len(machine.reading.nested) < _MOST_NESTED:
        assert isinstance(argument, (bytes, bytearray))
        machine.reading.nested.append((at, bytes(argument)))
    machine.stack.append(_OTHER)


def _integer(machine: _Machine, argument: object, at: int) -> None:
    if machine.reading.first_integer is None and isinstance(argument, int):
        machine.reading.first_integer = argument
    machine.stack.append(_OTHER)


def _mark(machine: _Machine, argument: object, at: int) -> None:
    machine.stack.append(_MARK)


def _pop(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()


def _pop_mark(machine: _Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()


def _dup(machine: _Machine, argument: object, at: int) -> None:
    value = machine.pop()
    machine.stack += [value, value]


def _get(machine: _Machine, argument: object, at: int) -> None:
    if not isinstance(argument, int) or argument not in machine.memo:
        raise ScanError("a memo entry is read before it is written")
    machine.stack.append(machine.memo[argument])


def _put(machine: _Machine, argument: object, at: int) -> None:
    if not machine.stack:
        raise ScanError("the stack runs empty")
    machine.memo[argument if isinstance(argument, int) else len(machine.memo)] = machine.stack[-1]


def _global(machine: _Machine, argument: object, at: int) -> None:
    module, _, name = str(argument).partition(" ")
    machine.use(Import(module, name), at)


def _stack_global(machine: _Machine, argument: object, at: int) -> None:
    name, module = machine.pop(), machine.pop()
    if isinstance(name, Text) and isinstance(module, Text):
        machine.use(Import(module.value, name.value), at)
    else:
        machine.reading.hidden.append((at, "an import whose name is made up while loading"))
        machine.stack.append(_OTHER)


def _inst(machine: _Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()
    _global(machine, argument, at)
    machine.stack[-1] = _OTHER


def _obj(machine: _Machine, argument: object, at: int) -> None:
    group = machine.pop_to_mark()
    if not group:
        raise ScanError("OBJ finds no class")
    machine.call(group[0], at)
    machine.stack.append(_OTHER)


def _reduce(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()
    machine.call(machine.pop(), at)
    machine.stack.append(_OTHER)


def _newobj_ex(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()
    _reduce(machine, argument, at)


def _build(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()
    if not machine.stack:
        raise ScanError("the stack runs empty")
    if isinstance(target := machine.stack[-1], Import):
        machine.reading.altered.append((at, target))


def _extension(machine: _Machine, argument: object, at: int) -> None:
    machine.reading.hidden.append(
        (at, f"an import by extension code {argument}, which only the loading machine can resolve")
    )
    machine.stack.append(_OTHER)


def _persistent(machine: _Machine, argument: object, at: int) -> None:
    machine.reading.persistent_ids += 1
    machine.stack.append(_OTHER)


def _binary_persistent(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()
    _persistent(machine, argument, at)


def _into_container(machine: _Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()


def _append(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()


def _set_item(machine: _Machine, argument: object, at: int) -> None:
    machine.pop()
    machine.pop()


_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_BYTES = ("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8")
_INTEGERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_HANDLERS = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_BYTES, _bytes),
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("APPENDS", "SETITEMS", "ADDITEMS"), _into_container),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "APPEND": _append,
    "SETITEM": _set_item,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": _dup,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "OBJ": _obj,
    "NEWOBJ_EX": _newobj_ex,
    "BUILD": _build,
    "PERSID": _persistent,
    "BINPERSID": _binary_persistent,
}
_OPCODES = {opcode.name: opcode for opcode in pickletools.opcodes}


def read_pickle(stream: BinaryIO, size: int, max_opcodes: int) -> PickleReading:
    """Follow one pickle from the stream's position to its STOP; the stream is then just behind it.

    What was seen before a pickle breaks is kept, with `error` set: a loader runs opcodes as it meets them, so a broken tail
    undoes nothing. Raises TooMuchError beyond `max_opcodes`.
    """
    machine = _Machine()
    reading = machine.reading
    at = stream.tell()
    try:
        for opcode, argument, position in pickletools.genops(_Clamped(stream, size)):  # type: ignore[arg-type]  # asks for IO, uses read, readline and tell
            at = position or 0
            reading.opcodes += 1
            if reading.opcodes > max_opcodes:
                raise TooMuchError(f"more than {max_opcodes} opcodes")
            machine.step(opcode.name, argument, at)
    except (ValueError, struct.error, IndexError, KeyError, OverflowError, EOFError) as error:
        reading.error = f"not a whole pickle: {error} at byte {at}"
    return reading
