"""Attacks on a sealed pack. Each must be told from the genuine file, with the right verdict in words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from cryptography.x509 import load_pem_x509_certificate
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from compliance import isolation
from compliance.packs.issue import IssuedPack, verify_isolated
from compliance.packs.receipt import Receipt, envelope_bytes, sign_receipt
from compliance.packs.report import BadPackError, CheckName, CheckState, VerificationReport
from compliance.packs.sealers import open_sealer
from compliance.packs.signers import SignerFiles, ensure_demo_signer, signer_facts
from compliance.packs.verify import verify_bytes, verify_pack
from compliance.types.canonical import canonical_json
from compliance.types.verdicts import ExitCode
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.in_process import sealed, signer_of, stamper_of

Verify = Callable[[bytes], VerificationReport]


def _words(report: VerificationReport, name: CheckName) -> str:
    return next(check.words for check in report.checks if check.name is name)


def _failed(report: VerificationReport) -> set[str]:
    return {check.name.value for check in report.checks if check.state is CheckState.FAILED}


@pytest.fixture(scope="module")
def content(issued: IssuedPack) -> bytes:
    return issued.pack.read_bytes()


@pytest.fixture(scope="module")
def alone(example: Example) -> Verify:
    """Verification without a receipt."""
    return lambda data: verify_bytes(data, receipt=None, trust_roots=[example.keys.root.read_bytes()])


@pytest.fixture(scope="module")
def with_receipt(example: Example, issued: IssuedPack) -> Verify:
    receipt = issued.receipt_file.read_bytes()
    return lambda data: verify_bytes(data, receipt=receipt, trust_roots=[example.keys.root.read_bytes()])


def test_the_genuine_pack_passes_every_check(issued: IssuedPack, example: Example) -> None:
    roots = [example.keys.root.read_bytes()]
    report = verify_pack(issued.pack, receipt=issued.receipt_file, trust_roots=roots)
    assert {check.state for check in report.checks if check.name is not CheckName.LEDGER} == {CheckState.PASSED}
    assert report.exit_code is ExitCode.POSITIVE
    assert report.pack_id == example.order["pack_id"]
    assert report.demonstration_signer is True
    assert "trusted by nobody else" in _words(report, CheckName.SIGNER)


def test_the_child_says_the_same(issued: IssuedPack, example: Example) -> None:
    roots = [example.keys.root.read_bytes()]
    here = verify_pack(issued.pack, receipt=issued.receipt_file, trust_roots=roots)
    there = verify_isolated(pack=issued.pack, receipt=issued.receipt_file, trust_roots=[roots[0].decode()])
    assert here == there


def test_without_a_receipt_the_report_says_what_was_not_compared(alone: Verify, content: bytes) -> None:
    report = alone(content)
    assert report.exit_code is ExitCode.POSITIVE
    assert report.checks[0].state is CheckState.NOT_CHECKED


@pytest.mark.parametrize("place", [0.0, 0.1, 0.35, 0.6, 0.9, 0.97, 0.975, 0.99, 0.9999])
@pytest.mark.parametrize("mask", [0x01, 0x20])
def test_any_flipped_byte_is_found(with_receipt: Verify, content: bytes, place: float, mask: int) -> None:
    flipped = bytearray(content)
    flipped[int(place * len(content))] ^= mask
    report = with_receipt(bytes(flipped))
    assert report.exit_code is ExitCode.NEGATIVE
    assert "receipt" in _failed(report)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_byte_flipped_in_the_pages_breaks_the_seal_even_without_a_receipt(
    alone: Verify, content: bytes, place: float
) -> None:
    flipped = bytearray(content)
    flipped[int(place * len(content))] ^= 0x01
    assert "integrity" in _failed(alone(bytes(flipped)))


def test_junk_after_the_end_is_found(alone: Verify, content: bytes) -> None:
    report = alone(content + b"\n% thirty-five bytes of something else")
    assert "integrity" in _failed(report)


@pytest.mark.parametrize("kept", [0.3, 0.97, 0.999])
def test_a_cut_file_is_found(alone: Verify, content: bytes, kept: float) -> None:
    assert alone(content[: int(kept * len(content))]).exit_code is ExitCode.NEGATIVE


def _edit(content: bytes, change: Callable[[IncrementalPdfFileWriter], object]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=False)
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _page_text(writer: IncrementalPdfFileWriter) -> None:
    stream = generic.StreamObject(stream_data=b"BT ET")
    page = writer.root["/Pages"]["/Kids"][0]
    page[generic.pdf_name("/Contents")] = writer.add_object(stream)
    writer.update_container(page)


def _script(writer: IncrementalPdfFileWriter) -> None:
    names = {"/S": generic.pdf_name("/JavaScript"), "/JS": generic.pdf_string("app.alert(1)")}
    action = generic.DictionaryObject({generic.pdf_name(key): value for key, value in names.items()})
    writer.root[generic.pdf_name("/OpenAction")] = writer.add_object(action)
    writer.update_root()


def _note(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    corners = generic.ArrayObject(generic.NumberObject(n) for n in (0, 0, 400, 400))
    annotation = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): corners,
            generic.pdf_name("/Contents"): generic.pdf_string("Approved"),
        }
    )
    page[generic.pdf_name("/Annots")] = generic.ArrayObject([writer.add_object(annotation)])
    writer.update_container(page)


def _attachment(writer: IncrementalPdfFileWriter) -> None:
    spec = writer.root["/AF"][0]
    spec["/EF"][generic.pdf_name("/F")] = writer.add_object(generic.StreamObject(stream_data=b"{}"))
    writer.update_container(spec["/EF"])


@pytest.mark.parametrize("change", [_page_text, _script, _note, _attachment])
def test_an_incremental_edit_is_found(
    alone: Verify, content: bytes, change: Callable[[IncrementalPdfFileWriter], object]
) -> None:
    report = alone(_edit(content, change))
    assert report.exit_code is ExitCode.NEGATIVE
    assert {"changes", "signature"} <= _failed(report)


def _receipt_of(issued: IssuedPack, example: Example, **changes: object) -> bytes:
    """A receipt with other words, signed by the seal's key."""
    receipt = cast(Receipt, {**issued.receipt, **changes})
    own = load_pem_x509_certificate(example.keys.seal.read_bytes())
    return envelope_bytes(receipt, [sign_receipt(receipt, sealer=open_sealer(example.keys, ""), certificate=own)])


def test_a_receipt_for_another_pack_is_told(example: Example, issued: IssuedPack, content: bytes) -> None:
    receipt = _receipt_of(issued, example, pack_id=example.order["supersedes"])
    report = verify_bytes(content, receipt=receipt, trust_roots=[example.keys.root.read_bytes()])
    assert _words(report, CheckName.CONTENTS) == "The receipt is for another pack."
    assert report.exit_code is ExitCode.NEGATIVE


@pytest.mark.parametrize("change", [{"size": 1}, {"sha256": "0" * 64}])
def test_a_receipt_that_was_altered_after_it_was_signed_is_told(
    example: Example, issued: IssuedPack, content: bytes, change: dict[str, object]
) -> None:
    envelope = json.loads(issued.receipt_file.read_bytes())
    altered = canonical_json({**json.loads(base64.b64decode(envelope["payload"])), **change})
    envelope["payload"] = base64.b64encode(altered).decode()
    report = verify_bytes(content, receipt=canonical_json(envelope), trust_roots=[example.keys.root.read_bytes()])
    assert _failed(report) == {"receipt"}


def test_a_stranger_s_receipt_for_the_genuine_pack_counts_for_nothing(
    example: Example, issued: IssuedPack, content: bytes, stranger: SignerFiles
) -> None:
    own = load_pem_x509_certificate(stranger.seal.read_bytes())
    facts = signer_facts(stranger)
    receipt = cast(Receipt, {**issued.receipt, "signer_certificate_sha256": facts["certificate_sha256"]})
    forged = envelope_bytes(receipt, [sign_receipt(receipt, sealer=open_sealer(stranger, ""), certificate=own)])
    report = verify_bytes(content, receipt=forged, trust_roots=[example.keys.root.read_bytes()])
    assert _words(report, CheckName.RECEIPT).startswith("The receipt is signed by somebody who is neither")


def test_an_unknown_signer_is_not_trusted(content: bytes, stranger: SignerFiles) -> None:
    for roots in ([stranger.root.read_bytes()], []):
        report = verify_bytes(content, receipt=None, trust_roots=roots)
        assert report.exit_code is ExitCode.NEGATIVE
        assert _words(report, CheckName.SIGNER).startswith("Signer not trusted")
        assert "integrity" not in _failed(report)


def test_a_pack_sealed_again_by_a_stranger_is_not_trusted(
    alone: Verify, unsigned: bytes, stranger: SignerFiles
) -> None:
    report = alone(sealed(unsigned, stranger))
    assert {"signer", "time_stamp", "contents"} <= _failed(report)
    assert _words(report, CheckName.CONTENTS) == "The manifest names another signer than the seal."


def _signed(unsigned: bytes, keys: SignerFiles, *, certify: bool, permission: MDPPerm = MDPPerm.NO_CHANGES) -> bytes:
    metadata = PdfSignatureMetadata(
        field_name="Seal", subfilter=SigSeedSubFilter.PADES, certify=certify, docmdp_permissions=permission
    )
    signer = PdfSigner(
        metadata,
        signer=signer_of(keys),
        timestamper=stamper_of(keys),
        new_field_spec=SigFieldSpec("Seal", on_page=0, box=None),
    )
    out = io.BytesIO()
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(unsigned), strict=False), output=out)
    return out.getvalue()


def test_a_mere_approval_signature_is_no_seal(alone: Verify, unsigned: bytes, example: Example) -> None:
    report = alone(_signed(unsigned, example.keys, certify=False))
    assert _words(report, CheckName.SIGNATURE) == "The signature does not certify the document."


def test_a_certification_that_allows_changes_is_no_seal(alone: Verify, unsigned: bytes, example: Example) -> None:
    report = alone(_signed(unsigned, example.keys, certify=True, permission=MDPPerm.FILL_FORMS))
    assert _words(report, CheckName.SIGNATURE) == "The certification allows changes; a pack's allows none."


def test_a_pdf_without_seal_is_no_pack(alone: Verify, unsigned: bytes) -> None:
    report = alone(unsigned)
    assert "0 signatures" in _words(report, CheckName.SIGNATURE)
    assert {"integrity", "signature", "signer", "time_stamp"} <= _failed(report)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip", b"hello"])
def test_what_is_no_pdf_is_bad_input(alone: Verify, data: bytes) -> None:
    with pytest.raises(BadPackError, match="is not a PDF"):
        alone(data)


@pytest.mark.parametrize("receipt", [b"not json", b"[]", b"{}", b'{"schema":"assay-receipt/2"}', b"[" * 100_000])
def test_a_broken_receipt_is_bad_input(content: bytes, receipt: bytes) -> None:
    with pytest.raises(BadPackError, match="receipt"):
        verify_bytes(content, receipt=receipt, trust_roots=[])


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadPackError, match=r"nowhere\.pdf: the pack cannot be read"):
        verify_pack(tmp_path / "nowhere.pdf")


def test_bad_input_comes_out_of_the_child_as_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"hello")
    with pytest.raises(isolation.BadInput, match=r"^the file is not a PDF\.$"):
        verify_isolated(pack=path, receipt=None, trust_roots=[])


def test_a_certificate_that_is_none_is_bad_input(content: bytes) -> None:
    with pytest.raises(BadPackError, match="neither PEM nor DER"):
        verify_bytes(content, receipt=None, trust_roots=[b"junk"])


def test_a_freeze_document_at_fault_issues_nothing(example: Example, tmp_path: Path) -> None:
    broken = tmp_path / "freeze.json"
    broken.write_bytes(example.document.read_bytes().replace(b'"organisation"', b'"organization"'))
    other = Example(example.freeze, broken, example.attachments, example.keys, example.order)
    with pytest.raises(
        isolation.BadInput, match="freeze document is not valid: the document: unknown key 'organization'"
    ):
        other.issue(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_keys_are_private_and_made_once(stranger: SignerFiles) -> None:
    first = signer_facts(stranger)
    assert signer_facts(ensure_demo_signer(stranger.folder)) == first
    assert stranger.seal_key.stat().st_mode & 0o777 == 0o600
    assert not (stranger.folder / "root.key").exists()
