"""Merkle trees as RFC 9162 §2.1 has them: roots, inclusion proofs and consistency proofs. Pure arithmetic over hashes.

`offline/assay_verify.py` says the checking half once more, since it has to stand alone; a test holds both against each other
and against a slow reading of the RFC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf's bytes."""
    return hashlib.sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two hashes."""
    return hashlib.sha256(_NODE + left + right).digest()


class GrowingTree:
    """Takes leaf hashes one by one and knows the root at any time; holds one hash a level, however many there are."""

    __slots__ = ("_peaks", "size")

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # roots of perfect trees, largest first: one for each bit of the size
        for each in hashes:
            self.add(each)

    def add(self, hashed: bytes) -> None:
        """One more leaf, by its hash."""
        size = self.size
        while size & 1:
            hashed, size = node_hash(self._peaks.pop(), hashed), size >> 1
        self._peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """Root over what was added so far; of nothing it is SHA-256("")."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        root = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            root = node_hash(peak, root)
        return root


def _root(hashes: Sequence[bytes], start: int, end: int) -> bytes:
    return GrowingTree(hashes[n] for n in range(start, end)).root()


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_paths(hashes: Sequence[bytes], indexes: Iterable[int]) -> list[list[bytes]]:
    """§2.1.3.1: for each leaf, what it takes to get from it to the root, nearest first. Raises IndexError."""
    rows = [list(hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        above = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
        rows.append(above + row[len(above) * 2 :])  # an odd one out goes up as it is
    return [_path(rows, index) for index in indexes]


def _path(rows: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    if not 0 <= index < len(rows[0]):
        raise IndexError(f"there is no leaf {index} among {len(rows[0])}")
    path = []
    for row in rows[:-1]:
        if index ^ 1 < len(row):
            path.append(row[index ^ 1])
        index >>= 1
    return path


def root_by_path(hashed: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """§2.1.3.2: the root that a path leads to from a leaf's hash; None where the path is of the wrong length."""
    if not 0 <= index < size:
        return None
    here, last = index, size - 1
    for each in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            hashed = node_hash(each, hashed)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            hashed = node_hash(hashed, each)
        here, last = here >> 1, last >> 1
    return hashed if last == 0 else None


def consistency_path(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """§2.1.4.1: what shows that the tree over the first `old` leaves is the beginning of this one. Raises IndexError."""
    start, end, path = 0, len(hashes), []
    if not 0 < old <= end:
        raise IndexError(f"there is no tree of {old} leaves within one of {end}")
    rest = old
    while rest < end - start:
        middle = start + _split(end - start)
        if rest <= middle - start:
            path.append(_root(hashes, middle, end))
            end = middle
        else:
            path.append(_root(hashes, start, middle))
            rest -= middle - start
            start = middle
    if start:
        path.append(_root(hashes, start, end))
    return path[::-1]


def is_consistent(*, old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """§2.1.4.2: whether the path shows that the smaller tree is the beginning of the larger one."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    rest = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not rest:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = rest[0]
    for each in rest[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first, second = node_hash(each, first), node_hash(each, second)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            second = node_hash(second, each)
        here, last = here >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
