from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from compliance.types.canonical import canonical_json, merkle_root
from compliance.types.drafts import Progress
from compliance.types.errors import BadInputError
from scanning.filescan.manifest import DatasetManifest, hash_dataset, manifest_from_json, verify_dataset

FILES = {"train/cat/1.png": b"a", "train/cat/2.png": b"bb", "train/dog/1.png": b"", "test/cat/9.png": b"dddd"}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_a_manifest_names_every_file_in_order(dataset: Path) -> None:
    manifest = hash_dataset(dataset)
    assert [entry.path for entry in manifest.entries] == sorted(FILES)
    assert (manifest.files, manifest.size, manifest.kind, manifest.name) == (4, 7, "folder", "pets")
    assert manifest.entries[0].sha256 == hashlib.sha256(b"dddd").hexdigest()
    assert manifest.labels == {"test/cat": 1, "train/cat": 2, "train/dog": 1}


def test_the_root_can_be_worked_out_from_the_document_alone(dataset: Path) -> None:
    document = json.loads(json.dumps(hash_dataset(dataset).to_json()))
    assert document["format"] == "assay-dataset-manifest/1"
    assert document["root"] == merkle_root(canonical_json(entry) for entry in document["entries"])
    assert manifest_from_json(document) == hash_dataset(dataset)


def test_a_single_file_keeps_its_root_under_another_name(dataset: Path) -> None:
    manifest = hash_dataset(dataset / "train/cat/2.png")
    assert (manifest.kind, manifest.files, manifest.labels) == ("file", 1, {})
    os.rename(dataset / "train/cat/2.png", dataset / "other.png")
    assert verify_dataset(dataset / "other.png", manifest).matches


def test_an_untouched_data_set_matches(dataset: Path) -> None:
    difference = verify_dataset(dataset, hash_dataset(dataset))
    assert difference.matches
    assert (difference.added, difference.removed, difference.changed) == ((), (), ())


def test_every_kind_of_change_is_listed(dataset: Path) -> None:
    manifest = hash_dataset(dataset)
    (dataset / "train/cat/1.png").write_bytes(b"A")
    (dataset / "train/dog/1.png").unlink()
    (dataset / "new.png").write_bytes(b"")
    difference = verify_dataset(dataset, manifest)
    assert not difference.matches
    assert (difference.added, difference.removed, difference.changed) == (
        ("new.png",),
        ("train/dog/1.png",),
        ("train/cat/1.png",),
    )


def test_links_and_special_files_are_refused_by_name(dataset: Path) -> None:
    (dataset / "train/link.png").symlink_to("/etc/hostname")
    os.mkfifo(dataset / "pipe")
    with pytest.raises(BadInputError, match=r"pipe, train/link\.png"):
        hash_dataset(dataset)


def test_a_link_to_a_data_set_is_refused(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(dataset)
    with pytest.raises(BadInputError, match="alias is a link"):
        hash_dataset(tmp_path / "alias")


def test_a_name_that_is_no_utf8_is_shown_escaped(dataset: Path) -> None:
    with open(os.fsencode(dataset) + b"/bad\xff.png", "wb"):
        pass
    with pytest.raises(BadInputError, match=r"bad\\xff\.png"):
        hash_dataset(dataset)


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_nothing_to_hash_is_bad_input(tmp_path: Path, kind: str) -> None:
    if kind == "empty":
        (tmp_path / kind).mkdir()
    with pytest.raises(BadInputError, match=kind):
        hash_dataset(tmp_path / kind)


def test_progress_ends_at_the_size(dataset: Path) -> None:
    seen: list[Progress] = []
    hash_dataset(dataset, on_progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (7, 7)


def test_files_beside_each_other_have_no_labels(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "é.csv"):
        (tmp_path / name).write_text(name)
    assert hash_dataset(tmp_path).labels == {}
    assert [entry.path for entry in hash_dataset(tmp_path).entries] == ["a.csv", "b.csv", "é.csv"]


@pytest.mark.parametrize(
    "change",
    [
        {"root": "0" * 64},
        {"files": 9},
        {"size": 0},
        {"entries": []},
        {"format": "other"},
        {"labels": 5},
        {"entries": [1]},
    ],
)
def test_a_manifest_that_was_altered_is_refused(dataset: Path, change: dict[str, object]) -> None:
    with pytest.raises(BadInputError, match="manifest"):
        manifest_from_json(hash_dataset(dataset).to_json() | change)


def test_reordered_entries_are_refused(dataset: Path) -> None:
    manifest = hash_dataset(dataset)
    turned = DatasetManifest(
        name="x", kind="folder", root=manifest.root, size=manifest.size, entries=manifest.entries[::-1], labels={}
    )
    with pytest.raises(BadInputError, match="contradicts itself"):
        manifest_from_json(turned.to_json())
