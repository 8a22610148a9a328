"""Seals on the record: levels as set, packs that wait, renewal by night, the history of certificates, revocation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from compliance.models import Freeze, Job, LedgerEvent, SealCertificate, User
from compliance.packs.report import CheckName, CheckState
from compliance.packs.signers import ensure_demo_signer
from compliance.services import freezes, leases, pack_renewals, packs, rehash, seals
from compliance.services.errors import RefusedError
from compliance.types.seals import RevocationReason, SealLevel
from compliance.types.states import JobState
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


@pytest.fixture
def without_lists(settings: Settings, tmp_path: Path) -> None:
    """A signer whose certificates nobody tells of."""
    settings.SIGNER_KEYS = tmp_path / "keys"
    (ensure_demo_signer(settings.SIGNER_KEYS / "seal").folder / "root.crl").unlink()


def _issued(frozen: Freeze, officer: User) -> Job:
    return leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))


def test_a_pack_at_the_highest_level_is_renewed_before_its_stamp_ends(
    frozen: Freeze, officer: User, settings: Settings, tmp_path: Path
) -> None:
    settings.SEAL_LEVEL = "B-LTA"
    job = _issued(frozen, officer)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    pack = frozen.packs.get()
    assert (pack.level, pack.receipt["level"]) == (SealLevel.B_LTA, SealLevel.B_LTA)
    assert pack_renewals.renew_due(now=timezone.now()) == 0
    assert pack.stamped_until is not None
    assert pack_renewals.renew_due(now=pack.stamped_until - timedelta(days=1)) == 1
    file = pack_renewals.current(pack)
    assert (file.receipt["renewal"], file.sha256 != pack.sha256) == (1, True)
    assert file.storage_name in rehash.stored()
    receipt = packs.export(pack=pack, out=tmp_path / "pack.pdf")
    report = packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt)
    assert report.is_genuine
    assert report.check(CheckName.LEDGER).state is CheckState.PASSED
    assert LedgerEvent.objects.filter(kind="pack.renewed", subject_uuid=pack.uuid).count() == 1


@pytest.mark.usefixtures("without_lists")
def test_where_a_level_cannot_be_had_the_pack_waits(frozen: Freeze, officer: User, settings: Settings) -> None:
    settings.SEAL_LEVEL, settings.SEAL_FALLBACK = "B-LT", "wait"
    job = _issued(frozen, officer)
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert "the level B-LT cannot be reached" in job.error
    assert not frozen.packs.exists()


@pytest.mark.usefixtures("without_lists")
def test_or_it_is_sealed_anew_one_level_lower(frozen: Freeze, officer: User, settings: Settings) -> None:
    settings.SEAL_LEVEL, settings.SEAL_FALLBACK = "B-LT", "lower"
    job = _issued(frozen, officer)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    receipt = frozen.packs.get().receipt
    assert (receipt["level"], receipt["level_wanted"]) == (SealLevel.B_T, SealLevel.B_LT)


def test_a_revoked_certificate_seals_nothing_more_and_is_told(frozen: Freeze, officer: User, tmp_path: Path) -> None:
    _issued(frozen, officer)
    pack, certificate = frozen.packs.get(), SealCertificate.objects.get()
    assert (certificate.sha256, certificate.kept_in) == (pack.signer_sha256, "file")
    at = timezone.now() - timedelta(days=1)
    seals.revoke(sha256=certificate.sha256, at=at, reason=RevocationReason.SUPERSEDED, actor=officer)
    with pytest.raises(RefusedError, match="revoked already"):
        seals.revoke(sha256=certificate.sha256, at=at, reason=RevocationReason.SUPERSEDED, actor=officer)
    with pytest.raises(RefusedError, match="No pack was sealed here"):
        seals.revoke(sha256="0" * 64, at=at, reason=RevocationReason.SUPERSEDED, actor=officer)
    receipt = packs.export(pack=pack, out=tmp_path / "pack.pdf")
    report = packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt)
    assert [check.name for check in report.checks if check.state is CheckState.FAILED] == [CheckName.SIGNER]
    assert "is revoked" in _issued(frozen, officer).error
    assert set(LedgerEvent.objects.values_list("kind", flat=True)) >= {
        "seal_certificate.introduced",
        "seal_certificate.revoked",
    }


def test_another_file_with_the_pack_s_identifier_is_told_by_the_ledger(
    frozen: Freeze, officer: User, tmp_path: Path
) -> None:
    _issued(frozen, officer)
    pack = frozen.packs.get()
    packs.export(pack=pack, out=tmp_path / "pack.pdf")
    (tmp_path / "pack.pdf").write_bytes((tmp_path / "pack.pdf").read_bytes() + b"\n")
    report = packs.verify(pack=tmp_path / "pack.pdf", receipt=None)
    assert report.check(CheckName.LEDGER).words.startswith("This installation issued the pack with another SHA-256")
