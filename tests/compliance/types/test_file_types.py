"""What a file is by its first bytes, and names that are harmless wherever they end up."""

from __future__ import annotations

import pytest
from django.utils.http import content_disposition_header

from compliance.types.file_names import harmless
from compliance.types.file_types import differs, sniffed

PDF, ZIP, PNG, JSON = b"%PDF-1.7\n", b"PK\x03\x04rest", b"\x89PNG\r\n\x1a\n", b' {"a": 1}'


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PDF, "application/pdf"),
        (ZIP, "application/zip"),
        (PNG, "image/png"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"MZ\x90\x00", "application/x-msdownload"),
        (b"\x7fELF\x02", "application/x-executable"),
        (JSON, "application/json"),
        (b"\xef\xbb\xbf[1]", "application/json"),
        ("Grüße, als Text".encode(), "text/plain"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"\x00\xff\x00\xfe", "application/octet-stream"),
        (b"", "application/octet-stream"),
        (b"a" * 4095 + "ü".encode()[:1], "text/plain"),
        ("ü".encode()[:1], "application/octet-stream"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(head: bytes, media_type: str) -> None:
    assert sniffed(head) == media_type


@pytest.mark.parametrize(
    ("declared", "filename", "head", "wrong"),
    [
        ("application/pdf", "report.pdf", PDF, False),
        ("application/pdf", "report.pdf", ZIP, True),
        ("application/octet-stream", "report.pdf", ZIP, True),
        ("", "report.pdf", b"MZ\x90", True),
        ("application/json", "log.json", JSON, False),
        ("application/json", "log.json", b"\x1f\x8b\x08", True),
        ("application/gzip", "log.json.gz", b"\x1f\x8b\x08", False),
        ("text/csv; charset=utf-8", "log.csv", b"a,b\n1,2", False),
        ("image/png", "logo.png", b"\xff\xd8\xff\xe0", True),
        ("application/x-zip-compressed", "sheet.xlsx", ZIP, False),
        ("application/octet-stream", "model.safetensors", b"\x08\x00\x00", False),
        ("", "no ending", PDF, False),
        ("application/x-anything", "weights.bin", b"\x00\x01\x02\xff", False),
    ],
)
def test_a_declaration_is_held_against_the_first_bytes(declared: str, filename: str, head: bytes, wrong: bool) -> None:
    assert differs(declared=declared, filename=filename, found=sniffed(head)) is wrong


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\log.json", "log.json"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x=1"),
        ('say "hello".txt', "say _hello_.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("a\u2066b\u2069.csv", "a_b_.csv"),
        ("Prüfbericht Größe.pdf", "Prüfbericht Größe.pdf"),
        ("報告.pdf", "報告.pdf"),
        ("...", "file"),
        ("", "file"),
        ("\x00", "_"),
    ],
)
def test_names_are_made_harmless(name: str, kept: str) -> None:
    assert harmless(name) == kept


def test_a_long_name_keeps_its_ending() -> None:
    name = harmless("x" * 500 + ".json")
    assert (len(name), name[-5:]) == (150, ".json")


@pytest.mark.parametrize(
    "name", ["a\nb.txt", 'q"q.txt', "back\\slash", "\u202etxt.exe", "ü;filename=x.html", "a%0d%0ab"]
)
def test_every_name_makes_one_header_with_one_name(name: str) -> None:
    header = str(content_disposition_header(True, harmless(name)))
    assert header.startswith("attachment; filename")
    assert header.count("filename=") + header.count("filename*=") == 1
    assert not any(letter in header for letter in "\r\n\u202e")
