"""Packs for outsiders leave out what a handling label keeps from them; and nothing that goes later alters a pack."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pikepdf
import pytest

from compliance.models import Evidence, EvidencePack, Freeze, JobEvent, User
from compliance.services import (
    disposals,
    freeze_documents,
    freezes,
    handling,
    leases,
    ledger,
    pack_releases,
    packs,
    people,
)
from compliance.services import evidence as evidences
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.freeze import validate_freeze
from compliance.types.freeze_lines import opened
from compliance.types.handling import HandlingLabel, Recipient
from compliance.types.retention import RunState
from compliance.types.states import Audience, EvidenceState, JobState
from tests.compliance.conftest import World
from tests.compliance.records import evidence, state_bases
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db
SECRET = "Opinion of counsel on Ada Lovelace"


@pytest.fixture
def opinion(world: World, officer: User) -> Evidence:
    """A piece that supports an answer and nothing else."""
    kept = evidence(world.assessment.system, b"opinion", actor=officer, title=SECRET, filename="opinion.pdf")
    evidences.link(evidence=kept, target=world.assessment.answers.all()[0], actor=officer)
    return kept


@pytest.fixture
def frozen(world: World, opinion: Evidence, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def labelled(piece: Evidence, label: HandlingLabel, actor: User) -> None:
    handling.label(target=piece, handling=label, region="EU", reason="Counsel.", actor=actor)


def issued(freeze: Freeze, actor: User, recipient: Recipient, audience: Audience = Audience.EXTERNAL) -> EvidencePack:
    job = packs.request_issue(
        assessment=freeze.assessment, actor=actor, audience=audience, recipient=recipient, dispatch=False
    )
    job = leases.run_here(job=job)
    assert job.state == JobState.SUCCEEDED, job.error
    return EvidencePack.objects.get(uuid=job.result["pack"])


def files_of(pack: EvidencePack, folder: Path) -> dict[str, bytes]:
    out = folder / "pack.pdf"
    packs.export(pack=pack, out=out)
    with pikepdf.open(out) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def test_a_labelled_piece_is_left_out_and_counted(
    frozen: Freeze, opinion: Evidence, officer: User, manager: User, tmp_path: Path
) -> None:
    labelled(opinion, HandlingLabel.PRIVILEGED, officer)
    pack = issued(frozen, officer, Recipient(name="Customer AG"))
    pack_releases.release(pack=pack, actor=manager)
    files = files_of(pack, tmp_path)
    document = json.loads(files["freeze.json"])
    for content in (*files.values(), b""):  # a register without rows is no file of the pack
        (tmp_path / sha256_hex(content)).write_bytes(content)
    validate_freeze(opened(document, tmp_path))
    (row,) = [row for row in document["evidence"] if row["uuid"] == str(opinion.uuid)]
    assert (row["sha256"], row["title"]) == (opinion.sha256, "Left out by its handling label: privileged")
    assert not any(SECRET.encode() in content or b"opinion.pdf" in content for content in files.values())
    assert json.loads(files["manifest.json"])["withheld"]["evidence"] == 1
    assert packs.verify(pack=tmp_path / "pack.pdf", receipt=tmp_path / "pack.receipt.json").is_genuine


def test_an_internal_pack_keeps_it(frozen: Freeze, opinion: Evidence, officer: User, tmp_path: Path) -> None:
    labelled(opinion, HandlingLabel.PRIVILEGED, officer)
    files = files_of(issued(frozen, officer, Recipient(), Audience.INTERNAL), tmp_path)
    assert SECRET.encode() in files["freeze.json"]
    assert "withheld" not in json.loads(files["manifest.json"])


def test_what_figures_rest_on_cannot_be_left_out_and_the_pack_is_refused(
    frozen: Freeze, world: World, officer: User
) -> None:
    labelled(world.log, HandlingLabel.NDA, officer)
    with pytest.raises(RefusedError, match="rest on 1 piece of evidence labelled Under a non-disclosure agreement"):
        packs.request_issue(assessment=frozen.assessment, actor=officer, audience=Audience.EXTERNAL, dispatch=False)
    allowed = Recipient(name="Customer AG", under_nda=True)
    packs.request_issue(
        assessment=frozen.assessment, actor=officer, audience=Audience.EXTERNAL, recipient=allowed, dispatch=False
    )


def test_a_label_put_on_between_request_and_issue_still_counts(frozen: Freeze, world: World, officer: User) -> None:
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, audience=Audience.EXTERNAL, dispatch=False)
    labelled(world.log, HandlingLabel.INTERNAL, officer)
    job = leases.run_here(job=job)
    assert (job.state, "labelled Internal" in job.error) == (JobState.FAILED, True)
    assert not EvidencePack.objects.exists()


def test_erasing_a_person_and_disposing_of_their_log_leaves_ledger_freeze_and_pack_as_they_were(
    frozen: Freeze, world: World, officer: User, manager: User, tmp_path: Path
) -> None:
    """The whole promise at once: after both, every block, the frozen document and the issued pack still verify."""
    pack = issued(frozen, officer, Recipient(), Audience.INTERNAL)
    packs.export(pack=pack, out=tmp_path / "before.pdf")
    ledger.seal()
    actor = JobEvent.objects.filter(evidence=world.log, actor__isnull=False)[0].actor
    assert actor is not None
    name = str(actor.identifier)
    people.erase_principal(principal=actor, actor=officer)
    Evidence.objects.update(created_at=datetime(2015, 3, 1, tzinfo=UTC))
    type(world.assessment).objects.update(
        audit_date=date(2016, 1, 1), period_start=date(2015, 1, 1), period_end=date(2015, 12, 31)
    )
    state_bases(officer)
    run = disposals.propose(actor=officer)
    assert run is not None
    leases.run_here(job=disposals.approve(run=run, actor=manager, dispatch=False))
    run.refresh_from_db()
    world.log.refresh_from_db()
    assert (run.state, world.log.state) == (RunState.COMPLETED, EvidenceState.DISPOSED)
    ledger.seal()
    found = ledger.verify()
    assert (found.is_intact, found.unsealed) == (True, 0)
    assert freeze_documents.read(freeze=frozen)["assessment"]["uuid"] == str(world.assessment.uuid)
    packs.export(pack=pack, out=tmp_path / "after.pdf")
    assert (tmp_path / "after.pdf").read_bytes() == (tmp_path / "before.pdf").read_bytes()
    assert packs.verify(pack=tmp_path / "after.pdf", receipt=tmp_path / "after.receipt.json").is_genuine
    left = json.dumps(list(JobEvent.objects.values("raw", "session", "on_behalf_of")), default=str)
    assert name not in left
