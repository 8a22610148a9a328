"""An abstract machine for pickles: stack, memo, what was seen, and the arrays between opcodes. It builds and calls nothing."""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from scanning.filescan.base import ScanError, TooMuchError
from scanning.filescan.joblib_array import Payload, payload_of
from scanning.filescan.pickle_values import OTHER, Import, Made, Mark, Value

_LONGEST_LINE = 64 << 20
_DEEPEST = 8
_PROBED, _PROBED_OPCODES = 64 << 10, 5_000
BROKEN = (ValueError, struct.error, IndexError, KeyError, OverflowError, EOFError)


@dataclass(slots=True)
class PickleReading:
    """What one pickle does when it is loaded.

    imports: name -> offset of its first use; hidden: (offset, what) for imports and calls whose target is made up while
    loading; altered: (offset, name) of imported objects whose attributes are set; nested: (offset, bytes) of byte strings
    that look like pickles themselves, or texts that decode to such; arrays: raw arrays passed over; error: why reading ended
    early.
    """

    imports: dict[Import, int] = field(default_factory=dict)
    hidden: list[tuple[int, str]] = field(default_factory=list)
    altered: list[tuple[int, Import]] = field(default_factory=list)
    nested: list[tuple[int, bytes]] = field(default_factory=list)
    persistent_ids: int = 0
    arrays: int = 0
    opcodes: int = 0
    first_integer: int | None = None
    error: str = ""


class Clamped:
    """A stream that never reads past its end, so that a length a file merely claims allocates nothing."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size

    def read(self, count: int) -> bytes:
        return self._stream.read(max(0, min(count, self._size - self._stream.tell())))

    def readline(self) -> bytes:
        return self._stream.readline(_LONGEST_LINE)

    def tell(self) -> int:
        return self._stream.tell()

    def skip(self, count: int) -> None:
        """Pass over bytes. Raises ScanError where the file ends before."""
        if self.tell() + count > self._size:
            raise ScanError("an array reaches beyond the end of the file")
        self._stream.seek(count, io.SEEK_CUR)


class Machine:
    """The stack and memo of one pickle. handlers: what an opcode does, by name; depth: how many pickles this one stands in."""

    def __init__(self, stream: Clamped, max_opcodes: int, handlers: Mapping[str, Handler], depth: int = 0) -> None:
        self.stream, self.max_opcodes, self.handlers, self.depth = stream, max_opcodes, handlers, depth
        self.stack: list[Value] = []
        self.memo: dict[int, Value] = {}
        self.reading = PickleReading()

    def run(self) -> None:
        """Follow opcodes to STOP. Raises one of BROKEN, or TooMuchError."""
        at = self.stream.tell()
        try:
            for opcode, argument, position in pickletools.genops(self.stream):  # type: ignore[arg-type]  # asks for IO, uses read, readline and tell
                at = position or 0
                self.reading.opcodes += 1
                if self.reading.opcodes > self.max_opcodes:
                    raise TooMuchError(f"more than {self.max_opcodes} opcodes")
                self.step(opcode.name, argument, at)
        except BROKEN as error:
            raise ScanError(f"not a whole pickle: {error} at byte {at}") from error

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

    def pass_array(self, wrapper: Made) -> None:
        """Pass over the bytes of an array behind its wrapper, as joblib does, and look what they are to any other reader."""
        payload = payload_of(wrapper)
        self.reading.arrays += 1
        if payload.is_pickle:
            self._inner_pickle()
            return
        self._probe(payload)
        padding = self.stream.read(1)[0] if payload.padded else 0
        self.stream.skip(padding + payload.size)

    def _inner_pickle(self) -> None:
        if self.depth >= _DEEPEST:
            raise TooMuchError(f"more than {_DEEPEST} pickles lie in one another")
        inner = Machine(self.stream, self.max_opcodes - self.reading.opcodes, self.handlers, self.depth + 1)
        inner.reading.imports, inner.reading.hidden = self.reading.imports, self.reading.hidden
        inner.reading.altered, inner.reading.nested = self.reading.altered, self.reading.nested
        inner.run()
        self.reading.opcodes += inner.reading.opcodes
        self.reading.arrays += inner.reading.arrays

    def _probe(self, payload: Payload) -> None:
        """Read an array as opcodes: a plain unpickler, which knows no wrapper, would run what stands there."""
        start = self.stream.tell()
        content = self.stream.read(min(_PROBED, payload.size + 256))
        self.stream.skip(start - self.stream.tell())
        if content[:1] not in _OPCODE_BYTES:
            return
        fork = Machine(Clamped(io.BytesIO(content), len(content)), _PROBED_OPCODES, self.handlers, _DEEPEST)
        fork.stack, fork.memo = list(self.stack), dict(self.memo)
        try:
            fork.run()
        except (*BROKEN, TooMuchError):
            pass
        for found in fork.reading.imports:
            self.reading.imports.setdefault(found, start)

    def step(self, name: str, argument: object, at: int) -> None:
        """Follow one opcode."""
        handler = self.handlers.get(name)
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
        self.stack.extend(OTHER for _ in opcode.stack_after)


Handler = Callable[[Machine, object, int], None]
_OPCODES = {opcode.name: opcode for opcode in pickletools.opcodes}
_OPCODE_BYTES = frozenset(opcode.code.encode("latin-1") for opcode in pickletools.opcodes)
