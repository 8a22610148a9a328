"""What goes with the pages of a pack: registers, machine-readable forms, original files. Streamed, never held.

What is too large for the PDF, and the original evidence files, lie in one ZIP beside it: a BagIt bag, with folders by control
and an index. A handling label that asks for more than the right to download packs keeps a file out of it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID

from django.core.files.storage import storages
from django.utils.translation import gettext as _

from compliance.models import Evidence, Freeze
from compliance.oscal.export import Model, export
from compliance.packs.bag import BagWriter, Payload
from compliance.packs.external import MARKS_NAME, prepare
from compliance.packs.order import Beside, Extra, PackOrder
from compliance.packs.registers import Register, registers_of, write_csv
from compliance.packs.uses import NOT_CITED, Use, uses_of
from compliance.rights import TABLE, Verb
from compliance.selectors.handling import label_of
from compliance.services import evidence as evidences
from compliance.services import ledger_proofs, spool
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import Progress
from compliance.types.freeze import EvidenceRecord
from compliance.types.freeze import Freeze as Document
from compliance.types.freeze_lines import opened
from compliance.types.handling import RULES
from compliance.types.ledger_proofs import PROOFS_NAME
from compliance.types.spreadsheets import as_text
from compliance.types.states import Audience, EvidenceState

_OSCAL = {
    Model.ASSESSMENT_PLAN: "OSCAL assessment plan, which the results import",
    Model.ASSESSMENT_RESULTS: "OSCAL assessment results: the same freeze for other programs",
    Model.PLAN_OF_ACTION: "OSCAL plan of action and milestones",
}
_MARKS = Extra(
    name=MARKS_NAME,
    file=MARKS_NAME,
    media_type="text/csv",
    description="Marks that stand for people and addresses, each with the keyed SHA-256 of what was removed",
    relationship="Data",
)
_INDEX = (
    "path", "filename", "title", "evidence", "sha256", "size", "state", "used in", "source", "collected_at", "left out because",
)  # fmt: skip
_AT_ONCE = 500
MOST_OSCAL_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class PackFiles:
    """What the child is handed in a folder, and the ZIP beside the PDF.

    order: as asked for, with what the pages have to say of these files; marks: who stands behind the marks, of packs for
    external recipients, for the organisation alone.
    """

    document: Path
    attachments: Path
    order: PackOrder
    extras: tuple[Extra, ...]
    bag: Path | None
    marks: Path | None


def copied(*, name: str, target: Path, sha256: str, keeper: LeaseKeeper | None = None) -> None:
    """A stored file, hashed on the way. Raises RefusedError: hashing fails closed."""
    digest = hashlib.sha256()
    with storages["evidence"].open(name, "rb") as stream, target.open("wb") as copy:
        for piece in evidences.chunks(stream):
            if keeper:
                keeper.check()
            digest.update(piece)
            copy.write(piece)
    if digest.hexdigest() != sha256:
        raise RefusedError(_("The stored freeze no longer matches its SHA-256; no pack can be made from it."))


def stored(path: Path) -> tuple[str, str, int]:
    """Keep a file that was made here under its digest, whatever its size: storage name, SHA-256, size."""
    with path.open("rb") as stream, spool.Spool(most_bytes=path.stat().st_size) as incoming:
        for piece in evidences.chunks(stream):
            incoming.write(piece)
        with incoming.finish() as received:
            return spool.keep(received), received.sha256, received.size


def gather(
    *,
    freeze: Freeze,
    order: PackOrder,
    folder: Path,
    with_originals: bool,
    keeper: LeaseKeeper,
    named_because: str = "",
) -> PackFiles:
    """Everything that the pack of an order needs, in `folder`. Raises RefusedError where a stored file is not what it was.

    named_because: why whoever signed for management stays named in a pack for external recipients.
    """
    document, attachments = folder / "freeze.json", folder / "attachments"
    attachments.mkdir()
    keeper.progress(Progress(stage=_("Registers"), done=0))
    copied(name=freeze.storage_name, target=document, sha256=freeze.sha256, keeper=keeper)
    for blob in freeze.attachments.values():
        copied(name=blob["storage_name"], target=attachments / blob["sha256"], sha256=blob["sha256"], keeper=keeper)
    is_external = order["audience"] is Audience.EXTERNAL
    marks, extras = None, []
    if is_external:
        order, marks = _for_external(document, attachments, order, named_because)
        extras.append(_MARKS)
    content = document.read_bytes()
    given = cast(Document, opened(json.loads(content), attachments))
    if is_beyond_oscal(given):
        order = {**order, "without_oscal": True}
    else:
        extras += _oscal(given, sha256_hex(content), attachments)
    extras += _proofs(freeze, given, attachments)
    large = [register for register in registers_of(given) if not register.is_embedded]
    originals = given["evidence"] if with_originals and not is_external else []
    if not large and not originals:
        return PackFiles(document, attachments, order, tuple(extras), None, marks)
    work = _BagWork(given, order, folder, keeper)
    order = {**order, "beside": work.write(large, originals)}
    return PackFiles(document, attachments, order, tuple(extras), work.path, marks)


def _for_external(document: Path, attachments: Path, order: PackOrder, named_because: str) -> tuple[PackOrder, Path]:
    """Document and registers as recipients outside get them, and the file that says who stands behind the marks."""
    prepared = prepare(
        document=document,
        attachments=attachments,
        order=order,
        key=secrets.token_bytes(32),
        named_because=named_because,
    )
    behind = document.with_name("marks.json")
    told = {"schema": "assay-marks/1", "pack_id": order["pack_id"], "marks": list(prepared.marks)}
    behind.write_bytes(canonical_json(told))
    return prepared.order, behind


def is_beyond_oscal(given: Document) -> bool:
    """Whether OSCAL documents of the record would take longer, and be larger, than a pack should; the pages then say so."""
    return len(given["findings"]) + len(given["risks"]) + len(given["remediation"]) > MOST_OSCAL_RECORDS


def _oscal(given: Document, sha256: str, folder: Path) -> Iterator[Extra]:
    for model, description in _OSCAL.items():
        content = export(freeze=given, sha256=sha256, model=model)
        if content is not None:
            name = f"{model.value}.json"
            with (folder / name).open("wb") as out:
                out.writelines(content)
            yield Extra(
                name=name, file=name, media_type="application/json", description=description, relationship="Data"
            )


def _proofs(freeze: Freeze, given: Document, folder: Path) -> Iterator[Extra]:
    proofs = ledger_proofs.of_freeze(freeze=freeze, given=given)
    if proofs is not None:
        (folder / PROOFS_NAME).write_bytes(canonical_json(proofs))
        yield Extra(
            name=PROOFS_NAME,
            file=PROOFS_NAME,
            media_type="application/json",
            description="Checkpoint of the ledger, and the proofs that it holds the freeze and its evidence",
            relationship="Supplement",
        )


@dataclass(frozen=True, slots=True)
class _Original:
    """A line of the index: a record of the freeze, where its file lies in the bag, or why it does not."""

    record: EvidenceRecord
    uses: Sequence[Use]
    payload: Payload | None
    reason: str

    def cells(self) -> list[str]:
        record = self.record
        told = (
            self.payload.path.removeprefix("data/") if self.payload else "", record["filename"], record["title"],
            record["uuid"], record["sha256"], record["size"], record["state"], "; ".join(use.words for use in self.uses),
            record["source"], record["collected_at"], self.reason,
        )  # fmt: skip
        return [as_text(str(cell)) for cell in told]


class _BagWork:
    """One bag on its way."""

    def __init__(self, given: Document, order: PackOrder, folder: Path, keeper: LeaseKeeper) -> None:
        self._given, self._order, self._folder, self._keeper = given, order, folder, keeper
        self.path = folder / "files.zip"

    def write(self, large: Sequence[Register], originals: Sequence[EvidenceRecord]) -> Beside:
        """The ZIP, and what order and manifest say of it."""
        order = self._order
        name = f"evidence-pack-{order['version']}-{order['pack_id'][:8]}-files"
        with BagWriter(self.path, name=name, at=datetime.fromisoformat(order["generated_at"])) as bag:
            registers = {register.blob["filename"]: self._register(bag, register) for register in large}
            if originals:
                self._originals(bag, originals)
            bag.finish(
                {
                    "Source-Organization": self._given["organisation"],
                    "External-Identifier": order["pack_id"],
                    "External-Description": "Registers and original files of an evidence pack",
                    "Bag-Software-Agent": f"Assay {order['software_version']}",
                }
            )
        return Beside(
            name=f"{name}.zip",
            sha256=self._digest(),
            size=self.path.stat().st_size,
            files=len(bag.payload),
            registers=registers,
        )

    def _digest(self) -> str:
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _pieces(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as stream:
            for piece in evidences.chunks(stream):
                self._keeper.check()
                yield piece

    def _register(self, bag: BagWriter, register: Register) -> str:
        frozen = self._folder / "attachments" / register.blob["sha256"]
        kept = bag.add(f"registers/{register.blob['filename']}", self._pieces(frozen))
        if register.has_table:
            table = self._folder / register.csv_name
            write_csv(frozen, table)
            bag.add(f"registers/{register.csv_name}", self._pieces(table))
            table.unlink()
        return kept.path

    def _originals(self, bag: BagWriter, records: Sequence[EvidenceRecord]) -> None:
        uses, index = uses_of(self._given), self._folder / "index.csv"
        with index.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\r\n")
            writer.writerow(_INDEX)
            for done, line in enumerate(self._lines(bag, records, uses), 1):
                writer.writerow(line.cells())
                self._keeper.progress(Progress(stage=_("Original files"), done=done, total=len(records)))
        bag.add("index.csv", self._pieces(index))

    def _lines(
        self, bag: BagWriter, records: Sequence[EvidenceRecord], uses: dict[str, list[Use]]
    ) -> Iterator[_Original]:
        for start in range(0, len(records), _AT_ONCE):
            some = records[start : start + _AT_ONCE]
            rows = Evidence.objects.select_related("system", "tombstone__terms")
            found = {str(row.uuid): row for row in rows.filter(uuid__in=[UUID(one["uuid"]) for one in some])}
            for record in some:
                used = uses.get(record["uuid"], [])
                piece = found.get(record["uuid"])
                if piece is None or (reason := _kept_back(piece)):
                    yield _Original(record, used, None, reason if piece else _("no longer on record"))
                else:
                    yield _Original(record, used, self._original(bag, piece, record, used), "")

    def _original(self, bag: BagWriter, piece: Evidence, record: EvidenceRecord, uses: Sequence[Use]) -> Payload:
        folder = uses[0].folder if uses else NOT_CITED
        with evidences.open_bytes(evidence=piece) as stream:
            kept = bag.add(f"{folder}/{record['filename']}", self._checked(evidences.chunks(stream)))
        if kept.sha256 != record["sha256"]:
            told = _("The stored bytes of “%s” no longer match their SHA-256; no pack with original files can be made.")
            raise RefusedError(told % record["filename"])
        return kept

    def _checked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._keeper.check()
            yield piece


def _kept_back(piece: Evidence) -> str:
    """Why a file is not in the bag; "" where it is."""
    if piece.state == EvidenceState.DISPOSED:
        return evidences.disposed_words(piece)
    if piece.state == EvidenceState.REJECTED:
        return _("rejected, so nothing rests on it")
    rule = RULES[label_of(piece)]
    if rule.asks or not rule.download >= TABLE[Verb.DOWNLOAD_PACK]:
        return _("its handling label (%s) asks for more than the right to download packs") % label_of(piece)
    return ""
