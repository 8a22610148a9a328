"""The job log as its list shows it, and one event with the way from the question to its raw record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils.translation import gettext as _

from compliance.models import EvidenceLink, JobEvent, LedgerEvent, LedgerPosition, ReferenceControl
from compliance.rights import Asker, visible

IN_BRIEF = 20
# Marks that turn the direction of text around could make a record read as what it is not; shown by their number.
_DIRECTION_MARKS = {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLogFilter:
    """What the list is asked for; empty means any. Days are UTC, both included. named: "yes", "no" or any."""

    text: str = ""
    who: str = ""
    named: str = ""
    act: str = ""
    outcome: str = ""
    account: str = ""
    start: date | None = None
    end: date | None = None
    evidence: UUID | None = None
    system: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLogFigures:
    """What the rows of the list cover."""

    events: int
    documents: int
    accounts: int
    regions: int
    unnamed: int
    oldest: datetime | None
    newest: datetime | None


def _about(asked: JobLogFilter) -> Q:
    condition = Q()
    if asked.text:
        fields = ("action", "job_name", "job_id", "base_model", "output_model")
        for field in fields:
            condition |= Q(**{f"{field}__icontains": asked.text})
    return condition


def _named(asked: JobLogFilter) -> Q:
    condition = Q()
    if asked.who:
        condition &= Q(actor__display__icontains=asked.who) | Q(actor__identifier__icontains=asked.who)
    if asked.named:
        condition &= Q(actor__isnull=asked.named == "no")
    return condition


def _within(asked: JobLogFilter) -> Q:
    condition = Q()
    if asked.start:
        condition &= Q(occurred_at__gte=datetime.combine(asked.start, time.min, UTC))
    if asked.end:
        condition &= Q(occurred_at__lt=datetime.combine(asked.end + timedelta(days=1), time.min, UTC))
    return condition


def job_log(rows: QuerySet[JobEvent], asked: JobLogFilter) -> QuerySet[JobEvent]:
    """The list as filtered."""
    exact = {
        "action_class": asked.act,
        "outcome": asked.outcome,
        "account": asked.account,
        "evidence__uuid": asked.evidence,
        "system__uuid": asked.system,
    }
    chosen = {field: value for field, value in exact.items() if value}
    return rows.filter(_about(asked), _named(asked), _within(asked), **chosen)


def job_log_figures(rows: QuerySet[JobEvent]) -> JobLogFigures:
    """One query over the rows of a list."""
    found = rows.order_by().aggregate(
        events=Count("pk"),
        documents=Count("evidence", distinct=True),
        accounts=Count("account", distinct=True, filter=~Q(account="")),
        regions=Count("region", distinct=True, filter=~Q(region="")),
        unnamed=Count("pk", filter=Q(actor__isnull=True)),
        oldest=Min("occurred_at"),
        newest=Max("occurred_at"),
    )
    return JobLogFigures(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One canonical field of an event: its value, or why there is none."""

    label: str
    value: str
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One way from controls over a question to the document that the event was read from."""

    link: EvidenceLink
    controls: tuple[ReferenceControl, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEventPage:
    """Everything on an event's page. raw: the record as JSON text, secrets removed on import."""

    fields: tuple[Field, ...]
    not_given: tuple[str, ...]
    removed: tuple[str, ...]
    raw: str
    import_event: LedgerEvent | None
    position: LedgerPosition | None
    uses: tuple[Use, ...]
    same_job: tuple[JobEvent, ...]
    same_job_count: int


def _fields(event: JobEvent) -> tuple[Field, ...]:
    given = (
        (_("Source"), event.source),
        (_("The source's id"), event.source_event_id),
        (_("Operation"), event.action),
        (_("Outcome in the source's words"), event.outcome_detail),
        (_("Session"), event.session),
        (_("On behalf of"), event.on_behalf_of),
        (_("Role used"), event.role),
        (_("Runs as"), event.execution_role),
        (_("Source address"), event.source_address),
        (_("Account"), event.account),
        (_("Region"), event.region),
        (_("Job"), event.job_id),
        (_("Job name"), event.job_name),
        (_("Base model"), event.base_model),
        (_("Output"), event.output_uri),
        (_("Output model"), event.output_model),
    )
    return tuple(Field(label=label, value=value) for label, value in given)


def _labels(names: list[str]) -> tuple[str, ...]:
    """Field names as the page says them; a name that is no field of an event stays as it is."""
    known = {field.name: str(field.verbose_name) for field in JobEvent._meta.concrete_fields}
    return tuple(known.get(name, name) for name in names)


def inert(record: object) -> str:
    """A JSON value as text to look at: indented, with marks of text direction made visible."""
    return json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True).translate(_DIRECTION_MARKS)


def _uses(event: JobEvent, user: Asker) -> tuple[Use, ...]:
    links = (
        visible(EvidenceLink.objects.filter(evidence=event.evidence_id, answer__isnull=False), user)
        .select_related("answer__assessment", "answer__question")
        .prefetch_related("answer__question__controls")
    )
    return tuple(
        Use(link=link, controls=tuple(link.answer.question.controls.all())) for link in links if link.answer is not None
    )


def job_event_page(event: JobEvent, user: Asker) -> JobEventPage:
    """The page of one event, as far as the asker may see."""
    published = (
        LedgerEvent.objects.filter(subject_uuid=event.source_uuid)
        .select_related("place__block")
        .order_by("-pk")
        .first()
    )
    same = visible(JobEvent.objects.filter(system=event.system_id, job_id=event.job_id), user).exclude(pk=event.pk)
    same = same if event.job_id else same.none()
    return JobEventPage(
        fields=_fields(event),
        not_given=_labels(event.unknown_fields),
        removed=tuple(event.redacted_fields),
        raw=inert(event.raw),
        import_event=published,
        position=getattr(published, "place", None) if published else None,
        uses=_uses(event, user),
        same_job=tuple(same.select_related("actor").order_by("occurred_at", "pk")[:IN_BRIEF]),
        same_job_count=same.count(),
    )
