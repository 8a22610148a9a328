"""What was sealed, frozen and issued before somebody was erased verifies afterwards as it did."""

from __future__ import annotations

from pathlib import Path

from compliance.models import JobEvent, User
from compliance.packs.report import CheckName, CheckState
from compliance.services import evidence, freezes, leases, ledger, packs, people
from compliance.types.canonical import sha256_hex
from compliance.types.states import JobState
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all


def test_blocks_freeze_and_pack_verify_after_a_principal_is_erased(
    world: World, officer: User, manager: User, tmp_path: Path
) -> None:
    actor = world.events[0].actor
    assert actor is not None
    identifier = actor.identifier
    freeze = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    job = leases.run_here(job=packs.request_issue(assessment=freeze.assessment, actor=officer, dispatch=False))
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    ledger.seal()
    before = ledger.verify().head_sha256

    people.erase_principal(principal=actor, actor=officer)

    assert identifier
    assert not JobEvent.objects.filter(actor__identifier=identifier).exists()
    sealed = ledger.verify()
    assert (sealed.is_intact, sealed.head_sha256) == (True, before)
    with evidence.open_stored(name=freeze.storage_name) as stream:
        assert sha256_hex(stream.read()) == freeze.sha256
    for sha256, stored in ((attached["sha256"], attached["storage_name"]) for attached in freeze.attachments.values()):
        with evidence.open_stored(name=stored) as stream:
            assert sha256_hex(stream.read()) == sha256
    receipt = packs.export(pack=freeze.packs.get(), out=tmp_path / "pack.pdf")
    report = packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt)
    assert report.is_genuine
    assert report.check(CheckName.LEDGER).state is CheckState.PASSED
