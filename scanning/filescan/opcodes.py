"""Reads pickle opcodes without running them: what a pickle imports, what it calls, and where it hides either.

A small abstract machine follows the stack and the memo far enough to know which text reaches STACK_GLOBAL and which value
reaches a call. Opcode meanings: CPython, Lib/pickletools.py. Nothing is imported, built or called.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import BinaryIO

from scanning.filescan.base import ScanError
from scanning.filescan.joblib_array import DTYPE, WRAPPER
from scanning.filescan.pickle_machine import Clamped, Handler, Machine, PickleReading
from scanning.filescan.pickle_values import MARK, OTHER, Group, Import, Made, Number, Table, Text, Value

TORCH_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_MOST_NESTED = 100
_LONGEST_NESTED = 16 << 20
_MOST_KEPT = 64
_LOOKS_NESTED = re.compile(rb"\x80[\x02-\x05]|[(\]}]?c[\w.]{1,100}\n[\w.]{1,100}\n")
_BASE64, _HEX = tuple(f"gA{letter}" for letter in "IJKLMNOPQRSTUVWX"), ("8002", "8003", "8004", "8005")


def _keep_nested(machine: Machine, content: bytes | bytearray, at: int) -> None:
    if len(machine.reading.nested) < _MOST_NESTED and len(content) <= _LONGEST_NESTED and _LOOKS_NESTED.match(content):
        machine.reading.nested.append((at, bytes(content)))


def _text(machine: Machine, argument: object, at: int) -> None:
    if not isinstance(argument, str):
        machine.stack.append(OTHER)
        return
    machine.stack.append(Text(argument))
    try:
        if argument.startswith(_BASE64):
            _keep_nested(machine, base64.b64decode(argument[: len(argument) // 4 * 4]), at)
        elif argument.startswith(_HEX):
            _keep_nested(machine, binascii.unhexlify(argument), at)
    except ValueError:  # it only begins as one would
        pass


def _bytes(machine: Machine, argument: object, at: int) -> None:
    if isinstance(argument, (bytes, bytearray)):
        _keep_nested(machine, argument, at)
    machine.stack.append(OTHER)


def _integer(machine: Machine, argument: object, at: int) -> None:
    if not isinstance(argument, int):
        machine.stack.append(OTHER)
        return
    if machine.reading.first_integer is None:
        machine.reading.first_integer = argument
    machine.stack.append(Number(int(argument)))


def _truth(machine: Machine, argument: object, at: int) -> None:
    machine.stack.append(Number(1))


def _tuple_of(count: int) -> Handler:
    def handler(machine: Machine, argument: object, at: int) -> None:
        members = [machine.pop() for _ in range(count)][::-1]
        machine.stack.append(Group(tuple(members)))

    return handler


def _tuple(machine: Machine, argument: object, at: int) -> None:
    members = machine.pop_to_mark()
    machine.stack.append(Group(tuple(members)) if len(members) <= _MOST_KEPT else OTHER)


def _empty_dict(machine: Machine, argument: object, at: int) -> None:
    machine.stack.append(Table())


def _dict(machine: Machine, argument: object, at: int) -> None:
    group = machine.pop_to_mark()
    machine.stack.append(Table())
    _enter(machine, group)


def _enter(machine: Machine, group: list[Value]) -> None:
    """Keep what a dictionary on the stack is given under texts."""
    table = machine.stack[-1] if machine.stack else OTHER
    if not isinstance(table, Table):
        return
    for key, value in zip(group[::2], group[1::2], strict=False):
        if isinstance(key, Text) and len(table.entries or ()) < _MOST_KEPT:
            table.entries = {**(table.entries or {}), key.value: value}


def _made(machine: Machine, callee: Value, arguments: Value) -> None:
    kept = isinstance(callee, Import) and callee in (WRAPPER, DTYPE)
    machine.stack.append(Made(callee, arguments) if kept and isinstance(callee, Import) else OTHER)


def _mark(machine: Machine, argument: object, at: int) -> None:
    machine.stack.append(MARK)


def _pop(machine: Machine, argument: object, at: int) -> None:
    machine.pop()


def _pop_mark(machine: Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()


def _dup(machine: Machine, argument: object, at: int) -> None:
    value = machine.pop()
    machine.stack += [value, value]


def _get(machine: Machine, argument: object, at: int) -> None:
    if not isinstance(argument, int) or argument not in machine.memo:
        raise ScanError("a memo entry is read before it is written")
    machine.stack.append(machine.memo[argument])


def _put(machine: Machine, argument: object, at: int) -> None:
    if not machine.stack:
        raise ScanError("the stack runs empty")
    machine.memo[argument if isinstance(argument, int) else len(machine.memo)] = machine.stack[-1]


def _global(machine: Machine, argument: object, at: int) -> None:
    module, _, name = str(argument).partition(" ")
    machine.use(Import(module, name), at)


def _stack_global(machine: Machine, argument: object, at: int) -> None:
    name, module = machine.pop(), machine.pop()
    if isinstance(name, Text) and isinstance(module, Text):
        machine.use(Import(module.value, name.value), at)
    else:
        machine.reading.hidden.append((at, "an import whose name is made up while loading"))
        machine.stack.append(OTHER)


def _inst(machine: Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()
    _global(machine, argument, at)
    machine.stack[-1] = OTHER


def _obj(machine: Machine, argument: object, at: int) -> None:
    group = machine.pop_to_mark()
    if not group:
        raise ScanError("OBJ finds no class")
    machine.call(group[0], at)
    _made(machine, group[0], OTHER)


def _reduce(machine: Machine, argument: object, at: int) -> None:
    arguments, callee = machine.pop(), machine.pop()
    machine.call(callee, at)
    _made(machine, callee, arguments)


def _newobj_ex(machine: Machine, argument: object, at: int) -> None:
    machine.pop()
    _reduce(machine, argument, at)


def _build(machine: Machine, argument: object, at: int) -> None:
    state = machine.pop()
    if not machine.stack:
        raise ScanError("the stack runs empty")
    target = machine.stack[-1]
    if isinstance(target, Import):
        machine.reading.altered.append((at, target))
    elif isinstance(target, Made):
        target.state = state
        if target.callee == WRAPPER:
            machine.pass_array(target)


def _extension(machine: Machine, argument: object, at: int) -> None:
    machine.reading.hidden.append(
        (at, f"an import by extension code {argument}, which only the loading machine can resolve")
    )
    machine.stack.append(OTHER)


def _persistent(machine: Machine, argument: object, at: int) -> None:
    machine.reading.persistent_ids += 1
    machine.stack.append(OTHER)


def _binary_persistent(machine: Machine, argument: object, at: int) -> None:
    machine.pop()
    _persistent(machine, argument, at)


def _into_container(machine: Machine, argument: object, at: int) -> None:
    machine.pop_to_mark()


def _append(machine: Machine, argument: object, at: int) -> None:
    machine.pop()


def _set_item(machine: Machine, argument: object, at: int) -> None:
    value, key = machine.pop(), machine.pop()
    _enter(machine, [key, value])


def _set_items(machine: Machine, argument: object, at: int) -> None:
    _enter(machine, machine.pop_to_mark())


_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_BYTES = ("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8")
_INTEGERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_BYTES, _bytes),
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _into_container),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "APPEND": _append,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "EMPTY_DICT": _empty_dict,
    "DICT": _dict,
    "EMPTY_TUPLE": _tuple_of(0),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": _tuple,
    "NEWTRUE": _truth,
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


def read_pickle(stream: BinaryIO, size: int, max_opcodes: int) -> PickleReading:
    """Follow one pickle from the stream's position to its STOP; the stream is then just behind it.

    What was seen before a pickle breaks is kept, with `error` set: a loader runs opcodes as it meets them, so a broken tail
    undoes nothing. Raises TooMuchError beyond `max_opcodes`.
    """
    machine = Machine(Clamped(stream, size), max_opcodes, _HANDLERS)
    try:
        machine.run()
    except ScanError as error:
        machine.reading.error = str(error)
    return machine.reading
