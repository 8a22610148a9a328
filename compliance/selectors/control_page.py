"""Own controls: the list, and one control with its versions, tests, findings and evidence. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import (
    ControlRequirement,
    ControlVersion,
    EvidenceLink,
    Finding,
    ImplementedControl,
    MappingPair,
)
from compliance.rights import Asker, visible
from compliance.selectors.kept import kept_of, record_mark
from compliance.types.controls import ControlBasis, ControlNature, ControlType
from compliance.types.drafts import JSON
from compliance.types.states import MappingState
from compliance.types.verdicts import Conclusion

ROWS = ImplementedControl.objects.select_related("system", "owner").prefetch_related(
    "references",
    Prefetch("requirements", queryset=ControlRequirement.objects.select_related("framework")),
)
MOST_TESTS = 50
_WORDS = {"basis": ControlBasis, "nature": ControlNature, "control_type": ControlType}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFilter:
    """What the list is asked for; empty means any. state: "retired", or any other word for those in force."""

    text: str = ""
    system: UUID | None = None
    nature: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One term that a version changed. field: the name of the term; before, after: as text, "" where nothing was said."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One version, and what it changed in the one before; the first changed nothing."""

    version: ControlVersion
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestLine:
    """A finding on one of the reference controls: what the tests concluded, and the newest observation behind it."""

    finding: Finding
    observations: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPage:
    """Everything on the page of one control. tests: the latest of `tested` findings, open ones first; pairs: approved
    mappings of its reference controls."""

    versions: tuple[VersionLine, ...]
    tests: tuple[TestLine, ...]
    tested: int
    open_findings: int
    links: tuple[EvidenceLink, ...]
    pairs: tuple[MappingPair, ...]
    drafts: int


def control_list(rows: QuerySet[ImplementedControl], asked: ControlFilter) -> QuerySet[ImplementedControl]:
    """Controls as filtered, each with the number of its open findings and of its evidence."""
    rows = rows.filter(retired_on__isnull=asked.state != "retired")
    if asked.system:
        rows = rows.filter(system__uuid=asked.system)
    if asked.nature:
        rows = rows.filter(nature=asked.nature)
    if asked.text:
        rows = rows.filter(
            Q(control_id__icontains=asked.text)
            | Q(title__icontains=asked.text)
            | Q(statement__icontains=asked.text)
            | Q(performer__icontains=asked.text)
        )
    return rows.annotate(
        open_findings=_count(
            Finding.objects.filter(
                system=OuterRef("system"), target__implementations=OuterRef("pk"), state=Conclusion.NOT_SATISFIED
            ),
            "target__implementations",
        ),
        evidence_count=_count(EvidenceLink.objects.filter(control=OuterRef("pk")), "control"),
    ).order_by("system__name", "control_id", "pk")


def _count(rows: QuerySet[Finding] | QuerySet[EvidenceLink], group: str) -> Coalesce:
    counted = rows.order_by().values(group).annotate(n=Count("*")).values("n")
    return Coalesce(Subquery(counted), 0)


def control_page(control: ImplementedControl, user: Asker) -> ControlPage:
    """The page of one control; findings and evidence as far as the asker sees them."""
    references = [one.pk for one in control.references.all()]
    pairs = MappingPair.objects.filter(control__in=references)
    links = EvidenceLink.objects.filter(control=control).select_related("evidence", "linked_by")
    found = visible(Finding.objects.filter(system=control.system_id, target__in=references), user)
    by_state = found.order_by().values_list("state").annotate(n=Count("*"))
    counted = kept_of("findings by state", found, user, lambda: dict(by_state), mark=record_mark())
    return ControlPage(
        versions=version_lines(control),
        tests=test_lines(found),
        tested=sum(counted.values()),
        open_findings=counted.get(Conclusion.NOT_SATISFIED, 0),
        links=tuple(visible(links, user)),
        pairs=tuple(
            pairs.filter(state=MappingState.APPROVED)
            .select_related("framework", "control")
            .order_by("framework__title", "requirement_id", "control__control_id")
        ),
        drafts=pairs.filter(state=MappingState.DRAFT).count(),
    )


def test_lines(found: QuerySet[Finding]) -> tuple[TestLine, ...]:
    """What was concluded on the reference controls of a control: the latest, open findings first."""
    latest = found.select_related("target").order_by("-last_seen_at", "-pk")
    rows = list(latest.filter(state=Conclusion.NOT_SATISFIED)[:MOST_TESTS])
    if len(rows) < MOST_TESTS:
        rows += latest.exclude(state=Conclusion.NOT_SATISFIED)[: MOST_TESTS - len(rows)]
    seen = Finding.objects.filter(pk__in=[row.pk for row in rows])
    behind = {
        pk: (observations, newest)
        for pk, observations, newest in seen.order_by()
        .annotate(seen=Count("observations"), newest=Max("observations__observed_at"))
        .values_list("pk", "seen", "newest")
    }
    return tuple(
        TestLine(finding=row, observations=behind[row.pk][0], last_at=behind[row.pk][1] or row.last_seen_at)
        for row in rows
    )


def version_lines(control: ImplementedControl) -> tuple[VersionLine, ...]:
    """Versions, the newest first, each with what it changed."""
    versions = list(control.versions.select_related("made_by", "owner").order_by("-version"))
    before = [*versions[1:], None]
    return tuple(
        VersionLine(version=version, differences=differences(_said(old), _said(version)) if old else ())
        for version, old in zip(versions, before, strict=True)
    )


def _said(version: ControlVersion) -> JSON:
    return {**version.terms, "owner": version.owner.name}


def differences(before: JSON, after: JSON) -> tuple[Difference, ...]:
    """The terms on which two versions differ, in the order of the newer one."""
    return tuple(
        Difference(field=name, before=shown(name, before.get(name)), after=shown(name, value))
        for name, value in after.items()
        if value != before.get(name)
    )


def shown(name: str, value: object) -> str:
    """A term as people read it."""
    if name in _WORDS and value:
        return str(label(_WORDS[name](str(value))))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)
