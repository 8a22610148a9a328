"""What checks take, and how one says what it found.

A check looks at each member of its population and says of it: an exception, undecided, or neither. A check whose input is not
there says `inconclusive`, one that has nothing to look at `not_applicable`: neither is ever a pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta

from compliance.types.checks import CheckRule
from compliance.types.drafts import JSON
from compliance.types.job_identity import INVENTORIES
from compliance.types.states import ActionClass, ModelOrigin, Outcome, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted. key: stable id of the principal on record; names: whatever it may be listed under, casefolded."""

    key: str
    display: str
    kind: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When a model version was looked at, and to which verdict."""

    at: datetime
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model version. scans: looks at it that reached a verdict; signatures: checked signatures over it."""

    name: str
    digest: str
    origin: ModelOrigin
    scans: tuple[Sighting, ...] = ()
    signatures: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """When a data set was compared with its manifest, and whether it was as the manifest says."""

    at: datetime
    matches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A registered data-set version."""

    name: str
    digest: str
    verifications: tuple[Verified, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model as an event names it, and the version that it is bound to. none_of_ours: a person said so."""

    name: str
    digest: str
    model: Model | None
    none_of_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedData:
    """A data set as an event names it, and the version that it is bound to."""

    name: str
    digest: str
    data: DataSet | None
    none_of_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the period. bases, data, outputs: what it names, and what these are bound to; job_key: see
    compliance.types.job_identity; told_elsewhere: of an inventory, and a log on record tells of its job."""

    uuid: str
    raw_sha256: str
    at: datetime
    source: str
    account: str
    action_class: ActionClass
    outcome: Outcome
    job_id: str
    job_name: str
    actor: Actor | None
    job_key: str = ""
    told_elsewhere: bool = False
    session: str = ""
    on_behalf_of: str = ""
    role: str = ""
    address: str = ""
    bases: tuple[NamedModel, ...] = ()
    data: tuple[NamedData, ...] = ()
    outputs: tuple[NamedModel, ...] = ()

    @property
    def title(self) -> str:
        """The job in a sentence."""
        return self.job_name or self.job_id or "a job without a name"

    @property
    def acted_as(self) -> frozenset[str]:
        """Everything under which whoever acted may stand in a list or document: the principal, its names, the role used."""
        names = {self.actor.key, *self.actor.names} if self.actor else set()
        return frozenset(names | ({self.role.casefold()} if self.role else set()))

    @property
    def is_submission(self) -> bool:
        """Whether a job was submitted by it, as far as the source says."""
        return self.action_class is ActionClass.SUBMIT and self.outcome is Outcome.SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That somebody approved a job. event: uuid of the event that says so, "" for one that a person recorded."""

    job: str
    approver: Actor | None
    at: datetime
    dataset_digest: str
    base_digest: str
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When jobs may be submitted. days: 0 is Monday; the zone is an IANA name."""

    days: frozenset[int]
    opens: time
    closes: time
    time_zone: str
    effective_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """A principal of the reading that speaks for the period."""

    actor: Actor
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What documents of one source cover, as far as they say. until: the last moment that one of them can speak of."""

    source: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks of one system and period look at. Events are in the order of their time.

    approved: names on the approved list, casefolded, None where there is none; windows: the latest first; silences: source ->
    longest silence that is expected; can_now: who can submit by the reading of the period, None where there is none;
    ever_entitled: keys and casefolded names of everybody in any reading; scopes_read: accounts with a document.
    """

    start: datetime
    end: datetime
    events: tuple[Event, ...]
    approved: frozenset[str] | None = None
    approvals: tuple[Approval, ...] = ()
    windows: tuple[Window, ...] = ()
    silences: Mapping[str, timedelta] = field(default_factory=dict)
    coverage: tuple[Coverage, ...] = ()
    can_now: tuple[Entitled, ...] | None = None
    ever_entitled: frozenset[str] = frozenset()
    scopes_read: frozenset[str] = frozenset()

    submissions: tuple[Event, ...] = field(init=False)
    """Jobs that were submitted in the period, once for each submitter: as the record of the act tells it, with the data and
    models that any record of the same job names."""

    def __post_init__(self) -> None:
        by_job: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.is_submission:
                by_job[event.job_key or event.uuid].append(event)
        acts = (act for records in by_job.values() for act in _acts(records))
        object.__setattr__(self, "submissions", tuple(sorted(acts, key=lambda one: (one.at, one.uuid))))


def _acts(records: list[Event]) -> list[Event]:
    """The acts among the records of one job, in the order of their time: the first by each submitter, of a log if one tells of
    the job at all."""
    logged = [event for event in records if event.source not in INVENTORIES]
    if not logged and any(event.told_elsewhere for event in records):
        return []
    told = logged or records
    by_actor: dict[str, Event] = {}
    for event in told:
        if event.actor:
            by_actor.setdefault(event.actor.key, event)
    acts = list(by_actor.values()) or told[:1]
    return acts if len(records) == 1 else [_with_materials(act, records) for act in acts]


def _with_materials(act: Event, records: list[Event]) -> Event:
    ordered = [act, *(event for event in records if event is not act)]
    return replace(
        act,
        bases=tuple(dict.fromkeys(one for event in ordered for one in event.bases)),
        data=tuple(dict.fromkeys(one for event in ordered for one in event.data)),
        outputs=tuple(dict.fromkeys(one for event in ordered for one in event.outputs)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One member of a population that is an exception, or of which nothing can be said.

    key: what makes it the same case in every run; event: None where it is about something else; member: the member of the
    population, where that is neither the event nor the key.
    """

    key: str
    subject: str
    sentence: str
    at: datetime | None
    event: Event | None = None
    member: str = ""
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What a check found. population: how many it looked at; lacks: the input that is not there, in a sentence, else "";
    none_left: that of those who were there before none is, in a sentence, else ""."""

    rule: CheckRule
    unit: str
    population: int
    exceptions: tuple[Case, ...] = ()
    undecided: tuple[Case, ...] = ()
    lacks: str = ""
    not_stated: str = ""
    none_left: str = ""
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWords:
    """A rule for people. title: what an exception is; looks_at: what it compares with what."""

    title: str
    looks_at: str
    severity: Severity


def case_of(event: Event, sentence: str, *, key: str = "", facts: JSON | None = None) -> Case:
    """An event as a case."""
    return Case(
        key=f"{event.uuid}{key}", subject=event.title, sentence=sentence, at=event.at, event=event, facts=facts or {}
    )


def who(event: Event) -> str:
    """The submitter in a sentence."""
    return event.actor.display if event.actor else "somebody whom the source does not name"
