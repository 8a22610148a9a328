"""A sender of files as slow networks and programs have it: over a socket, piece by piece, with the moments noted."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.installations import Installation, Site

PIECE = 1024**2
TOKEN = "t" * 32  # what a browser would be given; the form and the cookie only have to agree
BOUNDARY = "----assay-upload"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. waited: seconds from the last byte sent to the first byte of the answer."""

    status: int
    head: str
    body: bytes
    waited: float
    sha256: str


def pieces(size: int, seed: bytes = b"") -> Iterator[bytes]:
    """So many bytes, no two megabytes alike; the same for the same seed, others each time without one."""
    block = hashlib.sha256(seed).digest() * (PIECE // 32) if seed else os.urandom(PIECE)
    for number in range(-(-size // PIECE)):
        piece = number.to_bytes(8, "big") + block[8:]
        yield piece[: size - number * PIECE]


def form(fields: dict[str, str], *, file: str, filename: str) -> tuple[bytes, bytes]:
    """The multipart body before and after the file's bytes."""
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    lines.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{file}"; filename="{filename}"\r\n\r\n')
    return "".join(lines).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def head(site: Site, path: str, *, length: int, headers: dict[str, str]) -> bytes:
    """The request's head."""
    given = {
        "Host": site.url.removeprefix("http://"),
        "Connection": "close",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(length),
        **headers,
    }
    return "\r\n".join([f"POST {path} HTTP/1.1", *(f"{key}: {value}" for key, value in given.items()), "", ""]).encode()


def connect(site: Site) -> socket.socket:
    """A connection to the site."""
    return socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), timeout=120)


def session_headers(session: str) -> dict[str, str]:
    """Of somebody who is signed in."""
    return {"Cookie": f"sessionid={session}; csrftoken={TOKEN}"}


def send(
    site: Site, path: str, fields: dict[str, str], *, size: int, headers: dict[str, str], seed: bytes = b""
) -> Answer:
    """Send a file of so many bytes, as the field `file`."""
    before, after = form(fields, file="file", filename="large.bin")
    digest = hashlib.sha256()
    with connect(site) as line:
        line.sendall(head(site, path, length=len(before) + size + len(after), headers=headers) + before)
        for piece in pieces(size, seed):
            digest.update(piece)
            line.sendall(piece)
        line.sendall(after)
        sent = time.perf_counter()
        said = line.recv(65536)
        waited = time.perf_counter() - sent
        while more := line.recv(65536):
            said += more
    lines, _, body = said.partition(b"\r\n\r\n")
    return Answer(int(lines.split()[1]), lines.decode("latin-1"), body, waited, digest.hexdigest())


def processes_of(site: Site) -> list[Path]:
    """The web server's processes, as folders of /proc."""
    bind = f"--bind=127.0.0.1:{site.url.rpartition(':')[2]}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if bind in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(folder)
        except OSError:
            continue
    return found


def peak_mib(site: Site) -> float:
    """The most memory that one of the server's processes ever held."""
    peaks = []
    for folder in processes_of(site):
        (line,) = (line for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM:"))
        peaks.append(int(line.split()[1]) / 1024)
    return max(peaks)


def open_spools(site: Site) -> int:
    """How many files the server holds open that arrive or arrived and have no name of their own."""
    count = 0
    for folder in processes_of(site):
        for handle in (folder / "fd").iterdir():
            try:
                count += "/incoming/" in str(handle.readlink())
            except OSError:
                continue
    return count


def incoming(installation: Installation) -> list[Path]:
    """What lies in the spool folder."""
    return list((installation.var / "evidence" / "incoming").glob("*"))
