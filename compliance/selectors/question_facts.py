"""What the evidence says about each audit question, computed; and where it contradicts the answer.

Every figure links to its rows: `url_name` and `query` lead to the list that the figure counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import Answer, Assessment, DatasetVersion, JobEvent, ModelVersion, Principal
from compliance.selectors.coverage import CoverageRow, coverage_table
from compliance.selectors.entitlement_page import entitlement_figures, reading_in_period
from compliance.selectors.kept import kept
from compliance.selectors.question_checks import Said, check_facts, review_facts
from compliance.selectors.question_completeness import figures_say
from compliance.selectors.question_data import data_says
from compliance.selectors.question_models import TestedModel, tested_models
from compliance.selectors.submitted_jobs import SubmittedJobs, not_approved, submitted_jobs
from compliance.types.entitlements import Reach
from compliance.types.figure_rules import FIGURE_RULES
from compliance.types.questions import SUBMITTERS_CLAIM, ComputedSide
from compliance.types.states import ActionClass, AnswerValue, ModelOrigin, Outcome
from compliance.types.submitters import is_approved, stated_names
from compliance.types.verdicts import CoverageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure of the record, in words, with the way to its rows: `rows` of them, None where it counts something else."""

    label: str
    value: str
    url_name: str = ""
    query: str = ""
    rows: int | None = None
    rule: str  # a key of types.figure_rules.FIGURE_RULES

    @property
    def rule_words(self) -> str:
        """How the figure is computed."""
        return FIGURE_RULES[self.rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFacts:
    """What the record says to one question, and against its answer. matrix: the models that the question is about."""

    facts: tuple[Fact, ...]
    contradictions: tuple[str, ...]
    matrix: tuple[TestedModel, ...] = ()


def events_in_period(assessment: Assessment) -> QuerySet[JobEvent]:
    """Job events of the system within the assessment's days (UTC), both days included."""
    start = datetime.combine(assessment.period_start, time.min, UTC)
    end = datetime.combine(assessment.period_end + timedelta(days=1), time.min, UTC)
    return JobEvent.objects.filter(system=assessment.system_id, occurred_at__gte=start, occurred_at__lt=end)


def _system(assessment: Assessment) -> str:
    """The query of a list that shows the assessment's system alone."""
    return f"system={assessment.system.uuid}"


def _period(assessment: Assessment) -> str:
    """The query of the job log's list that shows `events_in_period`."""
    return f"{_system(assessment)}&from={assessment.period_start}&to={assessment.period_end}"


def _training_data(assessment: Assessment, answer: Answer) -> QuestionFacts:
    versions = DatasetVersion.objects.filter(dataset__system=assessment.system_id)
    own = ModelVersion.objects.filter(model__system=assessment.system_id, origin=ModelOrigin.OWN)
    untraced = own.filter(training_data__isnull=True).count()
    count = versions.count()
    facts: tuple[Fact, ...] = (
        Fact(
            label=_("Data-set versions with a hash manifest"),
            value=f"{count:,}",
            url_name="model-list",
            query=f"{_system(assessment)}&view=data",
            rows=count,
            rule="data/manifests",
        ),
        Fact(
            label=_("Own model versions"),
            value=f"{own.count():,}",
            url_name="model-list",
            query=f"{_system(assessment)}&origin=own",
            rows=own.count(),
            rule="data/own-models",
        ),
        Fact(
            label=_("Own model versions without a recorded data set"),
            value=f"{untraced:,}",
            url_name="model-list",
            query=f"{_system(assessment)}&origin=own&traced=no",
            rows=untraced,
            rule="data/own-models-untraced",
        ),
    )
    read = data_says(answer, events_in_period(assessment), query=f"{_period(assessment)}&act=submit&outcome=success")
    facts += tuple(
        Fact(label=label, value=value, url_name="job-log" if asked else "", query=asked, rows=rows, rule=rule)
        for label, value, asked, rows, rule in read.lines
    )
    against: list[str] = list(read.contradictions)
    if answer.value == AnswerValue.YES and count == 0:
        against.append(_("You answer yes. No data set in this system has a hash manifest on record."))
    if answer.value == AnswerValue.YES and untraced:
        against.append(
            ngettext(
                "You answer yes. %d own model version names no data set it was trained on.",
                "You answer yes. %d own model versions name no data set they were trained on.",
                untraced,
            )
            % untraced
        )
    return QuestionFacts(facts=facts, contradictions=tuple(against))


def approved_submitters(answer: Answer) -> list[str]:
    """Names the answer states, one a line or comma-separated."""
    return stated_names(str(answer.claims.get(SUBMITTERS_CLAIM, "")))


def _submitters(assessment: Assessment, answer: Answer) -> QuestionFacts:
    events = events_in_period(assessment)
    found = submitted_jobs(events, system=assessment.system_id)
    stated = approved_submitters(answer)
    could = _could_submit(assessment, stated)
    against: list[str] = []
    if stated:
        strangers = not_approved(events, system=assessment.system_id, actors=found.by_actor, stated=stated)
        if strangers:
            against.append(_strangers_submitted(stated, found, strangers))
    facts = _submitted(assessment, found)
    return QuestionFacts(facts=facts + could.facts, contradictions=(*against, *could.contradictions))


def _stated_submitters(stated: list[str]) -> str:
    told = ngettext("You state %(n)d approved submitter.", "You state %(n)d approved submitters.", len(stated))
    return told % {"n": len(stated)}


def _first_names(principals: Sequence[object]) -> str:
    return ", ".join(map(str, principals[:5]))


def _strangers_submitted(stated: list[str], found: SubmittedJobs, strangers: Sequence[object]) -> str:
    actors = ngettext("%(n)s principal", "%(n)s principals", len(found.by_actor)) % {"n": f"{len(found.by_actor):,}"}
    jobs = ngettext("%(n)s job", "%(n)s jobs", found.jobs) % {"n": f"{found.jobs:,}"}
    told = ngettext(
        "In the period %(actors)s submitted %(jobs)s; %(n)d is not on the list: %(names)s.",
        "In the period %(actors)s submitted %(jobs)s; %(n)d are not on the list: %(names)s.",
        len(strangers),
    )
    told %= {"actors": actors, "jobs": jobs, "n": len(strangers), "names": _first_names(strangers)}
    return f"{_stated_submitters(stated)} {told}"


def _submitted(assessment: Assessment, found: SubmittedJobs) -> tuple[Fact, ...]:
    """Who submitted what in the period, and what was refused; each job once, however many records tell of it."""
    attempts = f"{_period(assessment)}&act=submit"
    query = f"{attempts}&outcome=success"
    refused = Q(action_class=ActionClass.SUBMIT, outcome=Outcome.DENIED)
    denied = events_in_period(assessment).filter(refused).count()
    jobs = f"{found.jobs:,}"
    if found.records != found.jobs:
        records = ngettext("told by %(n)s record", "told by %(n)s records", found.records) % {"n": f"{found.records:,}"}
        jobs = f"{found.jobs:,}, {records}"
    lines = (
        (_("Jobs submitted in the period"), jobs, query, found.records, "jobs"),
        *(
            [(_("Records that name no job, each counted as one"), f"{found.without_id:,}", query, None, "without-id")]
            if found.without_id
            else []
        ),
        (_("Principals who submitted"), f"{len(found.by_actor):,}", query, None, "principals"),
        (_("Refused attempts"), f"{denied:,}", f"{attempts}&outcome=denied", denied, "denied"),
        (_("Jobs of which no source names the submitter"), f"{found.unnamed:,}", f"{query}&named=no", None, "unnamed"),
    )
    return tuple(
        Fact(label=label, value=value, url_name="job-log", query=asked, rows=rows, rule=f"submitters/{rule}")
        for label, value, asked, rows, rule in lines
    )


def _could_submit(assessment: Assessment, stated: list[str]) -> QuestionFacts:
    """The three parts of "can submit", by the latest documents of the period, against the approved submitters."""
    reading = reading_in_period(assessment)
    if reading is None:
        missing = _("not assessed: no document of the period is on record")
        return QuestionFacts(
            facts=(
                Fact(
                    label=_("Who could submit (entitlements)"),
                    value=missing,
                    url_name="entitlements",
                    rule="entitlements/part",
                ),
            ),
            contradictions=(),
        )
    figures = entitlement_figures(reading)
    query = f"reading={reading.uuid}"
    parts = (
        (_("Principals who can submit now, by the documents"), figures.now, f"{query}&reach={Reach.NOW}"),
        (_("Can after one more step"), figures.after_step, f"{query}&reach={Reach.AFTER_STEP}"),
        (_("Keys that open it to whoever holds them"), figures.shared_key, f"{query}&reach={Reach.SHARED_KEY}"),
        (_("Can now, and did not submit in the year before"), figures.unused, f"{query}&reach={Reach.NOW}&used=no"),
        (_("Submitted, and stand in no document"), figures.unentitled, query),
        (_("Parts not assessed"), len(reading.not_assessed), query),
    )
    facts = tuple(
        Fact(label=label, value=f"{n:,}", url_name="entitlements", query=asked, rule="entitlements/part")
        for label, n, asked in parts
    )
    against: tuple[str, ...] = ()
    if stated:
        now = Principal.objects.filter(
            pk__in=reading.entitlements.filter(reach=Reach.NOW, missing=[]).values("principal")
        )
        strangers = [one for one in now if not is_approved(stated=stated, acted_as=(one.identifier, one.display))]
        if strangers:
            could = ngettext(
                "By the documents %(n)d other principal can submit now: %(names)s.",
                "By the documents %(n)d other principals can submit now: %(names)s.",
                len(strangers),
            )
            could %= {"n": len(strangers), "names": _first_names(strangers)}
            against = (f"{_stated_submitters(stated)} {could}",)
    return QuestionFacts(facts=facts, contradictions=against)


def _inherited(assessment: Assessment, answer: Answer) -> QuestionFacts:
    versions = ModelVersion.objects.filter(model__system=assessment.system_id, origin=ModelOrigin.INHERITED)
    rows = coverage_table(versions, technique=assessment.technique)
    tested = sum(row.is_covered_somewhere for row in rows)
    inherited = f"{_system(assessment)}&origin=inherited"
    by_state = {state: sum(_has(row, state) for row in rows) for state in CoverageState}
    lines = (
        (_("Inherited model versions"), len(rows), inherited),
        (_("With a conclusive test of at least one sub-technique"), tested, f"{inherited}&cell=conclusive"),
        (_("With a finding"), by_state[CoverageState.FINDING], f"{inherited}&cell=finding"),
        (
            _("With a sub-technique covered at stated power"),
            by_state[CoverageState.COVERED],
            f"{inherited}&cell=covered",
        ),
        (_("With a test that went stale"), by_state[CoverageState.STALE], f"{inherited}&cell=stale"),
        (_("With a test that failed"), by_state[CoverageState.FAILED], f"{inherited}&cell=failed"),
        (
            _("With a sub-technique that was never covered"),
            by_state[CoverageState.NOT_COVERED],
            f"{inherited}&cell=not_covered",
        ),
    )
    facts = tuple(
        Fact(
            label=label,
            value=f"{n:,}",
            url_name="model-list",
            query=f"{asked}&technique={assessment.technique.atlas_id}",
            rows=n,
            rule="models/inherited" if asked == inherited else "models/cell",
        )
        for label, n, asked in lines
    )
    against = _against_models(answer, registered=len(rows), tested=tested)
    return QuestionFacts(facts=facts, contradictions=tuple(against), matrix=tested_models(rows))


def _against_models(answer: Answer, *, registered: int, tested: int) -> list[str]:
    """Where the answer and its claims stand against the inherited models on record."""
    against: list[str] = []
    untested = registered - tested
    versions = ngettext("%(n)s inherited model version", "%(n)s inherited model versions", registered)
    versions %= {"n": f"{registered:,}"}
    if answer.value == AnswerValue.YES and untested:
        against.append(
            ngettext(
                "You answer yes. Of %(all)s %(untested)s has no conclusive test.",
                "You answer yes. Of %(all)s %(untested)s have no conclusive test.",
                untested,
            )
            % {"untested": f"{untested:,}", "all": versions}
        )
    if answer.value == AnswerValue.NOT_APPLICABLE and registered:
        said = ngettext(
            "You answer not applicable. %(all)s is registered.",
            "You answer not applicable. %(all)s are registered.",
            registered,
        )
        against.append(said % {"all": versions})
    told = str(answer.claims.get("models_tested", "")).strip()
    if told.isdigit() and int(told) > tested:
        against.append(
            _(
                "You state that %(stated)s inherited model versions were tested. The record holds a conclusive test of %(n)d."
            )
            % {"stated": told, "n": tested}
        )
    return against


def _has(row: CoverageRow, state: CoverageState) -> bool:
    return any(cell.state is state for cell in row.cells)


def _job_log(assessment: Assessment, answer: Answer) -> QuestionFacts:
    events = events_in_period(assessment)
    summary = events.aggregate(count=Count("pk"), newest=Max("occurred_at"), sources=Count("evidence", distinct=True))
    newest = summary["newest"]
    query = _period(assessment)
    facts = (
        Fact(
            label=_("Job events in the period"),
            value=f"{summary['count']:,}",
            url_name="job-log",
            query=query,
            rows=summary["count"],
            rule="log/events",
        ),
        Fact(
            label=_("Documents they came from"),
            value=f"{summary['sources']:,}",
            url_name="evidence-list",
            query=f"{_system(assessment)}&events_from={assessment.period_start}&events_to={assessment.period_end}",
            rows=summary["sources"],
            rule="log/documents",
        ),
        Fact(
            label=_("Newest event"),
            value=newest.strftime("%Y-%m-%d %H:%M UTC") if newest else _("none"),
            rule="log/newest",
        ),
    )
    against: list[str] = []
    if answer.value == AnswerValue.YES and not summary["count"]:
        against.append(_("You answer yes. No job event of the period is on record."))
    told = figures_say(assessment, answer)
    figures = tuple(
        Fact(label=label, value=value, url_name="completeness", query=asked, rule="completeness/figure")
        for label, value, asked in told.lines
    )
    return QuestionFacts(facts=facts + figures, contradictions=(*against, *told.contradictions))


def _access_review(_assessment: Assessment, answer: Answer) -> QuestionFacts:
    return _said(*review_facts(answer))


def _said(lines: Iterable[Said], contradictions: tuple[str, ...]) -> QuestionFacts:
    facts = (
        Fact(label=one.label, value=one.value, url_name=one.url_name, query=one.query, rule=one.rule) for one in lines
    )
    return QuestionFacts(facts=tuple(facts), contradictions=contradictions)


_SIDES: dict[ComputedSide, Callable[[Assessment, Answer], QuestionFacts]] = {
    ComputedSide.TRAINING_DATA: _training_data,
    ComputedSide.SUBMITTERS: _submitters,
    ComputedSide.ACCESS_REVIEW: _access_review,
    ComputedSide.INHERITED_MODELS: _inherited,
    ComputedSide.JOB_LOG: _job_log,
}


def question_facts(answer: Answer) -> QuestionFacts:
    """What the evidence says to the question of this answer, within the assessment's system and period.

    The question's content names the sides to compute and the checks that speak to it, in the order they are shown.
    """
    named = [ComputedSide(name) for name in answer.question.facts.get("computed", ())]
    parts = [*(_SIDES[side](answer.assessment, answer) for side in named), _said(*check_facts(answer))]
    return QuestionFacts(
        facts=tuple(fact for part in parts for fact in part.facts),
        contradictions=tuple(told for part in parts for told in part.contradictions),
        matrix=tuple(row for part in parts for row in part.matrix),
    )


def kept_facts(answer: Answer, *, mark: str) -> QuestionFacts:
    """As question_facts, kept."""
    return kept(f"facts|{answer.uuid}|{answer.version}", lambda: question_facts(answer), mark=mark)
