"""What a hostile record may hold: it is refused in a sentence, or shown for what it is."""

from __future__ import annotations

import base64
import struct
import subprocess
import tracemalloc
import unicodedata
import zlib
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.isolation import IsolationError
from compliance.packs import render
from compliance.packs.child import render_unsigned
from compliance.packs.render import RenderError, _enlarged
from compliance.packs.wording import visible
from compliance.types.canonical import canonical_json
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example

HOSTILE = "שלום مرحبا नमस्ते สวัสดี 你好 \U0001f600 \ufffe \u202egnp.exe " + "x" * 1_000_000


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *further: bytes) -> str:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = _chunk(b"IDAT", zlib.compress(b"\0" * (min(width, 4_000) // 8 + 1) * min(height, 4_000)))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + b"".join(further) + rows + _chunk(b"IEND", b"")).decode()


@pytest.mark.parametrize(
    "png",
    [
        _png(60_000, 60_000),
        _png(3_000, 10),
    ],
    ids=["3,600 million pixels", "wider than is taken"],
)
def test_a_bomb_in_a_picture_is_refused(png: str) -> None:
    with pytest.raises(RenderError, match=r"no readable PNG|at most 2048 a side"):
        _enlarged("1-1-1", png)


def test_a_text_bomb_in_a_picture_is_not_unpacked_and_does_not_reach_the_page() -> None:
    bomb = _png(8, 8, _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 80_000_000)))
    tracemalloc.start()
    made = _enlarged("1-1-1", bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert b"zTXt" not in made
    assert len(made) < 100_000
    assert peak < 40_000_000


def _rendered(example: Example, freeze: Any, folder: Path) -> str:
    made = render_unsigned(
        freeze=freeze, canonical=canonical_json(freeze), order={**example.order, "layout": "summary"},  # type: ignore[typeddict-item]
        keys=example.keys.folder, attachments=example.attachments,
    )  # fmt: skip
    (folder / "pack.pdf").write_bytes(made)
    return subprocess.run(
        ["pdftotext", "-layout", folder / "pack.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout


def test_scripts_with_a_font_are_printed_and_what_has_none_is_told_by_number(example: Example, tmp_path: Path) -> None:
    freeze = empty_freeze()
    freeze["assessment"]["scope"] = HOSTILE
    freeze["assessment"]["exclusions"] = "<div>" * 10_000
    text = _rendered(example, freeze, tmp_path)
    for shown in ("你好", "⟨U+1F600⟩", "⟨U+FFFE⟩", "⟨U+202E⟩"):
        assert shown in text
    assert "characters more" in "".join(text.split("\n")).replace("  ", " ")
    assert "<div><div>" in text
    told = " ".join(text.split())
    assert "stand as their code points: 3 different ones, such as ⟨U+202E⟩, ⟨U+FFFE⟩, ⟨U+1F600⟩." in told


# Of each script for which a font is bundled: Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai, symbols, Han, kana.
LETTERS = "ÅßŁőñΩλДЖъمرحباשלוםनमसतकสวดกขค→你好世界カナ"


def test_every_script_for_which_a_font_is_bundled_is_printed_and_read_back(example: Example, tmp_path: Path) -> None:
    freeze = empty_freeze()
    freeze["assessment"]["scope"] = " ".join(LETTERS)
    assert visible(" ".join(LETTERS)) == " ".join(LETTERS)
    text = unicodedata.normalize("NFKC", _rendered(example, freeze, tmp_path))
    assert [one for one in LETTERS if unicodedata.normalize("NFKC", one) not in text] == []


def test_markup_styles_and_links_in_answers_are_text(example: Example, tmp_path: Path) -> None:
    freeze = empty_freeze()
    freeze["assessment"]["scope"] = '<a href="https://evil.example">x</a></style><style>p{display:none}</style>&lt;'
    freeze["assessment"]["title"] = 'T" } @page { size: 1cm } <b>'
    text = _rendered(example, freeze, tmp_path)
    assert '<a href="https://evil.example">x</a>' in " ".join(text.split())
    with pikepdf.open(tmp_path / "pack.pdf") as pdf:
        assert float(pdf.pages[0].mediabox[2]) > 500
        links = [note for page in pdf.pages for note in page.get("/Annots", ())]
        assert not [note for note in links if "/A" in note and "/URI" in note.A]


def test_nesting_without_end_is_refused_before_anything_is_rendered(example: Example, tmp_path: Path) -> None:
    document = tmp_path / "freeze.json"
    document.write_bytes(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
    hostile = Example(example.freeze, document, tmp_path, example.keys, example.order)
    with pytest.raises(IsolationError, match="the freeze document is not valid"):
        hostile.issue(tmp_path)


def test_more_pages_than_a_pack_may_have_are_refused(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "SUMMARY_PAGES", 1)
    with pytest.raises(RenderError, match=r"it would have \d pages, and may have 1"):
        _rendered(example, empty_freeze(), tmp_path)
