"""Every event that services record has words for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compliance.templatetags.record import EVENTS, record_words, words

ROOT = Path(__file__).resolve().parents[2]
KIND = re.compile(r'kind="([a-z_]+\.[a-z_]+)"')


def recorded_kinds() -> list[str]:
    sources = [path for app in ("compliance", "scanning") for path in (ROOT / app / "services").rglob("*.py")]
    return sorted({kind for path in sources for kind in KIND.findall(path.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("kind", recorded_kinds())
def test_recorded_event_has_words(kind: str) -> None:
    assert kind in EVENTS


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("returned", "Returned"),
        ("evidence.received", "Evidence received"),
        ("recovered_mask", "Recovered mask"),
        ("thing.done_well", "Thing: done well"),
        (None, ""),
    ],
)
def test_words(key: str | None, said: str) -> None:
    assert words(key) == said


@pytest.mark.parametrize(
    ("label", "said"),
    [("compliance.AuditRequest", "Audit request"), ("compliance.AISystem", "AI system"), ("scanning.Scan", "Scan")],
)
def test_a_record_is_named_as_people_name_it(label: str, said: str) -> None:
    assert record_words(label) == said
