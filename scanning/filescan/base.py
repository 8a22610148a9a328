"""What a file format is: it knows its files by content, and reports what it saw, what it did not look at, and why."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, Protocol

from compliance.types.drafts import FileIssue
from compliance.types.verdicts import FileScanVerdict

# Scores of `identify`.
NO, POSSIBLE, LIKELY, CERTAIN = 0, 20, 60, 100
HEAD_BYTES = 1 << 16

POISONED_WEIGHTS = "AML.T0018.000"
CHANGED_ARCHITECTURE = "AML.T0018.001"
EMBEDDED_MALWARE = "AML.T0018.002"
CHANGED_PROMPT_LOGIC = "AML.T0018.003"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """What one file may cost. Sizes in bytes; ratio: decompressed to compressed, looked at from `ratio_from` bytes on."""

    max_depth: int = 3
    max_members: int = 20_000
    max_unpacked: int = 8 << 30
    max_ratio: int = 300
    ratio_from: int = 64 << 20
    max_opcodes: int = 3_000_000
    max_protobuf: int = 2_000_000_000
    max_safetensors_header: int = 100_000_000
    max_text: int = 16 << 20
    max_tokenizer: int = 64 << 20


class ScanError(ValueError):
    """The file is not what it claims to be, or is damaged: it could not be read, so nothing is known of it."""


class TooMuchError(Exception):
    """A limit was reached: the file may be sound, and was not looked at."""


@dataclass(slots=True)
class Findings:
    """What a scan of one file gathers. A member is named by its place in the file; "" is the file itself.

    ignored: members in which nothing can hide that this scan looks for; unsupported: of no kind that is read; skipped: a
    limit was reached; failed: could not be read. Each with its reason.
    """

    issues: list[FileIssue] = field(default_factory=list)
    scanned: list[str] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    unsupported: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    speaks_to: set[str] = field(default_factory=set)
    limits: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def verdict(self) -> FileScanVerdict:
        """A finding outweighs all; then what could not be read; then what was not looked at; silence is never a pass."""
        if self.issues:
            return FileScanVerdict.FINDING
        if self.failed:
            return FileScanVerdict.FAILED
        if self.skipped or (self.scanned and self.unsupported):
            return FileScanVerdict.SKIPPED
        return FileScanVerdict.NOTHING_FOUND if self.scanned else FileScanVerdict.NOTHING_SCANNED

    def absorb(self, inner: Findings) -> None:
        """Take over what was seen in a member."""
        self.issues += inner.issues
        self.scanned += inner.scanned
        self.ignored += inner.ignored
        self.unsupported += inner.unsupported
        self.skipped += inner.skipped
        self.failed += inner.failed
        self.speaks_to |= inner.speaks_to
        self.limits += [limit for limit in inner.limits if limit not in self.limits]


@dataclass(slots=True)
class Budget:
    """What is left for a whole file, its members' members included."""

    members: int
    unpacked: int


@dataclass(kw_only=True)
class Target:
    """A file or a member on its way through the scan. `location`: its place within the file handed in, "" at the top."""

    name: str
    location: str
    size: int
    stream: BinaryIO
    limits: ScanLimits
    budget: Budget
    depth: int
    scan_member: Callable[[Target], Findings]

    @cached_property
    def head(self) -> bytes:
        """The first bytes."""
        self.stream.seek(0)
        return self.stream.read(HEAD_BYTES)

    @cached_property
    def zip_names(self) -> tuple[str, ...]:
        """Names of the members where this is a ZIP archive with a readable directory."""
        if not self.head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return ()
        try:
            with zipfile.ZipFile(self.stream) as archive:
                return tuple(archive.namelist())
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
            return ()

    def read_all(self, limit: int) -> bytes:
        """All bytes. Raises TooMuchError beyond the limit."""
        if self.size > limit:
            raise TooMuchError(f"{self.size} bytes are more than the {limit} that are read for this format")
        self.stream.seek(0)
        return self.stream.read()

    def place(self, name: str) -> str:
        """Location of a member; long and unprintable names are cut and escaped."""
        shown = name if name.isprintable() else ascii(name)
        return f"{self.location}:{shown[:300]}" if self.location else shown[:300]

    def member(self, name: str, size: int, stream: BinaryIO) -> Target:
        """A member of this file, to be scanned in its own right."""
        return Target(
            name=name,
            location=self.place(name),
            size=size,
            stream=stream,
            limits=self.limits,
            budget=self.budget,
            depth=self.depth + 1,
            scan_member=self.scan_member,
        )


class FileFormat(Protocol):
    """One artefact format."""

    @property
    def name(self) -> str:
        """Name in the registry and in reports."""

    def identify(self, target: Target) -> int:
        """How surely the content is of this format: 0 to 100. The name may settle a tie; it never makes certain."""

    def scan(self, target: Target) -> Findings:
        """Look at one file. Raises ScanError where it cannot be read, TooMuchError at a limit."""
