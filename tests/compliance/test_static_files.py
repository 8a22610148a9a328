"""Static files: vendored ones are what their list says, colours can be read in both modes, styles and names agree."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.sqlite_only

STATIC = Path(__file__).resolve().parents[2] / "compliance" / "static"
VENDOR = STATIC / "vendor"
TONES = ("good", "bad", "warn", "fail", "note", "idle")
GROUNDS = ("paper", "surface", "sunken")
TEXT_ON_GROUND = [(text, ground) for text in ("ink", "ink-soft", "accent", *TONES) for ground in GROUNDS]
TEXT_ON_SOFT = [(tone, f"{tone}-soft") for tone in TONES] + [("ink", f"{tone}-soft") for tone in TONES]
OTHER_TEXT = [("on-accent", "accent"), ("on-accent", "accent-hover"), ("accent", "accent-soft"), ("surface", "bad")]
EDGES = [("line-strong", "surface"), ("line-strong", "paper"), ("focus", "paper"), ("focus", "surface")]


def listed() -> dict[str, str]:
    lines = (VENDOR / "SHA256SUMS").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines if not line.startswith("#"))}


def test_vendored_files_are_those_of_the_list() -> None:
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == listed()


def test_every_vendored_folder_carries_its_licence() -> None:
    assert [folder.name for folder in VENDOR.iterdir() if folder.is_dir() and not (folder / "LICENSE").is_file()] == []


def palette(mode: str) -> dict[str, str]:
    """Colours of one mode, by name."""
    tokens = (STATIC / "assay" / "tokens.css").read_text("utf-8")
    block = re.search(rf'\[data-bs-theme="{mode}"\] \{{\s*color-scheme[^}}]*\}}', tokens)
    assert block
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block.group()))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def too_faint(mode: str, pairs: list[tuple[str, str]], *, least: float) -> dict[tuple[str, str], float]:
    """The pairs below the ratio, with theirs."""
    colours = palette(mode)
    ratios = {(text, ground): contrast(colours[text], colours[ground]) for text, ground in pairs}
    return {pair: ratio for pair, ratio in ratios.items() if ratio < least}


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read(mode: str) -> None:
    assert too_faint(mode, TEXT_ON_GROUND + TEXT_ON_SOFT + OTHER_TEXT, least=4.5) == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_edges_of_fields_and_the_focus_can_be_seen(mode: str) -> None:
    assert too_faint(mode, EDGES, least=3) == {}


def test_both_modes_name_the_same_colours() -> None:
    assert palette("light").keys() == palette("dark").keys()


def test_every_colour_in_use_has_a_name() -> None:
    styles = "".join(path.read_text("utf-8") for path in (STATIC / "assay").glob("*.css"))
    assert set(re.findall(r"var\((--[\w-]+)", styles)) - set(re.findall(r"(--[\w-]+):", styles)) == set()


def test_our_styles_fetch_nothing_from_elsewhere() -> None:
    sources = "".join(p.read_text("utf-8") for p in (STATIC / "assay").iterdir())
    assert re.findall(r"(?:url\(|@import|fetch\()[\"']?https?:", sources) == []
