"""Trees and paths against RFC 9162 §2.1 written down as slowly as it reads."""

from __future__ import annotations

import hashlib
import random

import pytest

from compliance.packs.offline import assay_verify
from compliance.types.merkle import (
    GrowingTree,
    consistency_path,
    inclusion_paths,
    is_consistent,
    leaf_hash,
    root_by_path,
)

SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(count)]


def k_of(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(hashes: list[bytes]) -> bytes:
    """§2.1.1, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = k_of(len(hashes))
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def rfc_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """§2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = k_of(len(hashes))
    if m < k:
        return [*rfc_path(m, hashes[:k]), mth(hashes[k:])]
    return [*rfc_path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """§2.1.4.1."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = k_of(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


@pytest.mark.parametrize("size", [0, *SIZES, 1000])
def test_roots_are_those_of_the_rfc(size: int) -> None:
    assert GrowingTree(leaves(size)).root() == mth(leaves(size))


def test_the_published_roots_of_certificate_transparency_come_out() -> None:
    """The test vectors of RFC 6962's reference implementation: leaves and roots of sizes 1 and 8."""
    given = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = GrowingTree(leaf_hash(bytes.fromhex(each)) for each in given[:1])
    assert tree.root().hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    for each in given[1:]:
        tree.add(leaf_hash(bytes.fromhex(each)))
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_has_the_rfcs_path_and_it_leads_to_the_root(size: int) -> None:
    hashes = leaves(size)
    for index, path in enumerate(inclusion_paths(hashes, range(size))):
        assert path == rfc_path(index, hashes)
        assert root_by_path(hashes[index], index=index, size=size, path=path) == mth(hashes)
        assert assay_verify.root_by_path(hashes[index], index, size, path) == mth(hashes)


@pytest.mark.parametrize("size", SIZES)
def test_every_earlier_tree_has_the_rfcs_word_and_it_holds(size: int) -> None:
    hashes = leaves(size)
    for old in range(1, size + 1):
        path = consistency_path(hashes, old)
        assert path == subproof(old, hashes, True)
        assert is_consistent(old=old, new=size, old_root=mth(hashes[:old]), new_root=mth(hashes), path=path)


def test_nothing_else_holds() -> None:
    """Another leaf, place, size, root or path: of random trees, each with one thing changed."""
    chance = random.Random(9162)
    for _ in range(300):
        size = chance.randint(2, 70)
        hashes, index = leaves(size), chance.randrange(size)
        path, root = inclusion_paths(hashes, [index])[0], mth(hashes)
        other = hashlib.sha256(b"other").digest()
        place = chance.randrange(len(path))
        wrong = [
            (other, index, size, path),
            (hashes[index], (index + 1) % size, size, path),
            (hashes[index], index, size, path[:-1]),
            (hashes[index], index, size, [*path, other]),
            (hashes[index], index, size, [*path[:place], other, *path[place + 1 :]]),
            (hashes[index], -1, size, path),
            (hashes[index], size, size, path),
        ]
        for hashed, at, of, given in wrong:
            assert root_by_path(hashed, index=at, size=of, path=given) != root
            assert assay_verify.root_by_path(hashed, at, of, given) != root


def test_no_other_history_is_consistent() -> None:
    chance = random.Random(6962)
    for _ in range(300):
        new = chance.randint(2, 70)
        old = chance.randint(1, new - 1)
        hashes = leaves(new)
        path, before, after = consistency_path(hashes, old), mth(hashes[:old]), mth(hashes)
        rewritten = [*hashes]
        rewritten[chance.randrange(old)] = leaf_hash(b"forged")
        assert not is_consistent(old=old, new=new, old_root=before, new_root=mth(rewritten), path=path)
        forged = consistency_path(rewritten, old)
        assert not is_consistent(old=old, new=new, old_root=before, new_root=mth(rewritten), path=forged)
        assert not is_consistent(old=old, new=new, old_root=before, new_root=after, path=path[:-1])
        assert not is_consistent(old=old, new=new, old_root=before, new_root=after, path=[*path, after])
        assert not is_consistent(old=new, new=old, old_root=after, new_root=before, path=path)


def test_what_is_not_there_has_no_path() -> None:
    with pytest.raises(IndexError):
        inclusion_paths(leaves(3), [3])
    for old in (0, 4):
        with pytest.raises(IndexError):
            consistency_path(leaves(3), old)
    assert not is_consistent(old=0, new=3, old_root=b"", new_root=mth(leaves(3)), path=[])
