"""What a parser is: it knows its format by content, and turns a stream into drafts without holding it in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import AssetRef, JobEventDraft, ObservationDraft, ParseSummary, Reject
from compliance.types.entitlements import EntitlementDraft
from scanning.ingest.limits import Limits
from scanning.ingest.log_mapping import LogMapping

Draft = JobEventDraft | ObservationDraft | EntitlementDraft | CompletenessDraft | Reject
Drafts = Generator[Draft, None, ParseSummary]

# Scores of `identify`. Content alone reaches CERTAIN; a parser that answers LIKELY yields to one that is certain.
NO, LIKELY, CERTAIN = 0, 50, 100


def ignore_offset(_: int) -> None:
    """The callback of a caller who does not watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseContext:
    """What a parser may know beside the bytes.

    file_name: as people know it, for messages and locators; total_bytes: size of the stream as stored (compressed, if it
    is), None when unknown; on_offset: told how many of these bytes were read so far; limits: what hostile input may use;
    extra_operations: further operations to take as fine-tune events, such as "sagemaker:CreateJob";
    asset_digests: file name as the report gives it -> SHA-256, for reports that name files without hashing them;
    mapping: what the columns mean, for logs of no known format;
    asset: what the importer says the report is about, for reports that do not name it;
    source: account, trail or other source that the importer says the document is of, for documents that do not name it;
    keys: PEM public keys by which signatures in the document are checked, for formats that are signed;
    on_content: told the document's bytes, decompressed, as they are read;
    on_record: told the place (bytes, decompressed) and the bytes of each record of a log, before what it gave is yielded;
    threshold: score from which the importer calls a result suspicious, for reports that state a score and no threshold.
    """

    file_name: str
    total_bytes: int | None = None
    on_offset: Callable[[int], None] = ignore_offset
    limits: Limits = field(default_factory=Limits)
    extra_operations: tuple[str, ...] = ()
    asset_digests: Mapping[str, str] = field(default_factory=dict)
    asset: AssetRef | None = None
    source: str = ""
    keys: tuple[bytes, ...] = ()
    mapping: LogMapping | None = None
    threshold: float | None = None
    on_content: Callable[[bytes], None] | None = None
    on_record: Callable[[int, bytes], None] | None = None


class Parsing(Iterator[Draft]):
    """Drafts in the order of the document; `summary` once they are exhausted."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._summary: ParseSummary | None = None

    def __iter__(self) -> Parsing:
        return self

    def __next__(self) -> Draft:
        try:
            return next(self._drafts)
        except StopIteration as end:
            if end.value is not None:
                self._summary = end.value
            raise

    @property
    def summary(self) -> ParseSummary:
        """What the document was as a whole. Raises RuntimeError while drafts are left."""
        if self._summary is None:
            raise RuntimeError("the summary is known once every draft has been taken")
        return self._summary


class Parser(Protocol):
    """One source format."""

    @property
    def name(self) -> str:
        """Name in the registry, as `--format` takes it."""

    @property
    def label(self) -> str:
        """What people call the format."""

    def identify(self, head: bytes, file_name: str) -> int:
        """How surely the first bytes (decompressed, without byte-order mark) are of this format: 0 to 100.

        The name may settle a tie; it never suffices.
        """

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Read a stream (gzip or plain) into drafts. Iterating raises BadInputError where the document itself is unusable.

        A record that cannot be taken is a Reject, and the rest goes on. A document that breaks off is a BadInputError:
        what was yielded before must then not be published.
        """
