"""Whether the job log and the platforms' own lists of jobs tell of the same jobs, matched both ways.

Matched by the job's id, else by its name in the same account and region at nearly the same time, else through the tuning or
AutoML job that started it, else, where the log names no job at all, by account and time alone. Never one job with two.
The figure: `families`, the counts of each kind of job; `not_logged`, what people state that nothing logs; `blind_spots`, what
no log of a source on record shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from compliance.types.completeness import CompletenessRow, Measured, Part, RowState
from compliance.types.drafts import JSON
from scanning.completeness.base import SHOWN, Facts, ListedJob, Listing, LoggedJob, clock, counted, latest, named
from scanning.completeness.blind_spots import BLIND_SPOTS
from scanning.completeness.listed_jobs import AZURE_ML, CUSTOMIZATION, OPENAI, TRAINING, listed, listings

NOT_LOGGED = "stated-not-logged"
SAME_TIME = timedelta(minutes=15)
MOMENT = timedelta(minutes=5)
LIMITS = (
    "A list holds what the platform showed to whoever fetched it; one that was filtered looks as if jobs were gone.",
    "Jobs of kinds of which no list is read here are not held against anything.",
)
_WAYS = ("id", "name", "parent", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of job. actions: of the log in lower case, by their end; sources: logs that tell of it; parents: actions that
    start jobs which have no submission of their own; names_jobs: whether the log's name is the job's."""

    kind: str
    platform: str
    actions: tuple[str, ...]
    sources: tuple[str, ...]
    parents: tuple[str, ...] = ()
    names_jobs: bool = True

    def is_submission(self, job: LoggedJob) -> bool:
        """Whether a logged job is of this kind."""
        return job.source in self.sources and job.action.casefold().endswith(self.actions)


FAMILIES = (
    Family(
        kind=TRAINING,
        platform="aws",
        actions=("sagemaker:createtrainingjob",),
        sources=("cloudtrail",),
        parents=("sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateAutoMLJob", "sagemaker:CreateAutoMLJobV2"),
    ),
    Family(
        kind=CUSTOMIZATION,
        platform="aws",
        actions=("bedrock:createmodelcustomizationjob",),
        sources=("cloudtrail",),
    ),
    Family(
        kind=AZURE_ML,
        platform="azure",
        actions=("/workspaces/jobs/write", ":jobsubmitted"),
        sources=("azure_activity", "azure_ml_runs"),
    ),
    Family(
        kind=OPENAI,
        platform="openai",
        actions=("",),
        sources=("azure_openai",),
        names_jobs=False,
    ),
)


def place_of(family: Family, job: LoggedJob) -> str:
    """What a list of this job's place is called; "" where the log does not say."""
    if family.platform == "aws":
        return f"{job.account}/{job.region}"
    return job.job_id.casefold().rpartition("/jobs/")[0]


def account_of(place: str) -> str:
    """The account or subscription that a place lies in, "" for a list that names none."""
    parts = place.split("/")
    return parts[2] if place.startswith("/subscriptions/") and len(parts) > 2 else parts[0]


# Matching -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Matches:
    """Which logged jobs and which listed jobs, by their place in the sequence, found each other, and by which way."""

    logged: dict[int, str] = field(default_factory=dict)
    listed: dict[int, str] = field(default_factory=dict)

    def add(self, logged: int | None, listed_: int, way: str) -> None:
        """Note a pair; the first way found stands."""
        if logged is not None:
            self.logged.setdefault(logged, way)
        self.listed.setdefault(listed_, way)


def _match(family: Family, logs: Sequence[LoggedJob], jobs: Sequence[ListedJob], parents: frozenset[str]) -> _Matches:
    found = _Matches()
    by_id = {job.job_id.casefold(): n for n, job in enumerate(jobs) if job.job_id}
    for n, entry in enumerate(logs):
        if entry.job_id and entry.job_id.casefold() in by_id:
            found.add(n, by_id[entry.job_id.casefold()], "id")
    if family.names_jobs:
        _match_names(logs, jobs, found)
    for n, job in enumerate(jobs):
        if n not in found.listed and job.parent and job.parent.casefold() in parents:
            found.add(None, n, "parent")
    if not family.names_jobs:
        _match_times(logs, jobs, found)
    return found


def _match_names(logs: Sequence[LoggedJob], jobs: Sequence[ListedJob], found: _Matches) -> None:
    by_name: dict[str, list[int]] = defaultdict(list)
    for n, job in enumerate(jobs):
        by_name[job.name.casefold()].append(n)
    for n, entry in enumerate(logs):
        if n in found.logged or not entry.name:
            continue
        alike = [k for k in by_name[entry.name.casefold()] if _same(entry, jobs[k])]
        if len(alike) == 1:
            found.add(n, alike[0], "name")


def _same(entry: LoggedJob, job: ListedJob) -> bool:
    """Whether one name can be one job: no whole id contradicts, the account is the same, and the time nearly."""
    if "/" in entry.job_id and "/" in job.job_id:
        return False
    account, region = account_of(job.place), job.place.partition("/")[2]
    here = not account or not entry.account or account.casefold() == entry.account.casefold()
    there = job.place.startswith("/") or not region or not entry.region or region == entry.region
    return here and there and abs(entry.at - job.at) <= SAME_TIME


def _match_times(logs: Sequence[LoggedJob], jobs: Sequence[ListedJob], found: _Matches) -> None:
    """Pairs of which each is the other's only one within minutes: the log names no job, so nothing else can tell."""
    near = {
        n: [k for k, job in enumerate(jobs) if k not in found.listed and abs(job.at - entry.at) <= MOMENT]
        for n, entry in enumerate(logs)
        if n not in found.logged and not entry.job_id
    }
    wanted: dict[int, list[int]] = defaultdict(list)
    for n, alike in near.items():
        for k in alike:
            wanted[k].append(n)
    for n, alike in near.items():
        if len(alike) == 1 and wanted[alike[0]] == [n]:
            found.add(n, alike[0], "time")


def _once(family: Family, logged: Iterable[LoggedJob]) -> list[LoggedJob]:
    """Submissions of one kind, each job once whatever source and record told of it; a whole id is preferred to a name alone."""
    its_own = sorted((job for job in logged if family.is_submission(job)), key=lambda one: (one.at, one.event))
    if not family.names_jobs:
        return its_own
    whole: dict[str, LoggedJob] = {}
    for job in its_own:
        if "/" in job.job_id:
            whole.setdefault(job.job_id.casefold(), job)
    known = {(job.account.casefold(), job.name.casefold()) for job in whole.values()}
    bare: dict[tuple[str, str, str], LoggedJob] = {}
    for job in its_own:
        name = (job.account.casefold(), job.name.casefold())
        if "/" not in job.job_id and (name not in known or not job.name):
            bare.setdefault((*name, "" if job.name else job.event), job)
    return sorted((*whole.values(), *bare.values()), key=lambda one: (one.at, one.event))


# What follows ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """Rows and counts of one family. open_logged, open_listed: what nothing can be said of, by reason."""

    family: Family
    rows: list[CompletenessRow] = field(default_factory=list)
    counts: JSON = field(default_factory=dict)
    open_: dict[tuple[str, str], list[tuple[str, datetime]]] = field(default_factory=lambda: defaultdict(list))

    def exception(self, state: RowState, name: str, place: str, at: datetime, sentence: str, **facts: str) -> None:
        """A job that somebody has to explain."""
        self.counts[state.value] = self.counts.get(state.value, 0) + 1
        self.rows.append(
            CompletenessRow(
                part=Part.RECONCILIATION, state=state, platform=self.family.platform, place=place[:300], name=name[:500],
                sentence=sentence, starts_at=at, facts={"kind": self.family.kind, **facts},
            )
        )  # fmt: skip

    def undecided(self) -> Iterator[CompletenessRow]:
        """One row for each reason and place."""
        for (place, reason), jobs in sorted(self.open_.items()):
            names, times = [name for name, _ in jobs], [at for _, at in jobs]
            yield CompletenessRow(
                part=Part.RECONCILIATION,
                state=RowState.NOT_ASSESSED,
                platform=self.family.platform,
                place=place[:300],
                name=counted(len(jobs), "job"),
                sentence=f"{reason} {named(names)}.",
                starts_at=min(times),
                ends_at=max(times),
                facts={"kind": self.family.kind, "jobs": len(jobs), "names": names[:SHOWN]},
            )


def measure(facts: Facts) -> Measured:
    """Reconciliation over the period."""
    jobs, lists = listed(facts), listings(facts)
    families = []
    rows: list[CompletenessRow] = []
    for family in FAMILIES:
        of_kind = [job for job in jobs if job.kind == family.kind]
        tally = _family(family, facts, of_kind, [one for one in lists if one.kind == family.kind])
        if tally.counts["logged"] or tally.counts["listed"]:
            families.append({"platform": family.platform, "kind": family.kind, **tally.counts})
            rows += [*tally.rows, *tally.undecided()]
    stated = [one for document in latest(facts.of_kind(NOT_LOGGED)) for one in document.content["not_logged"]]
    sources = {file.source for file in facts.log_files}
    figure: JSON = {
        "families": families,
        "not_logged": stated,
        "blind_spots": [
            {"source": source, "what": what}
            for source, told in BLIND_SPOTS.items()
            if source in sources
            for what in told
        ],
    }
    return Measured(part=Part.RECONCILIATION, figure=figure, rows=tuple(rows), limits=LIMITS)


def _family(family: Family, facts: Facts, jobs: Sequence[ListedJob], lists: Sequence[Listing]) -> _Tally:
    logs = _once(family, facts.logged)
    parents = frozenset(job.job_id.casefold() for job in facts.logged if job.action in family.parents and job.job_id)
    found = _match(family, logs, jobs, parents)
    tally = _Tally(family)
    inside_logs = [n for n, entry in enumerate(logs) if facts.within(entry.at)]
    inside_jobs = [n for n, job in enumerate(jobs) if facts.within(job.at)]
    tally.counts = {
        "logged": len(inside_logs),
        "listed": len(inside_jobs),
        "matched": {way: sum(found.listed.get(n) == way for n in inside_jobs) for way in _WAYS},
        "logged_matched": sum(n in found.logged for n in inside_logs),
        **{state.value: 0 for state in (RowState.NOT_IN_LOG, RowState.NOT_LISTED, RowState.VANISHED)},
    }
    for n in inside_jobs:
        if n not in found.listed:
            _not_in_log(tally, facts, jobs[n])
        _vanished(tally, jobs[n], lists)
    for n in inside_logs:
        if n not in found.logged:
            _not_listed(tally, logs[n], lists)
    tally.counts["not_assessed"] = sum(len(found_) for found_ in tally.open_.values())
    return tally


def _not_in_log(tally: _Tally, facts: Facts, job: ListedJob) -> None:
    """A job that the platform lists and no log tells of: an exception where a log of that account and time is on record."""
    account = account_of(job.place)
    its_own = [
        file
        for file in facts.log_files
        if file.source in tally.family.sources
        and (not account or account in {name.casefold() for name in file.accounts})
    ]
    starts, ends = [file.first for file in its_own if file.first], [file.last for file in its_own if file.last]
    if not starts or not ends or not min(starts) - SAME_TIME <= job.at <= max(ends) + SAME_TIME:
        reason = "Listed by the platform at a time of which no log of this account is on record:"
        tally.open_[job.place, reason].append((job.name or job.job_id, job.at))
        return
    sentence = f"The platform lists it as made on {clock(job.at)} ({job.told_by}), and no log on record tells of it."
    tally.exception(
        RowState.NOT_IN_LOG, job.name or job.job_id, job.place, job.at, sentence, job_id=job.job_id, told_by=job.told_by,
        event=job.event,
    )  # fmt: skip


def _not_listed(tally: _Tally, entry: LoggedJob, lists: Sequence[Listing]) -> None:
    """A job that the log tells of and no list holds: an exception where a list of that place was taken afterwards."""
    place = place_of(tally.family, entry)
    later = [one for one in lists if one.taken_at >= entry.at and (not one.place or one.place == place)]
    name = entry.name or entry.job_id or entry.action
    if not later or (not tally.family.names_jobs and not entry.job_id):
        reason = "In the log, and no list of this place that was taken later is on record:"
        if later:
            reason = "In the log, which names no job, and not the only one at its time:"
        tally.open_[place or entry.account, reason].append((name, entry.at))
        return
    sentence = (
        f"Submitted on {clock(entry.at)} by the log, and not in the list of {clock(later[-1].taken_at)} "
        f"({later[-1].file_name})."
    )
    tally.exception(RowState.NOT_LISTED, name, place, entry.at, sentence, job_id=entry.job_id, event=entry.event)


def _vanished(tally: _Tally, job: ListedJob, lists: Sequence[Listing]) -> None:
    """A job that an earlier list of its place holds and the latest does not."""
    its_own = [one for one in lists if one.place == job.place]
    if len(its_own) < 2 or job.job_id.casefold() in its_own[-1].jobs:
        return
    held = [one for one in its_own[:-1] if job.job_id.casefold() in one.jobs]
    if held:
        sentence = (
            f"In the list of {clock(held[-1].taken_at)} ({held[-1].file_name}), and gone from that of "
            f"{clock(its_own[-1].taken_at)} ({its_own[-1].file_name})."
        )
        tally.exception(
            RowState.VANISHED, job.name or job.job_id, job.place, job.at, sentence, job_id=job.job_id, event=job.event
        )
