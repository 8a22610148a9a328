"""Evidence packs: issued from a freeze alone, stored with their receipt, superseded and never changed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import compliance
from compliance.isolation import IsolationError
from compliance.models import Assessment, EvidencePack, Freeze, Job, LedgerBlock, LedgerCheckpoint, User
from compliance.packs import issue as pack_door
from compliance.packs.authority import Authority
from compliance.packs.issue import IssuedPack, LevelUnreachedError, Signing
from compliance.packs.order import PackOrder
from compliance.packs.receipt import envelope_bytes
from compliance.packs.report import Check, CheckName, CheckState, VerificationReport
from compliance.selectors.since_freeze import since_freeze
from compliance.services import (
    checkpoints,
    jobs,
    leases,
    ledger,
    pack_files,
    pack_recipients,
    pack_releases,
    pack_renewals,
    pack_statements,
    papers,
    seals,
    stored_files,
)
from compliance.services import evidence as evidences
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.services.pack_files import PackFiles
from compliance.types.handling import Recipient
from compliance.types.pack_layouts import Layout, StatementWords
from compliance.types.retention import months_later
from compliance.types.seals import LevelFallback, SealLevel
from compliance.types.states import Audience

TASK = "compliance.tasks.issue_pack"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A pack on its way into the record. files: what was handed to it, the ZIP beside it among them."""

    freeze: Freeze
    order: PackOrder
    issued: IssuedPack
    files: PackFiles


def request_issue(
    *,
    assessment: Assessment,
    actor: User,
    audience: Audience = Audience.INTERNAL,
    recipient: Recipient | None = None,
    with_originals: bool = True,
    layout: Layout = Layout.FULL,
    words: StatementWords | None = None,
    named_because: str = "",
    dispatch: bool = True,
) -> Job:
    """Queue the issue of a pack of a frozen assessment; words: of a statement of changes, and of no other layout.

    Packs for external recipients hold no working trigger, no name or address of a person, and nothing of evidence whose
    handling label keeps it from the recipient; nobody outside gets one before its release (`pack_releases`). Raises
    RefusedError where a label allows no such pack, or the statement speaks of days that it may not.

    named_because: why whoever signed for management stays named in a pack for external recipients; with_originals: the
    evidence files in a ZIP beside the PDF, never for external recipients.
    """
    if not Freeze.objects.filter(assessment=assessment).exists():
        raise RefusedError(_("Freeze the assessment first; a pack is made from the freeze alone."))
    whom = recipient or Recipient()
    if audience is Audience.EXTERNAL:
        frozen = Freeze.objects.select_related("assessment__system").get(assessment=assessment)
        pack_recipients.check(freeze=frozen, recipient=whom, layout=layout, named_because=named_because)
    if (layout is Layout.CHANGES) != (words is not None):
        raise RefusedError(_("A statement of changes needs the words of whoever signs it; no other layout takes any."))
    if words is not None:
        pack_statements.check(assessment=assessment, words=words)
    # The short layouts point to the full pack, whose ZIP holds the files.
    originals = with_originals and layout is Layout.FULL
    asked: dict[str, Any] = {"audience": audience.value, "recipient": asdict(whom), "with_originals": originals}
    asked |= {"layout": layout.value, "words": words, "named_because": named_because.strip()}
    with transaction.atomic():
        return jobs.create(
            kind="pack",
            task_name=TASK,
            queue="pdf",
            subject=assessment,
            subject_url_name="assessment-detail",
            title=_("Evidence pack of %s") % assessment.title,
            system=assessment.system,
            requested_by=actor,
            asked=asked,
            dispatch=dispatch,
        )


def issue_for_job(*, job_id: int) -> None:
    """Render, seal and record the pack that a job asks for; taken up whole after a crash."""
    leases.work_on(job_id=job_id, work=_issue)


def _issue(keeper: LeaseKeeper) -> None:
    job = Job.objects.select_related("requested_by").get(pk=keeper.lease.job_id)
    freeze = Freeze.objects.select_related("assessment__system").get(assessment__uuid=job.subject_uuid)
    signing = seals.signing()
    seals.refuse_revoked_signer()
    audience = Audience(job.asked.get("audience", Audience.INTERNAL))
    pack_id = str(uuid5(NAMESPACE_URL, f"assay:pack:{job.uuid}"))
    layout = Layout(job.asked.get("layout", Layout.FULL))
    order = _order(freeze, pack_id=pack_id, audience=audience, layout=layout, authority=signing.authority)
    if layout is Layout.CHANGES:
        order["statement"] = pack_statements.told(
            freeze=freeze, words=job.asked["words"], signer=job.requested_by or freeze.frozen_by
        )
    if audience is Audience.EXTERNAL:
        pack_recipients.tell(order, freeze=freeze, recipient=Recipient(**job.asked.get("recipient", {})))
    with tempfile.TemporaryDirectory(prefix="assay-pack-") as scratch:
        files = pack_files.gather(
            freeze=freeze,
            order=order,
            folder=Path(scratch),
            with_originals=job.asked.get("with_originals", True),
            keeper=keeper,
            named_because=job.asked.get("named_because", ""),
        )
        try:
            sealed = _at_level(freeze, files.order, files, signing, keeper)
        except LevelUnreachedError as error:
            keeper.postpone(error=_("%s It waits, and is tried again.") % error)
            return
        _store(sealed, keeper=keeper, actor=job.requested_by or freeze.frozen_by)


def _at_level(freeze: Freeze, order: PackOrder, files: PackFiles, signing: Signing, keeper: LeaseKeeper) -> Sealed:
    """At SEAL_LEVEL; where it cannot be had and SEAL_FALLBACK says so, rendered and sealed anew one level lower.

    Raises LevelUnreachedError where the pack is to wait.
    """
    order["seal_level"] = wanted = SealLevel(settings.SEAL_LEVEL)
    while True:
        try:
            return _seal(freeze, order, files, signing, keeper)
        except LevelUnreachedError:
            lower = order["seal_level"].below
            if lower is None or LevelFallback(settings.SEAL_FALLBACK) is LevelFallback.WAIT:
                raise
            order["seal_level"], order["seal_level_wanted"] = lower, wanted


def _newest(freeze: Freeze, audience: Audience, layout: Layout) -> EvidencePack | None:
    """The pack that the next one of the layout for the same audience takes the place of."""
    return freeze.packs.filter(audience=audience, layout=layout).order_by("-number").first()


def _order(
    freeze: Freeze, *, pack_id: str, audience: Audience, layout: Layout, authority: Authority | None
) -> PackOrder:
    last, replaced = freeze.packs.order_by("-number").first(), _newest(freeze, audience, layout)
    now = timezone.now()
    return PackOrder(
        pack_id=pack_id,
        version=last.number + 1 if last else 1,
        supersedes=str(replaced.uuid) if replaced else None,
        generated_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        audience=audience,
        recipient="",
        classification=settings.PACK_CLASSIFICATION,
        software_version=compliance.__version__,
        time_stamp_authority=authority.host if authority else None,
        layout=layout,
        page_size=papers.page_size(),
        kept_until=months_later(now.date(), 12 * settings.PACK_KEPT_YEARS).isoformat(),
        later=since_freeze(freeze, now),
    )


def _seal(freeze: Freeze, order: PackOrder, files: PackFiles, signing: Signing, keeper: LeaseKeeper) -> Sealed:
    folder = files.document.parent
    try:
        issued = pack_door.issue_pack(
            freeze_document=files.document,
            attachments=files.attachments,
            extras=files.extras,
            order=order,
            keys=signing.files.folder,
            passphrase=signing.passphrase,
            out=folder / "pack.pdf",
            receipt_out=folder / "pack.receipt.json",
            authority=signing.authority,
            on_progress=keeper.progress,
            should_stop=keeper.should_stop,
            accept_unisolated=signing.accept_unisolated,
        )
    except IsolationError as error:
        keeper.check()
        if isinstance(error, LevelUnreachedError):
            raise
        raise RefusedError(str(error)) from error
    return Sealed(freeze=freeze, order=order, issued=issued, files=files)


def _store(sealed: Sealed, *, keeper: LeaseKeeper, actor: User) -> None:
    """All files under their digests, then pack and end of the job in one transaction; then a checkpoint over that."""
    keeper.check()
    kept = [
        pack_files.stored(path) if path else ("", "", 0)
        for path in (sealed.issued.pack, sealed.files.bag, sealed.files.marks)
    ]
    with transaction.atomic():
        pack = _record(sealed, kept, actor=actor)
        keeper.finish(result={"pack": str(pack.uuid), "sha256": pack.sha256, "size": pack.size})
    checkpoints.make()


def _record(sealed: Sealed, kept: Sequence[tuple[str, str, int]], *, actor: User) -> EvidencePack:
    """kept: storage name, SHA-256 and size of PDF, ZIP and key to the marks; empty where there is none."""
    (name, sha256, size), (bag_name, bag_sha256, bag_size), (marks_name, marks_sha256, _size) = kept
    stored_files.hold({stored: digest for stored, digest, _bytes in kept if stored})
    freeze = Freeze.objects.select_for_update().get(pk=sealed.freeze.pk)
    audience, layout = sealed.order["audience"], sealed.order.get("layout", Layout.FULL)
    receipt = sealed.issued.receipt
    seals.noted(kept_in=sealed.issued.kept_in)
    pack = EvidencePack.objects.create(
        uuid=sealed.order["pack_id"],
        freeze=freeze,
        number=sealed.order["version"],
        audience=audience,
        layout=layout,
        storage_name=name,
        sha256=sha256,
        size=size,
        pages=_page_count(sealed.issued.pack),
        bag_storage_name=bag_name,
        bag_sha256=bag_sha256,
        bag_size=bag_size,
        bag_files=sealed.order["beside"]["files"] if bag_name else 0,
        marks_storage_name=marks_name,
        marks_sha256=marks_sha256,
        receipt=receipt,
        signatures=[sealed.issued.signature],
        level=receipt["level"],
        stamped_until=datetime.fromisoformat(sealed.issued.stamped_until),
        signer_sha256=receipt["signer_certificate_sha256"],
        is_demonstration_signer=receipt["demonstration"],
        supersedes=_newest(freeze, audience, layout),
        issued_by=actor,
    )
    ledger.record(
        kind="pack.issued",
        subject=pack,
        payload={
            "sha256": sha256,
            "freeze_sha256": freeze.sha256,
            "number": pack.number,
            "audience": audience.value,
            "bag_sha256": bag_sha256,
            "layout": layout.value,
            "level": receipt["level"],
            "certificate_sha256": receipt["signer_certificate_sha256"],
        },
        actor=actor,
        system=sealed.freeze.assessment.system,
    )
    return pack


def _page_count(pack: Path) -> int:
    import pikepdf  # noqa: PLC0415 - loaded only where a pack was made

    with pikepdf.open(pack) as document:
        return len(document.pages)


def export(*, pack: EvidencePack, out: Path) -> Path:
    """Write the pack to a file and beside it its receipt (`pack.pdf` -> `pack.receipt.json`), whose path is answered.

    The ZIP, where there is one, becomes `pack.files.zip`. Raises RefusedError where the pack waits for its release.
    """
    pack_releases.require_out(pack)
    receipt = out.with_suffix(".receipt.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    file = pack_renewals.current(pack)
    pack_files.copied(name=file.storage_name, target=out, sha256=file.sha256)
    if pack.bag_storage_name:
        pack_files.copied(name=pack.bag_storage_name, target=out.with_suffix(".files.zip"), sha256=pack.bag_sha256)
    receipt.write_bytes(envelope_bytes(file.receipt, file.signatures))
    return receipt


def verify(
    *,
    pack: Path,
    receipt: Path | None,
    trust: Sequence[Path] = (),
    trust_time: Sequence[Path] = (),
    crls: Sequence[Path] = (),
) -> VerificationReport:
    """Verify a file from anywhere in an isolated child. Raises BadInput for what is no pack, else IsolationError.

    trust: roots for signer and time stamp; trust_time: for the time stamp alone; both beside this installation's own. crls:
    revocation lists got since. What this installation knows of the pack is asked last.
    """
    report = pack_door.verify_isolated(
        pack=pack,
        receipt=receipt,
        trust_roots=seals.trusted_roots() + [path.read_text(encoding="utf-8", errors="replace") for path in trust],
        time_roots=seals.time_roots() + [path.read_text(encoding="utf-8", errors="replace") for path in trust_time],
        crls=crls,
        revoked=seals.revoked(),
        accept_unisolated=settings.ACCEPT_UNISOLATED,
    )
    return report.with_ledger(_of_ledger(report))


def _of_ledger(report: VerificationReport) -> Check:
    """Whether this installation issued the file, by its own record."""
    pack = EvidencePack.objects.filter(uuid=report.pack_id).first() if report.pack_id else None
    name, failure = CheckName.LEDGER, None
    if pack is None:
        return Check(name, CheckState.NOT_CHECKED, "This installation issued no pack of that identifier.")
    digests = {pack.sha256, *pack.renewals.values_list("sha256", flat=True)}
    head = report.ledger
    if report.sha256 not in digests:
        failure = "This installation issued the pack with another SHA-256: the file is not the one that it issued."
    elif (
        head
        and head["block"]
        and not LedgerBlock.objects.filter(number=head["block"], block_sha256=head["block_hash"]).exists()
    ):
        failure = "The ledger here does not hold the block that the manifest states."
    elif report.checkpoint and not LedgerCheckpoint.objects.filter(sha256=report.checkpoint).exists():
        failure = "The ledger here does not hold the checkpoint that the pack carries."
    words = "This installation issued the file, and its ledger holds the block that the manifest states"
    words += " and the checkpoint that the pack carries." if report.checkpoint else "."
    return Check(name, CheckState.FAILED if failure else CheckState.PASSED, failure or words)


def verify_upload(*, pack: IO[bytes], receipt: IO[bytes] | None) -> VerificationReport:
    """Verify an uploaded pack; nothing of it is kept."""
    with tempfile.TemporaryDirectory(prefix="assay-verify-") as scratch:
        target, beside = Path(scratch) / "pack.pdf", Path(scratch) / "receipt.json"
        _spool(pack, target)
        if receipt is not None:
            _spool(receipt, beside)
        return verify(pack=target, receipt=beside if receipt is not None else None)


def _spool(stream: IO[bytes], target: Path) -> None:
    with target.open("wb") as copy:
        for piece in evidences.chunks(stream):
            copy.write(piece)
