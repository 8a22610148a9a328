"""The spool: bytes hashed on the way in, named when they are whole and on the disk, gone otherwise."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages
from pytest_django.fixtures import Settings

from compliance.services import evidence, spool
from compliance.services.errors import RefusedError
from compliance.services.spool import HEAD_BYTES, Received, Spool, TooLargeError, keep

CONTENT = b"weights" * 3000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f"{SHA256[:2]}/{SHA256}"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Settings) -> Path:
    """An evidence storage of this test's own."""
    folder = tmp_path / "evidence"
    options = {"location": str(folder), "file_permissions_mode": 0o440}
    evidence_storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": evidence_storage}
    return folder


def received(content: bytes = CONTENT, *, by: int = 1000) -> Received:
    with Spool(most_bytes=1024**2) as one:
        for start in range(0, len(content), by):
            one.write(content[start : start + by])
        return one.finish()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def without_unnamed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no files without a name, as NFS."""
    real = os.open

    def refusing(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(spool, "os", SimpleNamespace(**{**vars(os), "open": refusing}))


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool on another file system than the storage."""

    def refusing(*_args: Any, **_more: Any) -> None:
        raise OSError(errno.EXDEV, "another device")

    monkeypatch.setattr(spool, "os", SimpleNamespace(**{**vars(os), "link": refusing}))


@pytest.mark.parametrize("by", [1, 999, 4096, 10**6])
def test_digest_size_and_head_are_of_all_bytes_however_they_arrive(by: int) -> None:
    with received(CONTENT[:9000], by=by) as one:
        assert (one.sha256, one.size) == (hashlib.sha256(CONTENT[:9000]).hexdigest(), 9000)
        assert one.head == CONTENT[:HEAD_BYTES]
        assert one.read() == CONTENT[:9000]


def test_what_arrived_cannot_be_written_nor_its_digest_set() -> None:
    with received() as one:
        assert not one.writable()
        with pytest.raises(io.UnsupportedOperation):
            one.write(b"x")
        with pytest.raises(AttributeError):
            one.sha256 = "0" * 64  # type: ignore[misc]  # what is tested


def test_kept_bytes_have_their_name_their_mode_and_one_file_alone(store: Path) -> None:
    with received() as one:
        assert keep(one) == NAME
    assert (store / NAME).read_bytes() == CONTENT
    assert (store / NAME).stat().st_mode & 0o777 == 0o440
    assert files_of(store) == {NAME}


def test_keeping_moves_and_copies_nothing(store: Path) -> None:
    with received() as one:
        keep(one)
        assert (store / NAME).stat().st_ino == os.fstat(one.fileno()).st_ino


def test_what_was_not_kept_leaves_nothing(store: Path) -> None:
    before = open_files()
    received().close()
    with Spool(most_bytes=100) as one:
        one.write(b"x")
    assert open_files() == before
    assert files_of(store) == set()


def test_the_first_byte_too_many_is_refused_and_the_file_is_gone(store: Path) -> None:
    before = open_files()
    one = Spool(most_bytes=3 * 1024**2)
    one.write(b"x" * 3 * 1024**2)
    with pytest.raises(TooLargeError, match="larger than the 3 MiB that this installation takes"):
        one.write(b"y")
    assert open_files() == before


def test_the_same_bytes_kept_again_stay_as_they_are(store: Path) -> None:
    with received() as first, received() as again:
        keep(first)
        keep(again)
        assert (store / NAME).stat().st_ino == os.fstat(first.fileno()).st_ino
    assert files_of(store) == {NAME}


def test_the_same_bytes_kept_by_many_at_once_are_kept_once(store: Path) -> None:
    names: list[str] = []
    together = threading.Barrier(8)

    def run() -> None:
        with received() as one:
            together.wait()
            names.append(keep(one))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == [NAME] * 8
    assert files_of(store) == {NAME}


def test_a_damaged_file_under_the_digest_is_neither_trusted_nor_replaced(store: Path) -> None:
    (store / NAME).parent.mkdir(parents=True)
    (store / NAME).write_bytes(CONTENT[:100])
    with received() as one, pytest.raises(RefusedError, match="is damaged; restore it from the backup"):
        keep(one)
    assert (store / NAME).read_bytes() == CONTENT[:100]


def test_bytes_are_on_the_disk_before_they_have_their_name_and_the_name_before_keep_ends(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    done: list[str] = []
    link, fsync = os.link, os.fsync

    def linked(*args: Any, **more: Any) -> None:
        done.append("name")
        link(*args, **more)

    def synced(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        fsync(handle)

    monkeypatch.setattr(spool, "os", SimpleNamespace(**{**vars(os), "link": linked, "fsync": synced}))
    with received() as one:
        keep(one)
    assert done == ["folder", "file", "name", "folder"]  # the first is of the new folder `ab`


def test_a_file_system_without_unnamed_files_links_and_forgets_the_name(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    without_unnamed_files(monkeypatch)
    with received() as one:
        keep(one)
        assert (store / NAME).stat().st_ino == os.fstat(one.fileno()).st_ino
    received(b"not kept").close()
    assert files_of(store) == {NAME}


def test_a_spool_on_another_file_system_is_copied_and_named_when_whole(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    without_links(monkeypatch)
    with received() as one:
        keep(one)
    assert (store / NAME).read_bytes() == CONTENT
    assert (store / NAME).stat().st_mode & 0o777 == 0o440
    assert files_of(store) == {NAME}


def test_a_copy_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    without_links(monkeypatch)

    def full(*_args: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("compliance.services.spool.shutil.copyfileobj", full)
    with received() as one, pytest.raises(OSError, match="no space left"):
        keep(one)
    assert files_of(store) == set()


def test_the_folder_that_is_set_is_used(settings: Settings, tmp_path: Path, store: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(elsewhere)
    with Spool(most_bytes=100):
        assert not (store / "incoming").exists()
    with received() as one:
        keep(one)
    assert files_of(store) == {NAME}
    assert files_of(elsewhere) == set()


def test_another_kind_of_storage_gets_a_copy(settings: Settings) -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "evidence": memory}
    with received() as one, received() as again:
        assert keep(one) == keep(again) == NAME
    storage = storages["evidence"]
    assert isinstance(storage, InMemoryStorage)
    with storage.open(NAME) as stored:
        assert stored.read() == CONTENT


def test_any_other_stream_is_spooled_and_kept_alike(store: Path) -> None:
    answer = evidence.store_bytes(stream=io.BytesIO(CONTENT))
    assert answer == (NAME, SHA256, len(CONTENT), CONTENT[:HEAD_BYTES])
    assert files_of(store) == {NAME}


def test_a_digest_that_a_stream_claims_is_not_believed(store: Path) -> None:
    claimed = io.BytesIO(CONTENT)
    liar = type("Liar", (io.BytesIO,), {"sha256": "0" * 64, "size": 1, "head": b""})(claimed.getvalue())
    assert evidence.store_bytes(stream=liar)[1] == SHA256


def test_the_storage_of_this_suite_is_one_that_links() -> None:
    assert isinstance(storages["evidence"], FileSystemStorage)
