"""Arranges a freeze document for the pages of a pack: numbers for cross references, counts, and what was not done.

Works from the document and the order alone. Values are plain dictionaries, because templates are their only readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from django.utils.translation import gettext as _

from compliance.packs import chapters
from compliance.packs.glossary import glossary
from compliance.packs.limits import figure_rules, limits, not_independent, unprintable
from compliance.packs.order import PackOrder, SignerFacts
from compliance.packs.shares import (
    DETAILED,
    REGISTER_ROWS,
    Budget,
    Capped,
    Row,
    gravest_first,
    numbered,
    on_pages,
    refs,
    told,
    whole_in,
    whole_in_freeze,
)
from compliance.packs.wording import all_visible, label
from compliance.selectors.stage_document import class_rows, drawing
from compliance.types.freeze import Freeze
from compliance.types.pack_layouts import Layout
from compliance.types.verdicts import CoverageState

MOST_CLASSES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PackContext:
    """Everything that the templates read. `pictures`: name -> PNG as base64, reached by "pack:picture/<name>"."""

    order: PackOrder
    signer: SignerFacts
    doc: Row
    data_sha256: str
    layout: Layout
    kind: str
    sections: Sequence[tuple[str, str]]
    numbers: Mapping[str, int]
    summary: Sequence[Row]
    limits: Sequence[str]
    pre_audit: Sequence[Row]
    matrix: Capped
    uncontrolled: Sequence[Row]
    controls: Capped
    own_controls: Sequence[Row]
    statements: Sequence[Row]
    questions: Sequence[Row]
    not_independent: Sequence[int]
    figure_rules: Sequence[Row]
    evidence: Capped
    custody: Capped
    models: Capped
    datasets: Capped
    dataset_checks: Capped
    coverage: Capped
    coverage_counts: Sequence[tuple[str, str, int]]
    scans: Capped
    file_scans: Capped
    job_log: Capped
    entitlements: Capped | None
    completeness: Capped | None
    findings: Capped
    detailed: Sequence[Row]
    satisfied: Capped
    risks: Capped
    remediation: Capped
    closings: Capped
    waivers: Capped
    audit_findings: Sequence[Row]
    prior_findings: Sequence[Row]
    suppliers: Sequence[Row] | None
    glossary: Sequence[tuple[str, str]]
    attachments: Sequence[Row]
    pictures: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registers:
    """The registers that others refer to, by uuid, numbered."""

    evidence: dict[str, Row]
    models: dict[str, Row]
    findings: dict[str, Row]
    risks: dict[str, Row]
    items: dict[str, Row]


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


def _coverage_counts(doc: Row) -> list[tuple[str, str, int]]:
    counts = Counter(cell["state"] for row in doc["coverage"] for cell in row["cells"])
    return [(state.value, label("CoverageState", state), counts[state.value]) for state in CoverageState]


def _scans(doc: Row, models: dict[str, Row], pictures: dict[str, str], most: int) -> list[Row]:
    scans = []
    for number, scan in enumerate(islice(doc["scans"], most), 1):
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


def _summary(doc: Row, known: _Registers, counts: Sequence[tuple[str, str, int]]) -> list[Row]:
    answers = [q["answer"] for q in doc["questions"] if q["answer"]]
    approved = sum(answer["state"] == "approved" for answer in answers)
    cells = sum(count for _state, _label, count in counts)
    by_state = {state: count for state, _label, count in counts}
    rejected = sum(record["state"] == "rejected" for record in doc["evidence"])
    open_findings = sum(finding["state"] == "not-satisfied" for finding in known.findings.values())
    return [
        {"what": _("Questions answered and approved"), "value": approved, "of": len(doc["questions"])},
        {"what": _("Coverage cells covered at stated power"), "value": by_state["covered"], "of": cells},
        {"what": _("Coverage cells with a finding"), "value": by_state["finding"], "of": cells},
        {
            "what": _("Coverage cells not covered, failed or stale"),
            "value": by_state["not_covered"] + by_state["failed"] + by_state["stale"],
            "of": cells,
        },
        {"what": _("Findings not satisfied"), "value": open_findings, "of": len(known.findings)},
        {"what": _("Evidence records rejected"), "value": rejected, "of": len(doc["evidence"])},
    ]


def _questions(doc: Row, known: _Registers) -> list[Row]:
    return [
        {
            **q,
            "evidence": refs((q["answer"] or {}).get("evidence", ()), known.evidence),
            "findings": refs((q["answer"] or {}).get("findings", ()), known.findings),
        }
        for q in doc["questions"]
    ]


def _findings(known: _Registers) -> list[Row]:
    of: dict[str, list[Row]] = {}
    for risk in known.risks.values():
        for uuid in risk["findings"]:
            of.setdefault(uuid, []).append(risk)
    return [
        {
            **f,
            "observations": [{**o, "evidence": known.evidence.get(o["evidence"] or "")} for o in f["observations"]],
            "risks": of.get(f["uuid"], []),
        }
        for f in on_pages(known.findings)
    ]


def _slipped(entry: Row) -> int | None:
    """Days by which an item slipped in all; None in documents that kept none."""
    return sum(slip["days"] for slip in entry["slips"]) if "slips" in entry else None


def _closing(one: Row, known: _Registers) -> Row:
    """A closing with the work that it closes, by its title, and each kind of new evidence once."""
    return {
        **one,
        "title": known.items[one["item"]]["title"] if one["item"] else "",
        "risks": refs(one["risks"], known.risks),
        "kinds": list(dict.fromkeys(ground["kind"] for ground in one["basis"])),
    }


def _suppliers(doc: Row, known: _Registers) -> list[Row] | None:
    """Third parties with what they refer to; None in documents of versions that kept none."""
    if "suppliers" not in doc:
        return None
    return [
        {**one, "models": refs(one["models"], known.models), "evidence": known.evidence.get(one["evidence"] or "")}
        for one in doc["suppliers"]["records"]
    ]


def _extract(reading: Row, total: int, budget: Budget) -> Capped:
    """Rows of a reading whose whole register is a file of its own."""
    return Capped(
        rows=reading["extract"][: budget.share(len(reading["extract"]))],
        total=total,
        source=reading["register"]["filename"],
        source_sha256=reading["register"]["sha256"],
    )


def _job_log(doc: Row, budget: Budget, freeze_sha256: str) -> Capped:
    log, register = doc["job_log"], doc["job_log"]["register"] or {}
    return Capped(
        rows=log["extract"][: budget.share(len(log["extract"]))],
        total=log["recorded"],
        source=register.get("filename", "freeze.json"),
        source_sha256=register.get("sha256", freeze_sha256),
    )


def _registers(doc: Row, budget: Budget) -> _Registers:
    """Registers in the order in which they are printed, each with its share of the rows."""
    findings = told(doc["findings"], gravest_first)
    standing = sum(one["state"] == "not-satisfied" for one in findings)
    shown = budget.share(standing) + budget.share(len(findings) - standing)
    risks, items = told(doc["risks"]), told(doc["remediation"])
    return _Registers(
        evidence=numbered("E", doc["evidence"], budget.share(len(doc["evidence"]))),
        models=numbered("M", doc["models"], budget.share(len(doc["models"]))),
        findings=numbered("F", findings, shown, doc["findings"]),
        risks=numbered("R", risks, budget.share(len(risks)), doc["risks"]),
        items=numbered("T", items, budget.share(len(items)), doc["remediation"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the parts of the context are made from."""

    doc: Row
    known: _Registers
    budget: Budget
    digest: str

    def capped(self, rows: Sequence[Row], total: int | None = None) -> Capped:
        """Rows that had their share of `total` before, or get one here."""
        if total is not None:
            return whole_in_freeze(rows, total, self.digest)
        return whole_in_freeze(rows[: self.budget.share(len(rows))], len(rows), self.digest)

    def listed(self, name: str, rows: Sequence[Row], total: int) -> Capped:
        """Rows of a list that grows, which had their share of `total` before."""
        return whole_in(self.doc.get(name), rows, total, self.digest)


def _of_controls(work: _Work) -> Row:
    doc = work.doc
    return {
        "matrix": chapters.matrix(doc, work.known.findings.values(), work.budget, work.digest),
        "uncontrolled": chapters.uncontrolled(doc),
        "controls": work.capped(_controls(doc)),
        "own_controls": doc["implemented_controls"][:REGISTER_ROWS],
        "statements": chapters.statements(doc, work.budget, work.digest),
        "questions": _questions(doc, work.known),
        "not_independent": not_independent(doc),
        "figure_rules": figure_rules(doc),
    }


def _of_evidence(work: _Work) -> Row:
    doc, known = work.doc, work.known
    suppliers = _suppliers(doc, known)
    used = chapters.where_used(doc, known.findings.values(), suppliers)
    index = [{**one, "used": used.get(one["uuid"], [])} for one in on_pages(known.evidence)]
    return {
        "suppliers": suppliers,
        "evidence": work.capped(index, len(known.evidence)),
        "custody": chapters.custody(known.evidence.values(), work.budget, work.digest),
    }


def _of_models(work: _Work, pictures: dict[str, str]) -> Row:
    doc, known = work.doc, work.known
    models = [{**m, "parent": known.models.get(m["parent"] or "")} for m in on_pages(known.models)]
    files = [
        {**s, "no": f"X-{n:02d}", "model": known.models.get(s["model"] or "")}
        for n, s in enumerate(islice(doc["file_scans"], DETAILED), 1)
    ]
    return {
        "models": work.capped(models, len(known.models)),
        "datasets": work.capped(doc["datasets"]),
        "dataset_checks": chapters.dataset_checks(doc, work.budget, work.digest),
        "coverage": work.capped(
            [{"model": known.models[row["model"]], "cells": row["cells"]} for row in doc["coverage"]]
        ),
        "scans": work.listed("scans", _scans(doc, known.models, pictures, DETAILED), len(doc["scans"])),
        "file_scans": work.listed("file_scans", files, len(doc["file_scans"])),
        "pictures": pictures,
    }


def _of_logs(work: _Work) -> Row:
    doc, budget = work.doc, work.budget
    ways = doc["entitlements"].get("reading")
    measured = (doc.get("completeness") or {}).get("reading")
    return {
        "job_log": _job_log(doc, budget, work.digest),
        "entitlements": _extract(ways, ways["ways"], budget) if ways else None,
        "completeness": _extract(measured, measured["exceptions"], budget) if measured else None,
    }


def _of_findings(work: _Work) -> Row:
    doc, known = work.doc, work.known
    findings = _findings(known)
    standing = [one for one in findings if one["state"] == "not-satisfied"]
    satisfied = [one for one in findings if one["state"] != "not-satisfied"]
    all_standing = sum(one["state"] == "not-satisfied" for one in known.findings.values())
    risks = [{**r, "findings": refs(r["findings"], known.findings)} for r in on_pages(known.risks)]
    items = [
        {**entry, "risks": refs(entry["risks"], known.risks), "slipped": _slipped(entry)}
        for entry in on_pages(known.items)
    ]
    closings = doc.get("closings", [])
    shown = islice(closings, work.budget.share(len(closings)))
    waivers = [{**one, "findings": refs(one["findings"], known.findings)} for one in doc.get("waivers", [])]
    return {
        "findings": work.listed("findings", standing, all_standing),
        "detailed": standing[:DETAILED],
        "satisfied": work.listed("findings", satisfied, len(known.findings) - all_standing),
        "risks": work.listed("risks", risks, len(known.risks)),
        "remediation": work.listed("remediation", items, len(known.items)),
        "closings": work.listed("closings", [_closing(one, known) for one in shown], len(closings)),
        "waivers": work.capped(waivers),
        "audit_findings": chapters.audit_findings(doc, known.items, prior=False),
        "prior_findings": chapters.audit_findings(doc, known.items, prior=True),
    }


def build_context(
    *,
    freeze: Freeze,
    freeze_sha256: str,
    order: PackOrder,
    signer: SignerFacts,
    attachments: Sequence[Row],
) -> PackContext:
    """The pages' view of a valid freeze document. `attachments` are the manifest's entries, shown as a list."""
    replaced: set[str] = set()
    doc, budget = cast(Row, all_visible(freeze, replaced)), Budget()
    work = _Work(doc=doc, known=_registers(doc, budget), budget=budget, digest=freeze_sha256)
    layout, counts = order.get("layout", Layout.FULL), _coverage_counts(doc)
    return PackContext(
        order=cast(PackOrder, all_visible(order)),
        signer=signer,
        doc=doc,
        data_sha256=freeze_sha256,
        layout=layout,
        kind=chapters.kinds(layout),
        sections=chapters.sections(layout),
        numbers=chapters.numbers(layout),
        summary=_summary(doc, work.known, counts),
        limits=[*limits(doc, counts), *unprintable(replaced)],
        pre_audit=chapters.pre_audit(doc),
        coverage_counts=counts,
        glossary=glossary(),
        attachments=attachments,
        **_of_controls(work),
        **_of_evidence(work),
        **_of_models(work, {}),
        **_of_logs(work),
        **_of_findings(work),
    )
