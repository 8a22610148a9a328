"""Chapters of a pack that are put together from several parts of the freeze document: matrix, custody, audits, follow-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from compliance.packs.shares import Budget, Capped, Row, whole_in_freeze
from compliance.types.pack_layouts import Layout

MOST_LISTED = 10
_CONTENTS: dict[Layout, tuple[str, ...]] = {
    Layout.FULL: (
        "status", "scope", "controls", "questions", "evidence", "models", "scans", "job_log", "findings", "audits",
        "suppliers", "later", "sign_off", "verify", "glossary", "attachments",
    ),
    Layout.SUMMARY: ("overview", "answers", "open", "limits", "sign_off", "verify"),
    Layout.CHANGES: ("statement", "record", "sign_off", "verify"),
}  # fmt: skip


def _titles() -> dict[str, str]:
    return {
        "status": _("How to read this pack, status and limits"),
        "scope": _("Technique and scope"),
        "controls": _("Risks and controls"),
        "questions": _("Questions and answers"),
        "evidence": _("Evidence index"),
        "models": _("Models, datasets and coverage"),
        "scans": _("Scan results"),
        "job_log": _("Job-log extract"),
        "findings": _("Findings and remediation"),
        "audits": _("Auditors' findings, responses and follow-up"),
        "suppliers": _("Third parties"),
        "later": _("After the data was frozen"),
        "sign_off": _("Sign-off"),
        "verify": _("How to verify this pack"),
        "glossary": _("Glossary"),
        "attachments": _("List of attachments"),
        "overview": _("Where we stand"),
        "answers": _("The questions and our answers"),
        "open": _("What is open, who works on it, until when"),
        "limits": _("What this does not show"),
        "statement": _("What management states"),
        "record": _("What the record holds from the time since"),
    }


def sections(layout: Layout = Layout.FULL) -> list[tuple[str, str]]:
    """Anchor and title of each part, in order."""
    titles = _titles()
    return [(name.replace("_", "-"), titles[name]) for name in _CONTENTS[layout]]


def numbers(layout: Layout) -> dict[str, int]:
    """The number of each part, by its name in templates."""
    return {name: number for number, name in enumerate(_CONTENTS[layout], 1)}


def kinds(layout: Layout) -> str:
    """What the document is called."""
    return {
        Layout.FULL: _("Evidence pack"),
        Layout.SUMMARY: _("Management summary"),
        Layout.CHANGES: _("Statement of changes"),
    }[layout]


def where_used(doc: Row, findings: Iterable[Row], suppliers: Sequence[Row] | None) -> dict[str, list[Row]]:
    """By uuid of a piece of evidence: each place that rests on it, once, with its anchor where it has one."""
    used: defaultdict[str, dict[tuple[str, str], Row]] = defaultdict(dict)

    def say(uuid: str | None, words: str, anchor: str = "") -> None:
        if uuid is not None:
            used[uuid].setdefault((words, anchor), {"words": words, "anchor": anchor})

    for question in doc["questions"]:
        for uuid in (question["answer"] or {}).get("evidence", ()):
            say(uuid, _("question %d") % question["number"], f"question-{question['number']}")
    for source in doc["job_log"]["sources"]:
        say(source["evidence"], _("job log"), "job-log")
    for finding in findings:
        for seen in finding["observations"]:
            say(seen["evidence"], finding["no"], finding["no"] if finding["shown"] else "")
    for one in suppliers or ():
        say(one["evidence"], one["name"], f"supplier-{one['uuid']}")
    return {uuid: list(places.values()) for uuid, places in used.items()}


def custody(evidence: Iterable[Row], budget: Budget, freeze_sha256: str) -> Capped:
    """Every act on every piece of evidence, by time."""
    acts = [
        {**act, "no": record["no"], "shown": record["shown"]}
        for record in evidence
        for act in record.get("custody", ())
    ]
    acts.sort(key=lambda act: (act["at"], act["no"]))
    return whole_in_freeze(acts[: budget.share(len(acts))], len(acts), freeze_sha256)


def matrix(doc: Row, findings: Iterable[Row], budget: Budget, freeze_sha256: str) -> Capped:
    """Each threat, the reference controls against it, own controls on these, and what became of them."""
    standing: defaultdict[str, list[Row]] = defaultdict(list)
    for finding in findings:
        if finding["state"] == "not-satisfied":
            standing[finding["target"]].append(finding)
    threats = [doc["technique"], *doc["technique"]["subtechniques"]]
    rows: list[Row] = [
        {"threat": threat, "reference": reference, "own": own, "open": standing.get(reference["id"], [])}
        for threat in threats
        for reference in doc["reference_controls"]
        if threat["id"] in reference.get("techniques", ())
        for own in _own(doc, reference["id"])
    ]
    return whole_in_freeze(rows[: budget.share(len(rows))], len(rows), freeze_sha256)


def _own(doc: Row, reference: str) -> list[Row | None]:
    """Own controls that adopt a reference control; one None where none does."""
    return [control for control in doc["implemented_controls"] if reference in control["reference"]] or [None]


def uncontrolled(doc: Row) -> list[Row]:
    """Sub-techniques against which no own control stands."""
    adopted = {one for control in doc["implemented_controls"] for one in control["reference"]}
    against = {
        threat
        for reference in doc["reference_controls"]
        if reference["id"] in adopted
        for threat in reference.get("techniques", ())
    }
    known = any("techniques" in reference for reference in doc["reference_controls"])
    whole = doc["technique"]["id"]
    if not known or whole in against:
        return []
    return [sub for sub in doc["technique"]["subtechniques"] if sub["id"] not in against]


def pre_audit(doc: Row) -> list[Row]:
    """Checks before the audit, each with what it lists; drafts of mappings, which there may be hundreds of, are counted."""
    told = []
    for line in doc.get("pre_audit", ()):
        listed = line["open"]
        if line["check"] == "mapping-draft" and listed:
            drafts = sum(pair["state"] == "draft" for pair in doc.get("mappings", {}).get("pairs", ()))
            words = _(
                "Controls behind the questions with draft mappings: %(n)d. All %(all)d drafts are in freeze.json."
            )
            listed = [words % {"n": len(listed), "all": drafts}]
        told.append({"title": line["title"], "open": listed[:MOST_LISTED], "more": max(0, len(listed) - MOST_LISTED)})
    return told


def statements(doc: Row, budget: Budget, freeze_sha256: str) -> list[Row]:
    """Statements of applicability, each with the lines that fit."""
    told = []
    for one in doc.get("statements", ()):
        lines = one["lines"][: budget.share(len(one["lines"]))]
        counts = {
            kind: sum(line["inclusion"] == kind for line in one["lines"])
            for kind in ("included", "excluded", "undecided")
        }
        told.append({**one, "counts": counts, "table": whole_in_freeze(lines, len(one["lines"]), freeze_sha256)})
    return told


def dataset_checks(doc: Row, budget: Budget, freeze_sha256: str) -> Capped:
    """Comparisons of datasets with their manifests, the newest first."""
    names = {one["uuid"]: one for one in doc["datasets"]}
    rows = [{**one, "dataset": names[one["dataset"]]} for one in reversed(doc.get("dataset_checks", []))]
    return whole_in_freeze(rows[: budget.share(len(rows))], len(rows), freeze_sha256)


def audit_findings(doc: Row, items: Mapping[str, Row], *, prior: bool) -> list[Row]:
    """Auditors' findings of this audit, or of earlier ones, with the work that answers them."""
    return [
        {**one, "item": items.get(one["item"] or "")} for one in doc.get("audit_findings", ()) if one["prior"] == prior
    ]
