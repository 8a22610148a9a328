"""Two freezes compared, as the page, the files and the command show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Assessment
from compliance.rights import Asker, visible
from compliance.types.freeze_comparison import Change, Comparison, SectionChanges, Told
from compliance.types.states import AssessmentState

SHOWN_RECORDS = 100
SHOWN_TEXT = 600
_TITLES = {
    "assessment": gettext_lazy("Assessment and period"),
    "technique": gettext_lazy("Technique"),
    "organisation": gettext_lazy("Organisation"),
    "demonstration": gettext_lazy("Demonstration data"),
    "catalogues": gettext_lazy("Catalogue and ATLAS versions"),
    "reference_controls": gettext_lazy("Reference controls"),
    "implemented_controls": gettext_lazy("Own controls"),
    "questions": gettext_lazy("Answers"),
    "evidence": gettext_lazy("Evidence"),
    "models": gettext_lazy("Model versions"),
    "datasets": gettext_lazy("Data sets"),
    "coverage": gettext_lazy("Coverage"),
    "scans": gettext_lazy("Scans and their verdicts"),
    "file_scans": gettext_lazy("File scans"),
    "job_log": gettext_lazy("Job log"),
    "entitlements": gettext_lazy("Who can submit"),
    "completeness": gettext_lazy("Completeness of the job log"),
    "findings": gettext_lazy("Findings"),
    "risks": gettext_lazy("Risks"),
    "remediation": gettext_lazy("Remediation"),
    "closings": gettext_lazy("Closings"),
    "waivers": gettext_lazy("Waivers of scanner rules"),
    "mappings": gettext_lazy("Mappings"),
    "suppliers": gettext_lazy("Third parties"),
    "pre_audit": gettext_lazy("Checks before the audit"),
    "figure_rules": gettext_lazy("How figures are computed"),
}
_CHANGES = {
    Change.ADDED: gettext_lazy("added"),
    Change.REMOVED: gettext_lazy("removed"),
    Change.CHANGED: gettext_lazy("changed"),
}
_TOLD = {
    Told.ONLY_BEFORE: gettext_lazy("Only the earlier freeze holds this part."),
    Told.ONLY_AFTER: gettext_lazy("Only the later freeze holds this part; the earlier one was made by a version that did not."),
    Told.UNKNOWN_ALIKE: gettext_lazy("This version does not know this part. It is the same in both."),
    Told.UNKNOWN_DIFFERENT: gettext_lazy("This version does not know this part, and it differs: compare the documents."),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One line: a record that came or went, or one field that changed. before and after are "" for what is absent."""

    change: str
    record: str
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """One section in words. rows: the first SHOWN_RECORDS; note: why it could not be compared, or ""."""

    name: str
    title: str
    section: SectionChanges
    note: str
    rows: tuple[ChangeRow, ...]
    more: int


def title_of(name: str) -> str:
    """The section in words; one that is unknown by its own name."""
    return str(_TITLES.get(name, name))


def candidates(assessment: Assessment, asker: Asker) -> QuerySet[Assessment]:
    """Other frozen assessments of the same AI system, the latest freeze first."""
    rows = Assessment.objects.filter(system=assessment.system_id, state=AssessmentState.FROZEN).exclude(
        pk=assessment.pk
    )
    return visible(rows, asker).select_related("freeze", "technique").order_by("-freeze__created_at", "-pk")


def previous(assessment: Assessment, rows: QuerySet[Assessment]) -> Assessment | None:
    """The one that was frozen last before this one, on the same technique where there is one."""
    before = rows.filter(freeze__created_at__lt=assessment.freeze.created_at)
    return before.filter(technique=assessment.technique_id).first() or before.first()


def section_rows(section: SectionChanges) -> Iterator[ChangeRow]:
    """Every line of a section."""
    for record in section.records:
        words = str(_CHANGES[record.change])
        name = record.title or title_of(record.key)
        if not record.fields:
            yield ChangeRow(change=words, record=name, path="", before="", after="")
        for field in record.fields:
            yield ChangeRow(
                change=words, record=name, path=_path(field.path), before=field.before or "", after=field.after or ""
            )


def _path(path: str) -> str:
    """ "answer.statement" -> "answer, statement"."""
    return path.replace("_", " ").replace(".", ", ")


def note_of(section: SectionChanges) -> str:
    """Why a section could not be compared, in words; "" where it was."""
    return str(_TOLD[section.told]) if section.told in _TOLD else ""


def views(comparison: Comparison) -> tuple[SectionView, ...]:
    """Sections that differ, or of which nothing can be told."""
    found = []
    for section in comparison.sections:
        note = note_of(section)
        if not section.differs and not note:
            continue
        rows = tuple(section_rows(section))
        found.append(
            SectionView(
                name=section.name,
                title=title_of(section.name),
                section=section,
                note=note,
                rows=rows[:SHOWN_RECORDS],
                more=max(0, len(rows) - SHOWN_RECORDS),
            )
        )
    return tuple(found)


def alike(comparison: Comparison) -> tuple[str, ...]:
    """Sections that are the same in both, in words."""
    return tuple(
        title_of(section.name)
        for section in comparison.sections
        if section.told is Told.COMPARED and not section.records
    )


def summary(comparison: Comparison) -> str:
    """The comparison in one sentence."""
    if not comparison.differs:
        return _("Nothing differs between these two freezes but when and by whom they were made.")
    names = [title_of(section.name) for section in comparison.sections if section.differs]
    return _("These parts differ: %s.") % "; ".join(names)
