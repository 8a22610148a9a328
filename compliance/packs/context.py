"""Arranges a freeze document for the pages of a pack: numbers for cross references, counts, and what was not done.

Works from the document alone. Values are plain dictionaries, because templates are their only readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.utils.translation import gettext as _

from compliance.packs.limits import figure_rules, limits, not_independent
from compliance.packs.order import PackOrder, SignerFacts
from compliance.packs.wording import all_visible, label
from compliance.selectors.stage_document import class_rows, drawing
from compliance.types.freeze import Freeze
from compliance.types.verdicts import CoverageState

PAGE_ROWS = 500
MOST_CLASSES = 12
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """Rows that fit on pages, of `total`; `source` names the attached file that holds all of them."""

    rows: Sequence[Row]
    total: int
    source: str
    source_sha256: str

    @property
    def shown(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        return self.shown == self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class PackContext:
    """Everything that the templates read. `pictures`: name -> PNG as base64, reached by "pack:picture/<name>"."""

    order: PackOrder
    signer: SignerFacts
    doc: Row
    data_sha256: str
    sections: Sequence[tuple[str, str]]
    summary: Sequence[Row]
    limits: Sequence[str]
    controls: Sequence[Row]
    questions: Sequence[Row]
    not_independent: Sequence[int]
    figure_rules: Sequence[Row]
    evidence: Capped
    models: Sequence[Row]
    coverage: Sequence[Row]
    coverage_counts: Sequence[tuple[str, str, int]]
    scans: Sequence[Row]
    file_scans: Sequence[Row]
    job_log: Capped
    entitlements: Capped | None
    completeness: Capped | None
    findings: Sequence[Row]
    satisfied: Sequence[Row]
    risks: Sequence[Row]
    remediation: Sequence[Row]
    closings: Sequence[Row]
    waivers: Sequence[Row]
    suppliers: Sequence[Row] | None
    attachments: Sequence[Row]
    pictures: dict[str, str]


def sections() -> list[tuple[str, str]]:
    """Anchor and title of each part, in order."""
    return [
        ("status", _("How to read this pack, status and limits")),
        ("scope", _("Technique and scope")),
        ("controls", _("Controls")),
        ("questions", _("Questions and answers")),
        ("evidence", _("Evidence index")),
        ("models", _("Models, datasets and coverage")),
        ("scans", _("Scan results")),
        ("job-log", _("Job-log extract")),
        ("findings", _("Findings and remediation")),
        ("suppliers", _("Third parties")),
        ("sign-off", _("Sign-off")),
        ("verify", _("How to verify this pack")),
        ("attachments", _("List of attachments")),
    ]


def _numbered(letter: str, records: Iterable[Row]) -> dict[str, Row]:
    return {r["uuid"]: {**r, "no": f"{letter}-{n:02d}"} for n, r in enumerate(records, 1)}


def _refs(uuids: Iterable[str], register: dict[str, Row]) -> list[Row]:
    return [register[uuid] for uuid in uuids]


def _controls(doc: Row) -> list[Row]:
    adopted: dict[str, list[Row]] = {}
    for control in doc["implemented_controls"]:
        for reference in control["reference"]:
            adopted.setdefault(reference, []).append(control)
    rows = [{**control, "adopted": adopted.get(control["id"], [])} for control in doc["reference_controls"]]
    # Controls of the organisation that adopt nothing from the catalogue are shown all the same.
    known = {control["id"] for control in doc["reference_controls"]}
    own = [c for c in doc["implemented_controls"] if not known & set(c["reference"])]
    return [*rows, *({"id": "", "title": c["title"], "adopted": [c]} for c in own)]


def _coverage(doc: Row, models: dict[str, Row]) -> list[Row]:
    return [{"model": models[row["model"]], "cells": row["cells"]} for row in doc["coverage"]]


def _coverage_counts(doc: Row) -> list[tuple[str, str, int]]:
    counts = Counter(cell["state"] for row in doc["coverage"] for cell in row["cells"])
    return [(state.value, label("CoverageState", state), counts[state.value]) for state in CoverageState]


def _scans(doc: Row, models: dict[str, Row], pictures: dict[str, str]) -> list[Row]:
    scans = []
    for number, scan in enumerate(doc["scans"], 1):
        stages = []
        for step, stage in enumerate(scan["stages"], 1):
            shown = []
            for index, picture in enumerate(stage["pictures"], 1):
                name = f"{number}-{step}-{index}"
                if "withheld_sha256" not in picture:
                    pictures[name] = picture["png"]
                shown.append({**picture, "url": f"pack:picture/{name}"})
            reference = min(stage["reference_norms"]) if stage["reference_norms"] else None
            ranked = class_rows(stage)
            stages.append(
                {
                    **stage,
                    "pictures": shown,
                    "smallest_reference": reference,
                    "ranked": ranked[:MOST_CLASSES],
                    "classes": len(ranked),
                    "drawing": drawing(stage),
                }
            )
        scans.append({**scan, "no": f"S-{number:02d}", "model": models[scan["model"]], "stages": stages})
    return scans


def _summary(doc: Row, counts: Sequence[tuple[str, str, int]]) -> list[Row]:
    answers = [q["answer"] for q in doc["questions"] if q["answer"]]
    approved = sum(answer["state"] == "approved" for answer in answers)
    cells = sum(count for _state, _label, count in counts)
    by_state = {state: count for state, _label, count in counts}
    rejected = sum(record["state"] == "rejected" for record in doc["evidence"])
    open_findings = sum(finding["state"] == "not-satisfied" for finding in doc["findings"])
    return [
        {"what": _("Questions answered and approved"), "value": approved, "of": len(doc["questions"])},
        {"what": _("Coverage cells covered at stated power"), "value": by_state["covered"], "of": cells},
        {"what": _("Coverage cells with a finding"), "value": by_state["finding"], "of": cells},
        {
            "what": _("Coverage cells not covered, failed or stale"),
            "value": by_state["not_covered"] + by_state["failed"] + by_state["stale"],
            "of": cells,
        },
        {"what": _("Findings not satisfied"), "value": open_findings, "of": len(doc["findings"])},
        {"what": _("Evidence records rejected"), "value": rejected, "of": len(doc["evidence"])},
    ]


def _questions(doc: Row, evidence: dict[str, Row], findings: dict[str, Row]) -> list[Row]:
    return [
        {
            **q,
            "evidence": _refs((q["answer"] or {}).get("evidence", ()), evidence),
            "findings": _refs((q["answer"] or {}).get("findings", ()), findings),
        }
        for q in doc["questions"]
    ]


def _findings(findings: dict[str, Row], evidence: dict[str, Row], risks: dict[str, Row]) -> list[Row]:
    return [
        {
            **f,
            "observations": [{**o, "evidence": evidence.get(o["evidence"] or "")} for o in f["observations"]],
            "risks": [r for r in risks.values() if f["uuid"] in r["findings"]],
        }
        for f in findings.values()
    ]


def _closings(doc: Row, risks: dict[str, Row]) -> list[Row]:
    """Closings with the work that they close, by its title, and each kind of new evidence once."""
    titles = {entry["uuid"]: entry["title"] for entry in doc["remediation"]}
    return [
        {
            **one,
            "title": titles.get(one["item"] or "", ""),
            "risks": _refs(one["risks"], risks),
            "kinds": list(dict.fromkeys(ground["kind"] for ground in one["basis"])),
        }
        for one in doc.get("closings", [])
    ]


def _evidence(evidence: dict[str, Row], freeze_sha256: str) -> Capped:
    rows = list(evidence.values())[:PAGE_ROWS]
    return Capped(rows=rows, total=len(evidence), source="freeze.json", source_sha256=freeze_sha256)


def _job_log(doc: Row, freeze_sha256: str) -> Capped:
    log, register = doc["job_log"], doc["job_log"]["register"] or {}
    return Capped(
        rows=log["extract"][:PAGE_ROWS],
        total=log["recorded"],
        source=register.get("filename", "freeze.json"),
        source_sha256=register.get("sha256", freeze_sha256),
    )


def _entitlements(doc: Row) -> Capped | None:
    reading = doc["entitlements"].get("reading")
    if reading is None:
        return None
    register = reading["register"]
    return Capped(
        rows=reading["extract"][:PAGE_ROWS],
        total=reading["ways"],
        source=register["filename"],
        source_sha256=register["sha256"],
    )


def _suppliers(doc: Row, models: dict[str, Row], evidence: dict[str, Row]) -> list[Row] | None:
    """Third parties with what they refer to; None in documents of versions that kept none."""
    if "suppliers" not in doc:
        return None
    return [
        {**one, "models": _refs(one["models"], models), "evidence": evidence.get(one["evidence"] or "")}
        for one in doc["suppliers"]["records"]
    ]


def _completeness(doc: Row) -> Capped | None:
    reading = (doc.get("completeness") or {}).get("reading")
    if reading is None:
        return None
    register = reading["register"]
    return Capped(
        rows=reading["extract"][:PAGE_ROWS],
        total=reading["exceptions"],
        source=register["filename"],
        source_sha256=register["sha256"],
    )


def build_context(
    *,
    freeze: Freeze,
    freeze_sha256: str,
    order: PackOrder,
    signer: SignerFacts,
    attachments: Sequence[Row],
) -> PackContext:
    """The pages' view of a valid freeze document. `attachments` are the manifest's entries, shown as a list."""
    doc = cast(Row, all_visible(freeze))
    evidence, models = _numbered("E", doc["evidence"]), _numbered("M", doc["models"])
    findings, risks = _numbered("F", doc["findings"]), _numbered("R", doc["risks"])
    counts = _coverage_counts(doc)
    pictures: dict[str, str] = {}
    shown_findings = _findings(findings, evidence, risks)
    return PackContext(
        order=order,
        signer=signer,
        doc=doc,
        data_sha256=freeze_sha256,
        sections=sections(),
        summary=_summary(doc, counts),
        limits=limits(doc, counts),
        controls=_controls(doc),
        questions=_questions(doc, evidence, findings),
        not_independent=not_independent(doc),
        figure_rules=figure_rules(doc),
        evidence=_evidence(evidence, freeze_sha256),
        models=[{**m, "parent": models.get(m["parent"] or "")} for m in models.values()],
        coverage=_coverage(doc, models),
        coverage_counts=counts,
        scans=_scans(doc, models, pictures),
        file_scans=[{**s, "model": models.get(s["model"] or "")} for s in _numbered("X", doc["file_scans"]).values()],
        job_log=_job_log(doc, freeze_sha256),
        entitlements=_entitlements(doc),
        completeness=_completeness(doc),
        findings=shown_findings,
        satisfied=[finding for finding in shown_findings if finding["state"] == "satisfied"],
        risks=[{**r, "findings": _refs(r["findings"], findings)} for r in risks.values()],
        remediation=[
            {**entry, "risks": _refs(entry["risks"], risks)} for entry in _numbered("T", doc["remediation"]).values()
        ],
        closings=_closings(doc, risks),
        waivers=[{**one, "findings": _refs(one["findings"], findings)} for one in doc.get("waivers", [])],
        suppliers=_suppliers(doc, models, evidence),
        attachments=attachments,
        pictures=pictures,
    )
