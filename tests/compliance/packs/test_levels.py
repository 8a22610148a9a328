"""Levels of the seal, and what time does to it: renewal, certificates that end or are revoked, ends that are cut off."""

from __future__ import annotations

import dataclasses
import random
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from compliance.packs.issue import LevelUnreachedError, Signing, issue_pack, renew_pack
from compliance.packs.order import PackOrder
from compliance.packs.report import CheckName, CheckState, Revoked, VerificationReport
from compliance.packs.seal import LevelError, renew_archive
from compliance.packs.signers import SignerFiles, ensure_demo_signer, signer_facts
from compliance.packs.verify import verify_bytes, verify_pack
from compliance.types.pack_layouts import Layout
from compliance.types.seals import RevocationReason, SealLevel
from tests.compliance.packs.example_freeze import example_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.in_process import certificate, sealed, stamper_of, validation_of
from tests.compliance.packs.one_page import one_page

Pages = Callable[[SealLevel], bytes]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SignerFiles:
    return ensure_demo_signer(tmp_path_factory.mktemp("levels") / "keys")


@pytest.fixture(scope="module")
def pages(keys: SignerFiles, order: PackOrder) -> Pages:
    """One-page packs, sealed once for each level."""
    made: dict[SealLevel, bytes] = {}

    def page(level: SealLevel) -> bytes:
        if level not in made:
            unsigned = one_page(example_freeze(), {**order, "seal_level": level}, keys)
            made[level] = sealed(unsigned, keys, level=level)
        return made[level]

    return page


def _verified(content: bytes, keys: SignerFiles, **also: object) -> VerificationReport:
    return verify_bytes(content, receipt=None, trust_roots=[keys.root.read_bytes()], **also)  # type: ignore[arg-type]


def _failed(report: VerificationReport) -> set[str]:
    return {check.name.value for check in report.checks if check.state is CheckState.FAILED}


@pytest.mark.parametrize("level", SealLevel)
def test_each_level_is_reached_and_told(pages: Pages, keys: SignerFiles, level: SealLevel) -> None:
    report = _verified(pages(level), keys)
    assert (report.is_genuine, report.level) == (True, level)
    assert report.check(CheckName.TIME_STAMP).words.endswith(f"Level {level}.")
    assert report.check(CheckName.INTEGRITY).words.startswith("Signed content intact; ")
    assert report.unvouched


@pytest.mark.parametrize("level", SealLevel)
def test_other_tools_read_the_seal(pages: Pages, keys: SignerFiles, level: SealLevel, tmp_path: Path) -> None:
    path = tmp_path / "pack.pdf"
    path.write_bytes(pages(level))
    told = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in told
    assert subprocess.run(["qpdf", "--check", path], capture_output=True, check=False).returncode == 0
    context = ValidationContext(trust_roots=[certificate(keys.root)], allow_fetching=False)
    with path.open("rb") as file:
        status = validate_pdf_signature(PdfFileReader(file).embedded_regular_signatures[0], context)
    assert status.bottom_line


@pytest.mark.parametrize(("level", "kept"), [(SealLevel.B_LT, 2), (SealLevel.B_LTA, 2), (SealLevel.B_LTA, 3)])
def test_revisions_that_were_cut_off_are_told_without_a_receipt(
    pages: Pages, keys: SignerFiles, level: SealLevel, kept: int
) -> None:
    content, end = pages(level), 0
    for _revision in range(kept):
        end = content.index(b"%%EOF\n", end) + len(b"%%EOF\n")
    report = _verified(content[:end], keys)
    assert "time_stamp" in _failed(report)
    assert "cut off" in report.check(CheckName.TIME_STAMP).words


@pytest.mark.parametrize("level", SealLevel)
@pytest.mark.parametrize("junk", [b"\n% hidden", b"\n%%EOF", b"\nstartxref\n0\n%%EOF\n"])
def test_junk_behind_the_end_is_told(pages: Pages, keys: SignerFiles, level: SealLevel, junk: bytes) -> None:
    assert "integrity" in _failed(_verified(pages(level) + junk, keys))


def test_the_spelling_of_the_seal_is_fixed(pages: Pages, keys: SignerFiles) -> None:
    content = pages(SealLevel.B_T)
    start = content.index(b"/Contents <") + len(b"/Contents <")
    lower = content[:start] + content[start : start + 200].lower() + content[start + 200 :]
    end = content.index(b">", start)
    padded = content[: end - 2] + b"01" + content[end:]
    for altered in (lower, padded):
        assert len(altered) == len(content)
        assert "integrity" in _failed(_verified(altered, keys))


def test_flipped_bits_are_found(pages: Pages, keys: SignerFiles) -> None:
    """Without a receipt: each flip is found, unless it lies among the bytes that the verdict says nobody vouches for.

    The bench of sealing flips ten thousand.
    """
    content, chance = pages(SealLevel.B_T), random.Random(20261127)
    start = content.index(b"/Contents <") + len(b"/Contents <")
    hole = range(start - 1, content.index(b">", start) + 1)
    assert _verified(content, keys).unvouched == len(hole)
    for _flip in range(250):
        place = chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        assert place in hole or not _verified(bytes(flipped), keys).is_genuine, place


def test_an_ended_certificate_counts_as_it_stood(pages: Pages, keys: SignerFiles) -> None:
    later = datetime.now(UTC) + timedelta(days=11 * 365)
    for level in SealLevel:
        report = _verified(pages(level), keys, now=later)
        assert report.is_genuine, [check.words for check in report.checks]
        assert "counts as it stood when the seal was stamped" in report.check(CheckName.SIGNER).words


def _revoked(keys: SignerFiles, at: datetime, reason: RevocationReason) -> list[Revoked]:
    sha256 = signer_facts(keys)["certificate_sha256"]
    return [Revoked(certificate_sha256=sha256, at=at.isoformat(), reason=reason)]


def test_a_certificate_revoked_after_the_stamp_stays_good_and_is_told(pages: Pages, keys: SignerFiles) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    report = _verified(pages(SealLevel.B_LTA), keys, revoked=_revoked(keys, at, RevocationReason.SUPERSEDED))
    assert report.is_genuine
    assert "after the seal was stamped" in report.check(CheckName.SIGNER).words


@pytest.mark.parametrize(("days", "reason"), [(-1, RevocationReason.SUPERSEDED), (1, RevocationReason.KEY_COMPROMISE)])
def test_a_revoked_signer_is_not_accepted(pages: Pages, keys: SignerFiles, days: int, reason: RevocationReason) -> None:
    """Before the stamp in any case; after it where the key was given up and no third party stamped."""
    at = datetime.now(UTC) + timedelta(days=days)
    assert _failed(_verified(pages(SealLevel.B_T), keys, revoked=_revoked(keys, at, reason))) == {"signer"}


def test_archive_stamps_are_renewed_and_the_old_bytes_stay(pages: Pages, keys: SignerFiles) -> None:
    before = pages(SealLevel.B_LTA)
    after = renew_archive(before, stamper=stamper_of(keys), validation=validation_of(keys))
    report = _verified(after, keys)
    assert after.startswith(before)
    assert (report.is_genuine, report.level) == (True, SealLevel.B_LTA)
    assert "newest of 2 archive time stamps" in report.check(CheckName.TIME_STAMP).words


def test_a_level_without_revocation_data_is_refused(pages: Pages, keys: SignerFiles, order: PackOrder) -> None:
    unsigned = one_page(example_freeze(), order, keys)
    bare = dataclasses.replace(validation_of(keys), revocation=lambda _der: {"crls": [], "ocsps": []})
    from compliance.packs.seal import seal_pdf
    from tests.compliance.packs.in_process import signer_of

    with pytest.raises(LevelError, match=r"^the level B-LTA cannot be reached: "):
        seal_pdf(
            unsigned,
            signer=signer_of(keys),
            stamper=stamper_of(keys),
            reason="test",
            level=SealLevel.B_LTA,
            validation=bare,
        )


def test_the_children_reach_the_highest_level_and_renew_it(example: Example, tmp_path: Path) -> None:
    order: PackOrder = {**example.order, "layout": Layout.SUMMARY, "seal_level": SealLevel.B_LTA}
    issued = dataclasses.replace(example, order=order).issue(tmp_path)
    signing = Signing(files=example.keys)
    renewed = renew_pack(pack=issued.pack, receipt=issued.receipt, signing=signing, out=tmp_path / "renewed.pdf")
    assert (issued.receipt["level"], renewed.receipt["renewal"]) == (SealLevel.B_LTA, 1)
    report = verify_pack(tmp_path / "renewed.pdf", trust_roots=[example.keys.root.read_bytes()])
    assert report.is_genuine
    assert renewed.receipt["sha256"] == report.sha256


def test_without_revocation_data_the_children_make_no_pack(example: Example, tmp_path: Path) -> None:
    keys = ensure_demo_signer(tmp_path / "keys")
    (keys.folder / "root.crl").unlink()
    order: PackOrder = {**example.order, "layout": Layout.SUMMARY, "seal_level": SealLevel.B_LT}
    with pytest.raises(LevelUnreachedError, match="the level B-LT cannot be reached"):
        issue_pack(
            freeze_document=example.document,
            attachments=example.attachments,
            order=order,
            keys=keys.folder,
            out=tmp_path / "out" / "pack.pdf",
            receipt_out=tmp_path / "out" / "pack.receipt.json",
        )
    assert list((tmp_path / "out").iterdir()) == []
