"""Tests of controls: planned, concluded by who prepared them, agreed by another, released to the organisation by a named act.

Before the release the ledger holds that something was done and a digest of it, never what was concluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import (
    AttributeResult,
    CheckRun,
    ControlTest,
    Engagement,
    ImplementedControl,
    Population,
    SampledInstance,
    TestingScheme,
    User,
)
from compliance.selectors.control_test_page import counted_instances, results_root
from compliance.services import ledger
from compliance.services.audit_teams import require_team
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.engagements import EngagementState
from compliance.types.states import Severity
from compliance.types.testing import (
    TEST_STEPS,
    Attribute,
    ControlTestAct,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    ControlTestState,
    FrequencySize,
    Rating,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTestPlan:
    """How a control is to be tested. attributes: what is asked of each instance; check_rules: of the run named beside them."""

    kind: ControlTestKind
    procedure: str
    methods: tuple[ControlTestMethod, ...]
    attributes: tuple[Attribute, ...]
    period_start: date
    period_end: date
    population: Population | None = None
    check_run: CheckRun | None = None
    check_rules: tuple[str, ...] = ()


@transaction.atomic
def plan(*, engagement: Engagement, control: ImplementedControl, plan: ControlTestPlan, actor: User) -> ControlTest:
    """Plan a test of an own control. Raises RefusedError."""
    require_team(engagement=engagement, actor=actor)
    if not engagement.systems.filter(pk=control.system_id).exists():
        raise RefusedError(_("The control belongs to an AI system that is not part of the engagement."))
    test = ControlTest(
        engagement=engagement, control=control, control_version=control.version, kind=plan.kind, preparer=actor
    )
    _write(test, plan)
    _record(test, "planned", actor, {"control": str(control.uuid), "version": control.version})
    return test


@transaction.atomic
def change(*, test: ControlTest, plan: ControlTestPlan, actor: User) -> ControlTest:
    """Change an open test. An attribute that has results stays; once a sample is drawn, so does the population."""
    fresh = locked(test, actor)
    kept = {one.key for one in plan.attributes}
    used = AttributeResult.objects.filter(instance__test=fresh).values_list("attribute", flat=True).distinct()
    if lost := sorted(set(used) - kept):
        raise RefusedError(_("Attribute %s has results; it can be reworded, not taken away.") % lost[0])
    if fresh.samples.exists() and fresh.population != plan.population:
        raise RefusedError(_("A sample is drawn from the population; plan another test to use another one."))
    fresh.kind = plan.kind
    _write(fresh, plan)
    _record(fresh, "changed", actor, {})
    return fresh


def _write(test: ControlTest, plan: ControlTestPlan) -> None:
    _check(test, plan)
    test.procedure, test.methods = plan.procedure.strip(), [method.value for method in plan.methods]
    test.asked = [asdict(one) for one in plan.attributes]
    test.period_start, test.period_end = plan.period_start, plan.period_end
    test.population, test.check_run, test.check_rules = plan.population, plan.check_run, list(plan.check_rules)
    test.save()


def _check(test: ControlTest, plan: ControlTestPlan) -> None:
    engagement = test.engagement
    if not plan.procedure.strip():
        raise RefusedError(_("Write down the procedure, so that somebody else can repeat the test."))
    if not plan.methods:
        raise RefusedError(_("Choose at least one method."))
    if not plan.attributes:
        raise RefusedError(_("Give at least one attribute: what is asked of each instance."))
    keys = [one.key for one in plan.attributes]
    if len(set(keys)) < len(keys) or not all(one.asks.strip() for one in plan.attributes):
        raise RefusedError(_("Every attribute has a letter of its own and says what is asked."))
    if not engagement.period_start <= plan.period_start <= plan.period_end <= engagement.period_end:
        raise RefusedError(_("The days that the test covers lie within the period of the engagement, in order."))
    population, run = plan.population, plan.check_run
    if population and (population.engagement_id, population.system_id) != (engagement.pk, test.control.system_id):
        raise RefusedError(_("The population belongs to another engagement or AI system."))
    if run and (run.system_id != test.control.system_id or run.finished_at is None):
        raise RefusedError(_("That run of the checks is of another AI system, or not finished."))
    if plan.check_rules and not run:
        raise RefusedError(_("Name the run of the checks beside its rules."))


def locked(test: ControlTest, actor: User, state: ControlTestState = ControlTestState.OPEN) -> ControlTest:
    """The test, locked, when this auditor may work on it and it stands so. Raises RefusedError."""
    rows = ControlTest.objects.select_for_update(of=("self",))
    fresh = rows.select_related("engagement", "control__system", "preparer", "population", "check_run").get(pk=test.pk)
    require_team(engagement=fresh.engagement, actor=actor)
    if fresh.state != state:
        raise RefusedError(_WRONG_STATE[ControlTestState(fresh.state)]())
    return fresh


_WRONG_STATE = {
    ControlTestState.OPEN: lambda: _("The test is open; conclude it first."),
    ControlTestState.CONCLUDED: lambda: _("The test is concluded and waits for its reviewer, who may return it."),
    ControlTestState.AGREED: lambda: _("The test is agreed; return it to change it."),
    ControlTestState.RELEASED: lambda: _("The test is released; it no longer changes."),
}


def _record(test: ControlTest, act: str, actor: User, facts: JSON) -> None:
    ledger.record(kind=f"control_test.{act}", subject=test, payload=facts, actor=actor, system=test.control.system)


# Results ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_instance(*, test: ControlTest, name: str, description: str, actor: User) -> SampledInstance:
    """Add an instance that the auditor names, as a walkthrough follows one. Raises RefusedError."""
    fresh = locked(test, actor)
    if not name.strip() or not description.strip():
        raise RefusedError(_("Name the instance as its source does, and say why this one."))
    last = fresh.instances.filter(sample=None).order_by("-rank").values_list("rank", flat=True).first()
    instance = SampledInstance.objects.create(
        test=fresh,
        rank=(last or 0) + 1,
        row_id=name.strip()[:300],
        row={"id": name.strip()[:300], "fields": {"chosen_because": description.strip()}},
    )
    _record(fresh, "instance_added", actor, {"instance": str(instance.uuid), "row": digest_of(instance.row)})
    return instance


# Conclusions --------------------------------------------------------------------------------------------------------


@transaction.atomic
def conclude(*, test: ControlTest, conclusion: ControlTestConclusion, statement: str, actor: User) -> ControlTest:
    """Say what follows from a test. Raises RefusedError where what was done does not carry it."""
    fresh = locked(test, actor)
    check_fieldwork(fresh.engagement)
    if len(statement.strip()) < 20:
        raise RefusedError(_("Say in a sentence on what the conclusion rests."))
    if conclusion is ControlTestConclusion.EFFECTIVE:
        for objection in (_undecided(fresh), _weak(fresh)):
            if objection:
                raise RefusedError(objection)
    fresh.conclusion, fresh.statement = conclusion, statement.strip()
    fresh.preparer, fresh.reviewer, fresh.reviewed_at = actor, None, None
    fresh.concluded_at = timezone.now()
    _move(fresh, ControlTestAct.CONCLUDE)
    digest = digest_of([conclusion.value, fresh.statement])
    _record(fresh, "concluded", actor, {"content": digest, "results_root": results_root(fresh)})
    return fresh


def check_fieldwork(engagement: Engagement) -> None:
    """Raises RefusedError while an audit is planned: whoever concludes has stated their independence first."""
    if engagement.state == EngagementState.PLAN:
        raise RefusedError(
            _("The audit is still planned: nothing is concluded before fieldwork, which begins when all have stated their "
              "independence.")
        )  # fmt: skip


def _undecided(test: ControlTest) -> str:
    """Silence is never a pass."""
    asked = {one.key for one in test.attributes}
    instances = counted_instances(test)
    waiting = sum(asked - {result.attribute for result in one.results.all()} != set() for one in instances)
    if not instances:
        return _("No instance was looked at; draw a sample or add an instance first.")
    if waiting:
        told = ngettext(
            "%d instance still has attributes without a result.",
            "%d instances still have attributes without a result.",
            waiting,
        )
        return told % waiting
    return ""


def _weak(test: ControlTest) -> str:
    """Why what was done cannot carry “operating effectively”; "" where it can, or where something else is concluded."""
    if test.kind != ControlTestKind.OPERATION:
        return ""
    if set(test.methods) == {ControlTestMethod.INQUIRE}:
        return _(
            "“Operating effectively” cannot rest on inquiry alone: observe, examine or re-perform the control as well."
        )
    if test.engagement.as_of is not None or test.period_start == test.period_end:
        return _(
            "“Operating effectively” speaks of a period, and this test looks at one day: conclude on its implementation, or "
            "test a period."
        )
    if test.population is None and not test.check_rules:
        return _(
            "“Operating effectively” needs the population of the period: freeze one and draw from it, or name the checks "
            "that looked at all of it."
        )
    return ""


@transaction.atomic
def agree(*, test: ControlTest, note: str, actor: User) -> ControlTest:
    """The reviewer, who had no part in the work, agrees with the conclusion. Raises RefusedError."""
    fresh = locked(test, actor, ControlTestState.CONCLUDED)
    _independent(fresh, actor)
    fresh.reviewer, fresh.review_note, fresh.reviewed_at = actor, note.strip(), timezone.now()
    _move(fresh, ControlTestAct.AGREE)
    _record(fresh, "agreed", actor, {"preparer": str(fresh.preparer.uuid)})
    return fresh


def _independent(test: ControlTest, actor: User) -> None:
    if actor.pk == test.preparer_id:
        raise RefusedError(_("You prepared this test; another auditor of the engagement reviews it."))
    if AttributeResult.objects.filter(instance__test=test, decided_by=actor).exists():
        raise RefusedError(_("You recorded results of this test; an auditor who did not reviews it."))


@transaction.atomic
def give_back(*, test: ControlTest, note: str, actor: User) -> ControlTest:
    """Open a concluded or agreed test again, with a reason. Raises RefusedError."""
    agreed = test.state == ControlTestState.AGREED
    fresh = locked(test, actor, ControlTestState.AGREED if agreed else ControlTestState.CONCLUDED)
    if not note.strip():
        raise RefusedError(_("Say what is to be done, so that whoever prepared it can go on."))
    fresh.review_note, fresh.reviewer, fresh.reviewed_at = note.strip(), None, None
    _move(fresh, ControlTestAct.RETURN)
    _record(fresh, "returned", actor, {})
    return fresh


@transaction.atomic
def release(*, test: ControlTest, actor: User) -> ControlTest:
    """Show an agreed test to the organisation, with everything in it, for good. Raises RefusedError."""
    fresh = locked(test, actor, ControlTestState.AGREED)
    fresh.released_by, fresh.released_at = actor, timezone.now()
    _move(fresh, ControlTestAct.RELEASE)
    payload: JSON = {
        "conclusion": fresh.conclusion,
        "statement_sha256": digest_of(fresh.statement),
        "results_root": results_root(fresh),
        "preparer": str(fresh.preparer.uuid),
        "reviewer": str(fresh.reviewer.uuid) if fresh.reviewer else None,
    }
    _record(fresh, "released", actor, payload)
    return fresh


def _move(test: ControlTest, act: ControlTestAct) -> None:
    test.state = TEST_STEPS[ControlTestState(test.state), act]
    test.save()


# The engagement's own rules -----------------------------------------------------------------------------------------


@transaction.atomic
def set_scheme(
    *, engagement: Engagement, ratings: Sequence[Rating], sizes: Sequence[FrequencySize], actor: User
) -> TestingScheme:
    """The rating scheme and the frequency table of an engagement. Raises RefusedError."""
    require_team(engagement=engagement, actor=actor)
    words, frequencies = [one.word.casefold() for one in ratings], [one.frequency.casefold() for one in sizes]
    for names, what in ((words, _("rating")), (frequencies, _("frequency"))):
        if not names or "" in names or len(set(names)) < len(names):
            raise RefusedError(_("Give at least one %s, and each a name of its own.") % what)
    if wrong := [one.severity for one in ratings if one.severity not in set(Severity)]:
        raise RefusedError(_("“%s” is no severity.") % wrong[0])
    if any(not 1 <= one.size <= 10_000 for one in sizes):
        raise RefusedError(_("A size lies between 1 and 10,000."))
    scheme, _created = TestingScheme.objects.get_or_create(engagement=engagement)
    scheme.rating_words, scheme.frequency_sizes = [asdict(one) for one in ratings], [asdict(one) for one in sizes]
    scheme.save()
    payload: JSON = {"scheme": digest_of([scheme.rating_words, scheme.frequency_sizes])}
    ledger.record(kind="engagement.testing_scheme", subject=engagement, payload=payload, actor=actor, system=None)
    return scheme


def scheme_of(*, engagement: Engagement) -> TestingScheme:
    """The scheme in force; the usual one until the auditors wrote their own."""
    return TestingScheme.objects.filter(engagement=engagement).first() or TestingScheme(engagement=engagement)
