"""Findings as their list shows them, and one finding told as a story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.models import (
    Answer,
    Closing,
    EvidenceLink,
    Finding,
    Observation,
    RemediationItem,
    SlaClock,
    TechniqueSection,
)
from compliance.rights import Asker, visible
from compliance.selectors.clock_months import broken, kept, within
from compliance.selectors.overview import TECHNIQUE
from compliance.selectors.sources import Source, sources
from compliance.selectors.stage_document import ClassRow, class_rows, drawing, figures, stage, title_of
from compliance.selectors.story import Story, story
from compliance.selectors.time_limits import findings_by_limit, this_minute
from compliance.types import freeze_scans as doc
from compliance.types.days import end_of, start_of
from compliance.types.finding_ages import AGES
from compliance.types.risk_life import Sighting
from compliance.types.risk_priority import Priority
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion, StageVerdict

REMEDIATION_SECTION = "remediation"
MOST_OBSERVATIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """What the list is asked for; empty means any. waived: "no" leaves out what a waiver sets aside today, "yes" the rest."""

    text: str = ""
    state: str = ""
    severity: str = ""
    priority: str = ""
    sighting: str = ""
    waived: str = ""
    model: UUID | None = None
    system: UUID | None = None
    age: str = ""
    seen_from: date | None = None
    seen_to: date | None = None
    today: date | None = None
    limit: str = ""
    kept_in: date | None = None
    broken_in: date | None = None
    fixed_once: bool = False
    came_back: bool = False


def first_seen(age: str, today: date) -> Q:
    """Findings first seen so many days ago; `age` is a key of compliance.types.finding_ages."""
    least, below = AGES[age]
    latest = Q(first_seen_at__lt=start_of(today - timedelta(days=least - 1)))
    return latest if below is None else latest & Q(first_seen_at__gte=start_of(today - timedelta(days=below - 1)))


def fixed_once() -> Q:
    """Findings that a test no longer reproduced, at least for a time."""
    return Q(state=Conclusion.SATISFIED, sighting=Sighting.FIXED) | Q(reappearances__gt=0)


def finding_list(rows: QuerySet[Finding], asked: FindingFilter) -> QuerySet[Finding]:
    """The list as filtered, the most severe first."""
    if asked.text:
        words = Q(title__icontains=asked.text) | Q(asset_name__icontains=asked.text)
        rows = rows.filter(words | Q(condition__icontains=asked.text) | Q(target__control_id__iexact=asked.text))
    if asked.age and asked.today:
        rows = rows.filter(first_seen(asked.age, asked.today))
    if asked.seen_from:
        rows = rows.filter(first_seen_at__gte=start_of(asked.seen_from))
    if asked.seen_to:
        rows = rows.filter(first_seen_at__lt=end_of(asked.seen_to))
    if asked.limit:
        rows = findings_by_limit(rows, SlaState(asked.limit), this_minute())
    if asked.fixed_once:
        rows = rows.filter(fixed_once())
    if asked.came_back:
        rows = rows.filter(reappearances__gt=0)
    if asked.kept_in:
        rows = rows.filter(pk__in=SlaClock.objects.filter(kept(), within("ended_at", asked.kept_in)).values("finding"))
    if asked.broken_in:
        ran_out = SlaClock.objects.filter(broken(this_minute()), within("due_at", asked.broken_in))
        rows = rows.filter(pk__in=ran_out.values("finding"))
    if asked.priority:
        rows = rows.filter(priority_rank=list(Priority).index(Priority(asked.priority)))
    if asked.waived in {"no", "yes"}:
        aside = Q(waived_until__gte=timezone.localdate())
        rows = rows.filter(aside) if asked.waived == "yes" else rows.exclude(aside)
    exact = {
        "state": asked.state,
        "severity": asked.severity,
        "sighting": asked.sighting,
        "model_version__uuid": asked.model,
        "system__uuid": asked.system,
    }
    chosen = {field: value for field, value in exact.items() if value}
    return rows.filter(**chosen).order_by("severity_rank", "-last_seen_at", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One observation behind a finding, with the scan or import that made it."""

    observation: Observation
    source: Source | None
    figures: tuple[doc.Figure, ...]

    @property
    def kind(self) -> str:
        """Vocabulary of the verdict."""
        return "stage" if self.observation.verdict in set(StageVerdict) else "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """What a detection stage left to look at. ranked: its classes, the most suspicious first; reference: smallest norm of
    a reference model in an older report, None without any."""

    stage: doc.Stage
    ranked: tuple[ClassRow, ...]
    reference: float | None

    @property
    def drawing(self) -> str:
        """What there is to draw of its classes."""
        return drawing(self.stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPage:
    """Everything on a finding's page."""

    seen: tuple[Seen, ...]
    seen_count: int
    demonstration: Demonstration | None
    items: tuple[RemediationItem, ...]
    answers: tuple[Answer, ...]
    links: tuple[EvidenceLink, ...]
    story: Story
    playbook: TechniqueSection | None

    @property
    def open_items(self) -> tuple[RemediationItem, ...]:
        """Work that is not closed."""
        return tuple(item for item in self.items if item.state != RemediationState.CLOSED)


def _figures(observation: Observation) -> tuple[doc.Figure, ...]:
    facts: dict[str, Any] = observation.facts.get("issue") or {}
    return tuple(figures(facts))


def _seen(rows: QuerySet[Observation], user: Asker) -> tuple[Seen, ...]:
    observations = list(rows.select_related("evidence")[:MOST_OBSERVATIONS])
    known = sources([observation.source_uuid for observation in observations], user)
    return tuple(
        Seen(observation=row, source=known.get(row.source_uuid), figures=_figures(row)) for row in observations
    )


def demonstration(observation: Observation | None) -> Demonstration | None:
    """The stage that an observation carries, ready to be drawn; None where it carries none."""
    report = observation.facts.get("stage") if observation else None
    if observation is None or not report:
        return None
    shown = stage(report, title=title_of(observation.title))
    reference = min(shown["reference_norms"], default=None)
    return Demonstration(stage=shown, ranked=tuple(class_rows(shown)), reference=reference)


def playbook(finding: Finding) -> TechniqueSection | None:
    """What to do about a finding of this technique: of its sub-technique if there is such a section, else of the whole."""
    wanted = [*finding.techniques, TECHNIQUE]
    rows = TechniqueSection.objects.filter(key=REMEDIATION_SECTION, technique__atlas_id__in=wanted)
    by_technique = {row.technique.atlas_id: row for row in rows.select_related("technique")}
    return next((by_technique[atlas_id] for atlas_id in wanted if atlas_id in by_technique), None)


def finding_page(finding: Finding, user: Asker) -> FindingPage:
    """The page of one finding, as far as the asker may see."""
    observations = visible(Observation.objects.filter(findings=finding), user).order_by("-created_at", "-pk")
    seen = _seen(observations, user)
    items = tuple(
        visible(RemediationItem.objects.filter(risks__finding=finding), user)
        .select_related("owner")
        .prefetch_related("milestones")
        .distinct()
    )
    risk = getattr(finding, "risk", None)
    closings = visible(Closing.objects.filter(risks=risk), user).values_list("uuid", flat=True) if risk else ()
    subjects = [finding.uuid, *(item.uuid for item in items), *([risk.uuid] if risk else []), *closings]
    answers = visible(Answer.objects.filter(findings=finding), user).select_related("assessment", "question")
    links = visible(EvidenceLink.objects.filter(finding=finding), user).select_related("evidence", "linked_by")
    staged = next((line.observation for line in seen if "stage" in line.observation.facts), None)
    return FindingPage(
        seen=seen,
        seen_count=observations.count() if len(seen) == MOST_OBSERVATIONS else len(seen),
        demonstration=demonstration(staged),
        items=items,
        answers=tuple(answers),
        links=tuple(links),
        story=story(subjects, user),
        playbook=playbook(finding),
    )
