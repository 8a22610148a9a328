"""What a file is by its first bytes, and whether that is what its sender and its name say. Nothing is interpreted."""

from __future__ import annotations

import codecs

BINARY = "application/octet-stream"
_UTF8 = codecs.getincrementaldecoder("utf-8")
_CUT = 4096  # of more, the first bytes may end within a letter
_MAGIC = (
    (b"\x1f\x8b", "application/gzip"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"\x89HDF", "application/x-hdf5"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-msdownload"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ", "application/x-xz"),
    (b"GGUF", "application/x-gguf"),
)
# What a name's ending promises; an ending that is not here promises nothing that the first bytes could contradict.
_ENDINGS = {
    "gz": "application/gzip", "tgz": "application/gzip", "pdf": "application/pdf", "zip": "application/zip",
    "docx": "application/zip", "xlsx": "application/zip", "pptx": "application/zip", "npz": "application/zip",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "h5": "application/x-hdf5",
    "hdf5": "application/x-hdf5", "7z": "application/x-7z-compressed", "parquet": "application/vnd.apache.parquet",
    "zst": "application/zstd", "bz2": "application/x-bzip2", "xz": "application/x-xz", "gguf": "application/x-gguf",
    "json": "text", "jsonl": "text", "ndjson": "text", "csv": "text", "tsv": "text", "txt": "text", "log": "text",
    "md": "text", "xml": "text", "yaml": "text", "yml": "text", "sarif": "text",
}  # fmt: skip
# Names that senders use for the same thing.
_SAME = {
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "application/zip",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "application/zip",
    "image/jpg": "image/jpeg",
    "application/x-hdf": "application/x-hdf5",
}
_TELLING = {media_type for _magic, media_type in _MAGIC}


def sniffed(head: bytes) -> str:
    """A media type by content alone; names and senders are not believed."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped[:1] in (b"{", b"["):
        return "application/json"
    if not head or b"\x00" in head:
        return BINARY
    try:
        _UTF8().decode(head, final=len(head) < _CUT)
    except UnicodeDecodeError:
        return BINARY
    return "text/plain"


def _family(media_type: str) -> str:
    """What a media type promises of first bytes: one of ours, "text", or "" where it promises nothing."""
    plain = media_type.partition(";")[0].strip().lower()
    plain = _SAME.get(plain, plain)
    if plain in _TELLING:
        return plain
    if plain.startswith("text/") or plain.endswith(("json", "xml", "yaml", "csv")):
        return "text"
    return ""


def differs(*, declared: str, filename: str, found: str) -> bool:
    """Whether what the sender declared, or the name ends in, is contradicted by what the first bytes are.

    A declaration that promises nothing (application/octet-stream, an unknown ending) is never contradicted.
    """
    seen = _family(found)
    ending = filename.rpartition(".")[2].lower() if "." in filename else ""
    promised = {promise for promise in (_family(declared), _ENDINGS.get(ending, "")) if promise}
    return any(promise != seen for promise in promised)
