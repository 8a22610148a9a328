"""SHA-256 of files, and of many at once: hashlib gives up the interpreter's lock meanwhile, so threads share the cores."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

_BUFFER = 1 << 20
_TICK = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")
OnBytes = Callable[[int], None]


class ReadsInto(Protocol):
    """A binary file. typing.BinaryIO lacks the method."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer as far as there are bytes, and say how far."""


class _Buffers(threading.local):
    """One buffer for each thread: making a fresh one for each small file would cost more than hashing it."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_BUFFER))


_buffers = _Buffers()


def sha256_of(stream: ReadsInto, on_bytes: OnBytes) -> tuple[int, str]:
    """Bytes read and their SHA-256, from the stream's position to its end."""
    digest, size = hashlib.sha256(), 0
    view = _buffers.view
    while count := stream.readinto(view):
        digest.update(view[:count])
        size += count
        on_bytes(count)
    return size, digest.hexdigest()


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Work(Generic[Item, Result]):
    """Items that threads take one after another; results in the items' order; the first failure, by order, is kept."""

    def __init__(self, items: Sequence[Item], work: Callable[[Item, OnBytes], Result]) -> None:
        self._items, self._work = items, work
        self.results: list[Result | None] = [None] * len(items)
        self.failure: tuple[int, Exception] | None = None
        self.done_bytes = 0
        self.stopped = False
        self._next = 0
        self._lock = threading.Lock()

    def _count(self, count: int) -> None:
        with self._lock:
            self.done_bytes += count

    def _take(self) -> int | None:
        with self._lock:
            if self.stopped or self.failure is not None or self._next >= len(self._items):
                return None
            self._next += 1
            return self._next - 1

    def run(self) -> None:
        """What one thread does."""
        while (index := self._take()) is not None:
            try:
                self.results[index] = self._work(self._items[index], self._count)
            except Exception as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
                with self._lock:
                    if self.failure is None or index < self.failure[0]:
                        self.failure = (index, error)


def side_by_side(
    items: Sequence[Item], work: Callable[[Item, OnBytes], Result], *, on_bytes: OnBytes, threads: int = 0
) -> list[Result]:
    """`work(item, count)` for every item, on as many threads as there are processors (or `threads`), in the items' order.

    on_bytes: told from the caller's own thread how many bytes are done in all. Raises what the first item that fails raises.
    """
    shared: _Work[Item, Result] = _Work(items, work)
    workers = [
        threading.Thread(target=shared.run, daemon=True) for _ in range(min(threads or cores(), max(len(items), 1)))
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            while worker.is_alive():
                worker.join(_TICK)
                on_bytes(shared.done_bytes)
    finally:
        shared.stopped = True
        for worker in workers:
            worker.join()
    if shared.failure is not None:
        raise shared.failure[1]
    on_bytes(shared.done_bytes)
    return [found for found in shared.results if found is not None]
