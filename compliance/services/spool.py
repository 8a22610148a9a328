"""Bytes on their way into the evidence storage: hashed while they arrive, on its file system, then given their name.

A file under a digest appears whole and already on the disk, or not at all: what the ledger says is stored is stored.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.translation import gettext as _

from compliance.services.errors import RefusedError

HEAD_BYTES = 4096
_FLUSH_BYTES = 16 * 1024**2  # written to the disk while more is awaited, so that little is left to write after the last
_INCOMING = "incoming"
_NO_UNNAMED_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOENT}


class TooLargeError(RefusedError):
    """More bytes than are taken."""

    def __init__(self, most_bytes: int) -> None:
        limit = most_bytes // 1024**2
        super().__init__(_("The file is larger than the %d MiB that this installation takes.") % limit)


class NoRoomError(RefusedError):
    """The disk is too full for the bytes. Nothing of them was kept."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The disk of this installation has too little room for the file; nothing was kept. Tell its administrator."
            )
        )


class Received(io.BufferedReader):
    """Bytes that arrived whole, to be read and never written. Made by `Spool.finish` alone, which hashed each of them."""

    def __init__(self, raw: io.FileIO, *, place: str, sha256: str, size: int, head: bytes) -> None:
        super().__init__(raw)
        self._place, self._sha256, self._size, self._head = place, sha256, size, head

    @property
    def sha256(self) -> str:
        """SHA-256 of all bytes, in hexadecimal."""
        return self._sha256

    @property
    def size(self) -> int:
        """Their number."""
        return self._size

    @property
    def head(self) -> bytes:
        """The first of them, HEAD_BYTES at most."""
        return self._head

    def linked(self, target: Path, folder: int) -> bool:
        """Give the file this name too, in the open folder; False where its file system cannot. Raises FileExistsError."""
        try:
            os.link(self._place, target.name, dst_dir_fd=folder, follow_symlinks=True)
        except OSError as error:
            if error.errno in _NO_LINK:
                return False
            raise
        return True

    def close(self) -> None:
        """Let go of the file; what was not given a name is gone."""
        if not self.closed:
            super().close()
            _forget(self._place)


class Spool:
    """A file that is written once, front to back, and hashed while it is. Closing it before `finish` leaves nothing."""

    def __init__(self, *, most_bytes: int, expected_bytes: int = 0) -> None:
        """expected_bytes: how many are announced, where anybody announced a number. Raises NoRoomError."""
        self._folder = _folder()
        _check_room(self._folder, expected_bytes)
        self._handle, self._place = _new_file(self._folder)
        self._most, self._size, self._flushed = most_bytes, 0, 0
        self._digest, self._head = hashlib.sha256(), b""
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many bytes arrived."""
        return self._size

    def write(self, piece: bytes) -> None:
        """The next bytes. Raises TooLargeError with the first that is too many, NoRoomError on a full disk; keeps none."""
        if self._size + len(piece) > self._most:
            self.close()
            raise TooLargeError(self._most)
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        self._digest.update(piece)
        try:
            _write_all(self._handle, piece)
            self._size += len(piece)
            if self._size - self._flushed >= _FLUSH_BYTES:
                os.fdatasync(self._handle)
                self._flushed = self._size
                _check_room(self._folder, 0)
        except OSError as error:
            self.close()
            if error.errno in _FULL:
                raise NoRoomError from error
            raise
        except NoRoomError:
            self.close()
            raise

    def finish(self) -> Received:
        """All bytes, at their beginning."""
        self._open = False
        os.lseek(self._handle, 0, os.SEEK_SET)
        return Received(
            io.FileIO(self._handle, "r"),
            place=self._place,
            sha256=self._digest.hexdigest(),
            size=self._size,
            head=self._head,
        )

    def close(self) -> None:
        """Throw away what arrived, unless it was finished."""
        if self._open:
            self._open = False
            os.close(self._handle)
            _forget(self._place)


def keep(received: Received) -> str:
    """Keep bytes in the evidence storage under their digest; the name that they have there. Twice is once.

    Raises RefusedError where the storage holds other bytes under this digest.
    """
    name, storage = f"{received.sha256[:2]}/{received.sha256}", storages["evidence"]
    if isinstance(storage, FileSystemStorage):
        _keep_on_disk(received, storage, Path(storage.path(name)))
    elif not storage.exists(name):
        _copy_into(received, storage, name)
    return name


def _copy_into(received: Received, storage: Storage, name: str) -> None:
    received.seek(0)
    saved = storage.save(name, File(received, name=name))
    if saved != name:  # somebody kept the same bytes at the same moment
        storage.delete(saved)


def _keep_on_disk(received: Received, storage: FileSystemStorage, target: Path) -> None:
    _make_folder(storage, target.parent)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not target.exists():
            _prepare(received.fileno(), storage)
            with contextlib.suppress(FileExistsError):  # somebody kept the same bytes at the same moment
                if not received.linked(target, folder):
                    _copy_beside(received, storage, target)
        if target.stat().st_size != received.size:
            raise RefusedError(
                _("The file kept under SHA-256 %s is damaged; restore it from the backup and try again.")
                % received.sha256
            )
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy_beside(received: Received, storage: FileSystemStorage, target: Path) -> None:
    """For a spool on another file system: a copy that gets its name when it is whole."""
    received.seek(0)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix="copy-", delete=False) as copy:
        try:
            shutil.copyfileobj(received, copy, 1024**2)
            copy.flush()
            _prepare(copy.fileno(), storage)
            Path(copy.name).replace(target)
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise


def _prepare(handle: int, storage: FileSystemStorage) -> None:
    """Mode and group as the storage gives them, and every byte on the disk, before the file has its name."""
    group = Path(storage.location).stat().st_gid
    if os.fstat(handle).st_gid != group:
        with contextlib.suppress(PermissionError):
            os.fchown(handle, -1, group)
    if storage.file_permissions_mode is not None:
        os.fchmod(handle, storage.file_permissions_mode)
    os.fsync(handle)


def _make_folder(storage: FileSystemStorage, folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if storage.directory_permissions_mode is not None:
        folder.chmod(storage.directory_permissions_mode)
    above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _folder() -> Path:
    """Where bytes arrive: as set, else in the storage's own folder, from where a link and no copy leads to the name."""
    if settings.FILE_UPLOAD_TEMP_DIR:
        return Path(settings.FILE_UPLOAD_TEMP_DIR)
    storage = storages["evidence"]
    if not isinstance(storage, FileSystemStorage):
        return Path(tempfile.gettempdir())
    folder = Path(storage.location) / _INCOMING
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _check_room(folder: Path, expected_bytes: int) -> None:
    """The disk keeps MIN_FREE_BYTES for database, logs and work in progress."""
    if shutil.disk_usage(folder).free < expected_bytes + settings.MIN_FREE_BYTES:
        raise NoRoomError


def _new_file(folder: Path) -> tuple[int, str]:
    """A file open for writing and reading, and the path to link it by. It has no name where the system knows such files,
    so that nothing of it outlives the process, however that ends."""
    try:
        handle = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        return tempfile.mkstemp(prefix="upload-", dir=folder)
    return handle, f"/proc/self/fd/{handle}"


def _forget(place: str) -> None:
    if not place.startswith("/proc/"):
        Path(place).unlink(missing_ok=True)


def _write_all(handle: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]
