"""Freeze documents for exports: the example of the packs, with mappings and with texts that a reader may trip over."""

from __future__ import annotations

from typing import Any, cast

from compliance.oscal.export_values import Frozen
from compliance.types.canonical import digest_of
from compliance.types.freeze import Freeze, validate_freeze
from tests.compliance.packs.example_freeze import example_freeze, uid

HOSTILE = "<script>alert(1)</script> *bold* `x` [a](javascript:b)\u202e عكس \x07🙂\r\nsecond line"


def pair(control: str, framework: str, requirement: str, state: str = "approved", **more: Any) -> dict[str, Any]:
    decided = state != "draft"
    return {
        "uuid": uid(f"{control} {framework} {requirement}"),
        "control": control,
        "framework": framework,
        "requirement": requirement,
        "kind": "control",
        "relation": "intersects-with",
        "strength": "supporting",
        "rationale": "Evidence for the one is relevant to the other.",
        "checked": "file",
        "state": state,
        "decided_by": "Tomasz Żółkiewski, Head of model risk" if decided else "",
        "decided_at": "2026-10-01T09:00:00Z" if decided else None,
        **more,
    }


def mappings(*pairs: dict[str, Any]) -> dict[str, Any]:
    named = sorted({one["framework"] for one in pairs})
    return {
        "frameworks": [
            {"key": key, "title": f"Framework {key}", "edition": "1", "licence": "ids alone"} for key in named
        ],
        "pairs": list(pairs),
    }


def mapped_freeze() -> Freeze:
    """Approved, draft and rejected pairs; ids that OSCAL cannot hold; threats beside controls."""
    held = mappings(
        pair("BDM-03", "nist-sp-800-53-r5", "AC-2(7)"),
        pair("BDM-03", "nist-sp-800-53-r5", "SR-4", "draft"),
        pair("BDM-03", "eu-ai-act", "Art. 10(3)", kind="article"),
        pair("BDM-07", "eu-ai-act", "Art. 10[3]", kind="article"),
        pair("BDM-07", "iso-iec-42001-2023", "6.1.2", "rejected", kind="clause"),
        pair("BDM-03", "mitre-atlas", "AML.M0025", kind=""),
        pair("BDM-03", "owasp-llm-2025", "LLM04", kind="risk"),
        pair("BDM-07", "mitre-attack", "T1078", "draft", kind=""),
    )
    return example_freeze(mappings=held)


def hostile_freeze() -> Freeze:
    """Titles and texts with markup, right-to-left marks, bells and line ends, and empty ones."""
    document: Any = mapped_freeze()
    document["assessment"]["title"] = HOSTILE
    document["organisation"] = ""
    document["evidence"][0]["filename"] = "../a b%2f#?.json"
    document["evidence"][0]["title"] = ""
    document["findings"][0]["title"] = HOSTILE
    document["findings"][0]["condition"] = HOSTILE
    document["findings"][0]["observations"][0]["observed_at"] = None
    document["risks"][0]["statement"] = "x" * 100_000
    document["remediation"][0]["milestones"] = []
    return cast(Freeze, document)


def frozen(document: Freeze) -> Frozen:
    validate_freeze(document)
    return Frozen(doc=document, sha256=digest_of(document))
