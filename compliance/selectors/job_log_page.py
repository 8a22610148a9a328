"""The job log as its list shows it, and one event with the way from the question to its raw record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from compliance.models import (
    AISystem,
    EvidenceLink,
    JobBinding,
    JobEvent,
    LedgerEvent,
    LedgerPosition,
    Observation,
    ReferenceControl,
)
from compliance.rights import Asker, visible
from compliance.selectors.check_page import exceptions_on
from compliance.selectors.handling import may_have
from compliance.selectors.submitted_jobs import WENT_THROUGH, jobs_in
from compliance.selectors.unmatched_page import bindings_of_event
from compliance.selectors.verified_data import jobs_with_data
from compliance.types.erased_names import in_words

IN_BRIEF = 20
# Marks that turn the direction of text around could make a record read as what it is not; shown by their number.
_DIRECTION_MARKS = {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLogFilter:
    """What the list is asked for; empty means any. Days are UTC, both included. named: "yes", "no" or any;
    data: a key of verified_data.WORDS, for the submissions of `system` whose data was verified so."""

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
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLogFigures:
    """What the rows of the list cover. jobs: those submitted, each counted once; submissions: the rows that tell of them."""

    events: int
    jobs: int
    submissions: int
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
    found = rows.filter(_about(asked), _named(asked), _within(asked), **chosen)
    return _of_data(found, asked) if asked.data else found


def _of_data(rows: QuerySet[JobEvent], asked: JobLogFilter) -> QuerySet[JobEvent]:
    system = AISystem.objects.filter(uuid=asked.system).first() if asked.system else None
    return jobs_with_data(rows, system=system.pk, state=asked.data) if system else rows.none()


def job_log_figures(rows: QuerySet[JobEvent]) -> JobLogFigures:
    """One query over the rows of a list."""
    by_id, without_id = jobs_in()
    found = rows.order_by().aggregate(
        events=Count("pk"),
        by_id=by_id,
        without_id=without_id,
        submissions=Count("pk", filter=WENT_THROUGH),
        documents=Count("evidence", distinct=True),
        accounts=Count("account", distinct=True, filter=~Q(account="")),
        regions=Count("region", distinct=True, filter=~Q(region="")),
        unnamed=Count("pk", filter=Q(actor__isnull=True)),
        oldest=Min("occurred_at"),
        newest=Max("occurred_at"),
    )
    return JobLogFigures(jobs=found.pop("by_id") + found.pop("without_id"), **found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an event in normal form. origin: place in the record that it was taken from, "" where that is not noted."""

    label: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a job, with its place in the record."""

    role: str
    uri: str
    digest: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One way from controls over a question to the document that the event was read from."""

    link: EvidenceLink
    controls: tuple[ReferenceControl, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEventPage:
    """Everything on an event's page. raw: the record as JSON text, secrets removed on import; "" where somebody was erased whom
    it may name."""

    fields: tuple[Field, ...]
    inputs: tuple[Input, ...]
    not_given: tuple[str, ...]
    removed: tuple[str, ...]
    raw: str
    import_event: LedgerEvent | None
    position: LedgerPosition | None
    uses: tuple[Use, ...]
    same_job: tuple[JobEvent, ...]
    same_job_count: int
    bindings: tuple[JobBinding, ...]
    exceptions: tuple[Observation, ...]


_SHOWN = (
    ("source", _("Source")),
    ("source_event_id", _("The source's id")),
    ("action", _("Operation")),
    ("outcome_detail", _("Outcome in the source's words")),
    ("session", _("Session")),
    ("on_behalf_of", _("On behalf of")),
    ("role", _("Role used")),
    ("execution_role", _("Runs as")),
    ("source_address", _("Source address")),
    ("account", _("Account")),
    ("region", _("Region")),
    ("job_id", _("Job")),
    ("job_name", _("Job name")),
    ("base_model", _("Base model")),
    ("output_uri", _("Output")),
    ("output_model", _("Output model")),
)


def _fields(event: JobEvent) -> tuple[Field, ...]:
    return tuple(
        Field(label=str(label), value=in_words(getattr(event, name)), origin=event.origins.get(name, ""))
        for name, label in _SHOWN
    )


def _inputs(event: JobEvent) -> tuple[Input, ...]:
    return tuple(
        Input(role=entry["role"], uri=entry["uri"], digest=entry["digest"], origin=event.origins.get(f"inputs/{n}", ""))
        for n, entry in enumerate(event.inputs)
    )


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
    same = visible(JobEvent.objects.filter(system=event.system_id, job_key=event.job_key), user).exclude(pk=event.pk)
    same = same if event.job_key else same.none()
    is_hidden = event.is_purged or event.names_somebody_erased or not may_have(user, event.evidence)
    return JobEventPage(
        fields=_fields(event),
        inputs=_inputs(event),
        not_given=_labels(event.unknown_fields),
        removed=tuple(event.redacted_fields),
        raw="" if is_hidden else inert(event.raw),
        import_event=published,
        position=getattr(published, "place", None) if published else None,
        uses=_uses(event, user),
        same_job=tuple(same.select_related("actor").order_by("occurred_at", "pk")[:IN_BRIEF]),
        same_job_count=same.count(),
        bindings=tuple(bindings_of_event(event, user)),
        exceptions=exceptions_on(event, user),
    )
