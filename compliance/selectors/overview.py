"""The overview: one line per AI system, and the most urgent thing as a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import AISystem, Answer, Assessment, Finding, ModelVersion, RemediationItem, Technique
from compliance.rights import Asker, sees_all, visible
from compliance.selectors.coverage import kept_states, subtechniques_of
from compliance.selectors.day_words import day_words
from compliance.selectors.file_checks import bad_checks
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.selectors.question_facts import kept_facts
from compliance.selectors.waiting_decisions import Waiting, waiting_for
from compliance.types.risk_transitions import DEVIATING
from compliance.types.states import AnswerState, AssessmentState, RemediationState
from compliance.types.verdicts import Conclusion, CoverageState

TECHNIQUE = "AML.T0018"
_WORST_FIRST = (
    CoverageState.FINDING,
    CoverageState.FAILED,
    CoverageState.NOT_COVERED,
    CoverageState.STALE,
    CoverageState.COVERED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """The state of one sub-technique over all model versions of a system, with the counts behind it."""

    technique_id: str
    technique_name: str
    state: CoverageState
    counts: dict[CoverageState, int]

    @property
    def note(self) -> str:
        """Counts in words: what was never tested is named as loudly as what was."""
        total = sum(self.counts.values())
        if not total:
            return _("no model registered")
        concluded = self.counts.get(CoverageState.COVERED, 0) + self.counts.get(CoverageState.FINDING, 0)
        return _("%(done)d of %(all)d tested") % {"done": concluded, "all": total}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLine:
    """One AI system on the overview."""

    system: AISystem
    postures: tuple[Posture, ...]
    assessment: Assessment | None
    answers: tuple[Answer, ...]
    contradicted: frozenset[int]
    open_findings: int
    days_to_audit: int | None

    @property
    def approved(self) -> int:
        """Approved answers."""
        return sum(answer.state == AnswerState.APPROVED for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """One thing that needs somebody, as a sentence with a link. Lower rank is more urgent."""

    rank: int
    sentence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole page."""

    lines: tuple[SystemLine, ...]
    urgent: tuple[Urgent, ...] = field(default=())
    waiting: tuple[Waiting, ...] = field(default=())


def _postures(rows: list[tuple[CoverageState, ...]], subtechniques: list[Technique]) -> tuple[Posture, ...]:
    listed = []
    for position, sub in enumerate(subtechniques):
        counts = Counter(cells[position] for cells in rows)
        worst = next((state for state in _WORST_FIRST if counts.get(state)), CoverageState.NOT_COVERED)
        listed.append(Posture(technique_id=sub.atlas_id, technique_name=sub.name, state=worst, counts=dict(counts)))
    return tuple(listed)


def _current_assessments(systems: QuerySet[AISystem], user: Asker) -> dict[int, Assessment]:
    answers = Answer.objects.select_related("question", "assessment__technique", "assessment__system")
    seen = visible(Assessment.objects.filter(system__in=systems), user)
    newest = seen.filter(system=OuterRef("pk")).order_by("-created_at", "-pk").values("pk")[:1]
    keys = systems.annotate(newest=Subquery(newest)).values_list("newest", flat=True)
    rows = (
        Assessment.objects.filter(pk__in=[key for key in keys if key is not None])
        .select_related("technique", "system")
        .prefetch_related(Prefetch("answers", queryset=answers.order_by("question__number")))
    )
    return {row.system_id: row for row in rows}


def _line(
    system: AISystem, assessment: Assessment | None, postures: tuple[Posture, ...], open_findings: int, mark: str
) -> SystemLine:
    answers = tuple(assessment.answers.all()) if assessment else ()
    contradicted = frozenset(
        answer.question.number for answer in answers if answer.value and kept_facts(answer, mark=mark).contradictions
    )
    audit = assessment.audit_date if assessment else None
    return SystemLine(
        system=system,
        postures=postures,
        assessment=assessment,
        answers=answers,
        contradicted=contradicted,
        open_findings=open_findings,
        days_to_audit=(audit - timezone.localdate()).days if audit else None,
    )


def _about_line(line: SystemLine) -> list[Urgent]:
    found = []
    assessment = line.assessment
    if assessment is not None:
        for number in sorted(line.contradicted):
            url = reverse("question-detail", args=[assessment.uuid, number])
            sentence = _("The answer to question %(n)d of “%(title)s” is contradicted by the record.")
            found.append(Urgent(rank=1, sentence=sentence % {"n": number, "title": assessment.title}, url=url))
        waiting = sum(answer.state == AnswerState.SUBMITTED for answer in line.answers)
        if waiting:
            text = ngettext(
                "%(n)d answer of “%(title)s” waits for a reviewer.",
                "%(n)d answers of “%(title)s” wait for a reviewer.",
                waiting,
            )
            url = reverse("assessment-detail", args=[assessment.uuid])
            found.append(Urgent(rank=3, sentence=text % {"n": waiting, "title": assessment.title}, url=url))
        open_answers = len(line.answers) - line.approved - waiting
        if open_answers and assessment.state != AssessmentState.FROZEN:
            text = ngettext(
                "%(n)d question of “%(title)s” still has to be answered.",
                "%(n)d questions of “%(title)s” still have to be answered.",
                open_answers,
            )
            url = reverse("assessment-detail", args=[assessment.uuid])
            found.append(Urgent(rank=4, sentence=text % {"n": open_answers, "title": assessment.title}, url=url))
    untested = [p for p in line.postures if p.counts and p.state is CoverageState.NOT_COVERED]
    if untested:
        names = ", ".join(p.technique_id for p in untested)
        sentence = _("%(system)s has model versions never tested against %(names)s.")
        found.append(
            Urgent(rank=5, sentence=sentence % {"system": line.system.name, "names": names}, url=reverse("model-list"))
        )
    return found


def _open_findings_without_work(systems: QuerySet[AISystem], user: Asker) -> list[Urgent]:
    rows = visible(Finding.objects.filter(system__in=systems, state=Conclusion.NOT_SATISFIED), user)
    today = timezone.localdate()
    lived_with = Q(waived_until__gte=today) | Q(risk__state__in=sorted(DEVIATING), risk__accepted_until__gte=today)
    unworked = (
        rows.exclude(risk__items__isnull=False).exclude(lived_with).order_by("severity_rank", "first_seen_at", "pk")[:3]
    )
    sentence = _("Nobody works on the finding “%(title)s” (%(asset)s) yet.")
    return [
        Urgent(
            rank=0,
            sentence=sentence % {"title": finding.title, "asset": finding.asset_name},
            url=reverse("finding-detail", args=[finding.uuid]),
        )
        for finding in unworked
    ]


def _late_work(systems: QuerySet[AISystem], user: Asker, today: date) -> list[Urgent]:
    rows = visible(RemediationItem.objects.filter(system__in=systems, due_on__lt=today), user)
    late = rows.exclude(state=RemediationState.CLOSED).select_related("owner").order_by("due_on")[:3]
    sentence = _("“%(title)s” was due on %(due)s; %(owner)s owns it.")
    return [
        Urgent(
            rank=2,
            sentence=sentence % {"title": item.title, "due": day_words(item.due_on), "owner": item.owner.name},
            url=reverse("remediation-item", args=[item.uuid]),
        )
        for item in late
    ]


def _altered_files(user: Asker) -> list[Urgent]:
    """Stored files that are not what the record says of them come before everything else."""
    wrong = bad_checks().count() if sees_all(user) else 0
    if not wrong:
        return []
    text = ngettext(
        "%(n)d stored file is not what the record says of it.",
        "%(n)d stored files are not what the record says of them.",
        wrong,
    )
    return [Urgent(rank=-1, sentence=text % {"n": wrong}, url=reverse("rehash-list"))]


def overview(user: Asker) -> Overview:
    """The overview of everything the asker may see."""
    systems = visible(AISystem.objects.all(), user)
    technique = Technique.objects.filter(atlas_id=TECHNIQUE).first()
    if technique is None:
        return Overview(lines=())
    mark = record_mark()
    states = kept_states(technique, mark=mark)
    by_system: dict[int, list[tuple[CoverageState, ...]]] = {}
    versions = visible(ModelVersion.objects.filter(model__system__in=systems), user).order_by()
    for key, system in versions.values_list("pk", "model__system"):
        if key in states:
            by_system.setdefault(system, []).append(states[key])
    standing = visible(Finding.objects.filter(system__in=systems, state=Conclusion.NOT_SATISFIED), user).order_by()
    findings = kept(
        f"open-findings|{seen_by(user)}",
        lambda: dict(standing.values_list("system").annotate(count=Count("*"))),
        mark=mark,
    )
    assessments = _current_assessments(systems, user)
    subtechniques = subtechniques_of(technique)
    lines = tuple(
        _line(
            system,
            assessments.get(system.pk),
            _postures(by_system.get(system.pk, []), subtechniques),
            findings.get(system.pk, 0),
            mark,
        )
        for system in systems
    )
    urgent = [entry for line in lines for entry in _about_line(line)]
    urgent += kept(f"unworked|{seen_by(user)}", lambda: _open_findings_without_work(systems, user), mark=mark)
    urgent += _altered_files(user)
    urgent += _late_work(systems, user, timezone.localdate())
    return Overview(
        lines=lines,
        urgent=tuple(sorted(urgent, key=lambda entry: entry.rank)),
        waiting=tuple(waiting_for(user)),
    )
