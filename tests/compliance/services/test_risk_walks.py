"""No sequence of acts on pages, by the API, in imports and in nightly runs takes a risk to where its table does not lead.

One machine drives all doors: pages and API by their addresses, imports and scans by what they record, nights by the tasks that
Celery calls, and time by the last days of what is in force. After every act each risk is held to its table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from compliance.models import (
    AISystem,
    Closing,
    Finding,
    ModelVersion,
    RemediationItem,
    Risk,
    RiskAcceptance,
    RiskMove,
)
from compliance.services import bulk_edits, leases
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.services.waivers import request as request_waiver
from compliance.types.bulk_edits import Changes
from compliance.types.risk_life import LIVE, ClosingState, Sighting
from compliance.types.risk_transitions import DEVIATING, STEPS, By, RiskAct
from compliance.types.states import RemediationState, RiskState, Role, Severity
from compliance.types.verdicts import Conclusion, FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import person

VERDICTS = st.sampled_from(
    [
        StageVerdict.EVIDENCE_FOUND,
        StageVerdict.EVIDENCE_FOUND,
        StageVerdict.NO_EVIDENCE_AT_POWER,
        StageVerdict.NO_EVIDENCE_AT_POWER,
        StageVerdict.INCONCLUSIVE,
        StageVerdict.FAILED,
    ]
)
SEVERITY = st.sampled_from(Severity)
WHO = st.sampled_from(["officer", "manager", "contributor"])
DOOR = st.sampled_from(["page", "api"])
WORDS = st.sampled_from(["", "Because."])
ACTS = st.sampled_from(["approve", "refuse", "withdraw", "review", "revoke"])


class Walk(RuleBasedStateMachine):
    """One finding on one model version, its successor, and three people."""

    @initialize()
    def begin(self) -> None:
        """A finding that stands; nobody has taken it up."""
        number = AISystem.objects.count()
        self.people = {
            role.value: person(f"{role.value.title()} {number}", role)
            for role in (Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR)
        }
        self.system = AISystem.objects.create(name=f"System {number}")
        self.system.memberships.create(user=self.people["contributor"], role=Role.CONTRIBUTOR)
        self.versions: list[ModelVersion] = []
        self.days = 0
        self._version()
        self.scan(StageVerdict.EVIDENCE_FOUND, 0)

    def _version(self) -> None:
        label = str(len(self.versions) + 1)
        self.versions.append(records.model_version(self.system, "digits", label, actor=self.people["officer"]))

    @property
    def finding(self) -> Finding:
        """The first finding of the walk."""
        return Finding.objects.filter(system=self.system).earliest("pk")

    def _client(self, who: str) -> Client:
        client = Client()
        client.force_login(self.people[who], backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["assay.seen"] = int(time.time())
        session.save()
        return client

    def _page(self, who: str, name: str, uuid: object, **given: Any) -> None:
        answer = self._client(who).post(reverse(name, args=[uuid]), given)
        assert answer.status_code in {200, 302, 403}, (name, answer.status_code)

    def _api(self, who: str, path: str, **given: Any) -> None:
        answer = self._client(who).post(f"/api/v1/{path}/", json.dumps(given), content_type="application/json")
        assert answer.status_code in {200, 201, 400, 403, 409}, (path, answer.status_code, answer.content)

    def _risk(self) -> Risk | None:
        return Risk.objects.filter(finding=self.finding).first()

    # Imports and scans

    @rule(verdict=VERDICTS, which=st.integers(0, 1), severity=SEVERITY)
    def scan(self, verdict: StageVerdict, which: int, severity: Severity = Severity.CRITICAL) -> None:
        """A detection run on one of the versions, later than all before."""
        self.days += 1
        version = self.versions[min(which, len(self.versions) - 1)]
        at = records.LONG_AGO + timedelta(days=self.days)
        records.observed(version, verdict, at=at, severity=severity)

    @rule(back=st.integers(1, 30))
    def import_what_is_old(self, back: int) -> None:
        """A report that comes late: older than what is known."""
        at = records.LONG_AGO - timedelta(days=back)
        records.observed(self.versions[0], StageVerdict.NO_EVIDENCE_AT_POWER, at=at)

    @rule()
    def import_something_else(self) -> None:
        """A report on another rule."""
        self.days += 1
        at = records.LONG_AGO + timedelta(days=self.days)
        records.observed(self.versions[0], FileScanVerdict.FINDING, rule="R1", at=at)

    @rule()
    def register_a_successor(self) -> None:
        """The model is replaced."""
        if len(self.versions) < 2:
            self._version()

    # People

    @rule(who=WHO, door=DOOR)
    def investigate(self, who: str, door: str) -> None:
        """Look into it."""
        if door == "page":
            self._page(who, "risk-investigate", self.finding.uuid)
        else:
            self._api(who, f"findings/{self.finding.uuid}/investigate")

    @rule(who=WHO, door=DOOR, words=WORDS, act=st.sampled_from(["put-back", "reopen"]))
    def put_back_or_reopen(self, who: str, door: str, words: str, act: str) -> None:
        """Nobody works on it; or a closed one is open again."""
        risk = self._risk()
        if door == "page":
            self._page(who, f"risk-{act}", self.finding.uuid, words=words)
        elif risk is not None:
            self._api(who, f"risks/{risk.uuid}/{act.replace('-', '_')}", words=words)

    @rule(who=WHO, door=DOOR, severity=st.one_of(st.just(""), SEVERITY), words=WORDS)
    def grade(self, who: str, door: str, severity: str, words: str) -> None:
        """A person's severity of the finding, or none any longer."""
        if door == "page":
            self._page(who, "finding-severity", self.finding.uuid, severity=severity, words=words)
        else:
            self._api(who, f"findings/{self.finding.uuid}/severity", severity=severity, words=words)

    @rule(owner=WHO)
    def open_work(self, owner: str) -> None:
        """A remediation item, at most two open."""
        if RemediationItem.objects.filter(system=self.system).exclude(state=RemediationState.CLOSED).count() < 2:
            self._try(
                lambda: records.remediation_item(
                    self.finding, owner=self.people[owner], actor=self.people["manager"], due_on=date(2099, 1, 1)
                )
            )

    @rule(who=WHO, door=DOOR, state=st.sampled_from([one.value for one in RemediationState]))
    def work(self, who: str, door: str, state: str) -> None:
        """Move open work, also to where no move leads."""
        item = self._items().first()
        if item is not None and door == "page":
            self._page(who, "remediation-move", item.uuid, state=state)
        elif item is not None:
            self._api(who, f"remediation-items/{item.uuid}/move", state=state)

    @rule(who=st.sampled_from(["officer", "manager"]), state=st.sampled_from([one.value for one in RemediationState]))
    def edit_many(self, who: str, state: str) -> None:
        """One edit of all open work, as a job."""
        actor, changes = self.people[who], Changes(state=RemediationState(state))

        def whole() -> None:
            edit = bulk_edits.draft(items=self._items(), changes=changes, actor=actor)
            leases.run_here(job=bulk_edits.confirm(edit=edit, actor=actor, dispatch=False))

        self._try(whole)

    def _items(self) -> Any:
        return RemediationItem.objects.filter(system=self.system).exclude(state=RemediationState.CLOSED)

    def _try(self, verb: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                verb()
        except RefusedError:
            pass

    @rule(who=WHO, door=DOOR, days=st.integers(0, 40))
    def ask_for_acceptance(self, who: str, door: str, days: int) -> None:
        """To live with it for some days; zero is refused."""
        last = (timezone.localdate() + timedelta(days=days)).isoformat()
        given = {"reason": "For now.", "ends_on": last, "review_on": last, "compensation": "Read twice."}
        if door == "page":
            self._page(who, "acceptance-new", self.finding.uuid, **given)
        else:
            self._api(who, "risk-acceptances", finding=str(self.finding.uuid), **given)

    @rule(who=WHO, door=DOOR, act=ACTS, words=WORDS)
    def decide_on_acceptance(self, who: str, door: str, act: str, words: str) -> None:
        """Any act on the newest acceptance."""
        acceptance = RiskAcceptance.objects.filter(risk__finding=self.finding).order_by("-pk").first()
        if acceptance is None:
            return
        given = {"words": words, "review_on": acceptance.ends_on.isoformat()}
        if door == "page":
            self._page(who, f"acceptance-{act}", acceptance.uuid, **given)
        else:
            self._api(who, f"risk-acceptances/{acceptance.uuid}/{act}", **given)

    @rule(who=WHO, door=DOOR)
    def ask_for_closing(self, who: str, door: str) -> None:
        """Ask for open work to be closed."""
        item = self._items().first()
        if item is not None and door == "page":
            self._page(who, "closing-ask", item.uuid)
        elif item is not None:
            self._api(who, f"remediation-items/{item.uuid}/closing")

    @rule(who=WHO, door=DOOR, words=WORDS, act=st.sampled_from(["confirm", "confirm", "return"]))
    def decide_on_closing(self, who: str, door: str, words: str, act: str) -> None:
        """Confirm or return the oldest closing that waits."""
        closing = Closing.objects.filter(system=self.system, state=ClosingState.PROPOSED).order_by("pk").first()
        if closing is None:
            return
        if door == "page":
            self._page(who, f"closing-{act}", closing.uuid, words=words)
        else:
            self._api(who, f"closings/{closing.uuid}/{act}", words=words)

    @rule(who=st.sampled_from(["officer", "manager"]))
    def waive(self, who: str) -> None:
        """A waiver of the rule; it never changes a risk."""
        last = timezone.localdate() + timedelta(days=9)
        self._try(
            lambda: request_waiver(
                system=self.system, producer="assay", rule="trigger_inversion", assets="", reason="Noise.", ends_on=last,
                actor=self.people[who],
            )
        )  # fmt: skip

    # Time and nights

    @rule()
    def time_passes(self) -> None:
        """The last day of whatever is asked for or in force is over; nobody wrote that down yet."""
        over = timezone.localdate() - timedelta(days=1)
        RiskAcceptance.objects.filter(risk__finding__system=self.system, state__in=sorted(LIVE)).update(
            ends_on=over, review_on=over
        )
        Risk.objects.filter(finding__system=self.system, state__in=sorted(DEVIATING)).update(accepted_until=over)

    @rule()
    def night(self) -> None:
        """The nightly runs."""
        NIGHTLY["agreements"](timezone.now())
        NIGHTLY["closings"](timezone.now())

    # What holds after every act

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        """The moves of each risk follow on one another, each by a row of the table, to where the risk is."""
        for risk in Risk.objects.filter(finding__system=self.system):
            state: RiskState | None = None
            for move in RiskMove.objects.filter(risk=risk).order_by("pk"):
                row = STEPS[state, move.act]  # type: ignore[index]  # a StrEnum is its text
                assert (move.before, move.after) == (state or "", row.after)
                assert (By.PERSON if move.made_by_id else By.RECORD) in row.by
                state = row.after
            assert risk.state == state

    @invariant()
    def severity_is_of_whoever_may_state_it(self) -> None:
        """A person's where one set it, else that of the newest report that counts; the risk has that of its finding."""
        for finding in Finding.objects.filter(system=self.system).select_related("risk"):
            assert finding.severity == (finding.severity_by_hand or finding.severity_by_rule)
            if hasattr(finding, "risk"):
                assert finding.risk.severity == finding.severity

    @invariant()
    def an_acceptance_belongs_to_its_state(self) -> None:
        """A risk is accepted, or asked to be, exactly while one acceptance says so; nothing over counts."""
        for risk in Risk.objects.filter(finding__system=self.system):
            live = [one for one in risk.acceptances.all() if one.state in LIVE]
            assert len(live) == (1 if risk.state in DEVIATING else 0)
            if live:
                assert live[0].ends_on == risk.accepted_until
                expected = RiskState.OPEN if live[0].is_over else risk.state
                assert risk.state_now == expected

    @invariant()
    def nothing_is_decided_by_whoever_asked(self) -> None:
        """Two people for every acceptance and every closing that holds."""
        for one in RiskAcceptance.objects.filter(risk__finding__system=self.system, decided_by__isnull=False):
            assert one.decided_by_id != one.requested_by_id
        for closing in Closing.objects.filter(system=self.system, state=ClosingState.CONFIRMED):
            assert closing.basis
            assert closing.decided_by_id not in {closing.asked_by_id, closing.item and closing.item.owner_id}

    @invariant()
    def what_is_closed_rests_on_evidence(self) -> None:
        """A closed risk has a confirmed closing; its finding is satisfied, or its model was replaced."""
        for risk in Risk.objects.filter(finding__system=self.system, state=RiskState.CLOSED):
            closing = risk.closings.filter(state=ClosingState.CONFIRMED).latest("decided_at")
            kinds = {one["kind"] for one in closing.basis}
            assert risk.finding.state == Conclusion.SATISFIED or "replacement" in kinds

    @invariant()
    def the_history_of_a_finding_is_whole(self) -> None:
        """Fixed exactly while it is satisfied; reappearances are counted."""
        finding = self.finding
        assert (finding.sighting == Sighting.FIXED) == (finding.state == Conclusion.SATISFIED)
        assert finding.sighting != Sighting.REAPPEARED or finding.reappearances > 0


@pytest.mark.django_db
def test_no_sequence_of_acts_leaves_the_table() -> None:
    records.catalogue()
    # One transaction holds all walks, each on an AI system of its own, so that none sees what another left.
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# What is not in the table, each with the check that has to notice it.
def _state_without_a_move(risk: Risk, _walk: Walk) -> None:
    Risk.objects.filter(pk=risk.pk).update(state=RiskState.CLOSED)


def _move_that_no_row_has(risk: Risk, _walk: Walk) -> None:
    RiskMove.objects.create(risk=risk, act=RiskAct.REOPEN, before=risk.state, after=RiskState.OPEN)


def _move_of_a_person_by_nobody(risk: Risk, _walk: Walk) -> None:
    RiskMove.objects.create(risk=risk, act=RiskAct.PUT_BACK, before=risk.state, after=RiskState.OPEN)
    Risk.objects.filter(pk=risk.pk).update(state=RiskState.OPEN)


def _closed_without_a_closing(risk: Risk, walk: Walk) -> None:
    officer = walk.people["officer"]
    RiskMove.objects.create(risk=risk, act=RiskAct.CLOSE, before=risk.state, after=RiskState.CLOSED, made_by=officer)
    Risk.objects.filter(pk=risk.pk).update(state=RiskState.CLOSED)


def _severity_of_its_own(risk: Risk, _walk: Walk) -> None:
    Risk.objects.filter(pk=risk.pk).update(severity=Severity.INFORMATIONAL)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        _state_without_a_move,
        _move_that_no_row_has,
        _move_of_a_person_by_nobody,
        _closed_without_a_closing,
        _severity_of_its_own,
    ],
)
def test_what_is_not_in_the_table_is_noticed(wrong: Callable[[Risk, Walk], None]) -> None:
    records.catalogue()
    walk = Walk()
    walk.begin()
    walk.investigate(who="officer", door="page")
    _held(walk)
    wrong(Risk.objects.get(finding=walk.finding), walk)
    with pytest.raises((AssertionError, KeyError, Closing.DoesNotExist)):
        _held(walk)


def _held(walk: Walk) -> None:
    walk.every_move_is_in_the_table()
    walk.what_is_closed_rests_on_evidence()
    walk.severity_is_of_whoever_may_state_it()


@pytest.mark.django_db
def test_a_walk_through_a_whole_life() -> None:
    """Found, accepted, over, worked on, gone, closed, back."""
    records.catalogue()
    walk = Walk()
    walk.begin()
    steps: tuple[Callable[[], object], ...] = (
        lambda: walk.ask_for_acceptance(who="contributor", door="page", days=9),
        lambda: walk.decide_on_acceptance(who="manager", door="api", act="approve", words=""),
        walk.time_passes,
        walk.night,
        lambda: walk.open_work(owner="contributor"),
        lambda: walk.scan(StageVerdict.NO_EVIDENCE_AT_POWER, 0),
        lambda: walk.decide_on_closing(who="officer", door="page", words="", act="confirm"),
    )
    seen = []
    for step in steps:
        step()
        walk.every_move_is_in_the_table()
        walk.an_acceptance_belongs_to_its_state()
        seen.append(Risk.objects.get(finding=walk.finding).state)
    assert seen == [
        "deviation-requested", "deviation-approved", "deviation-approved", "open", "remediating", "remediating", "closed",
    ]  # fmt: skip
    walk.scan(StageVerdict.EVIDENCE_FOUND, 0)
    assert Risk.objects.get(finding=walk.finding).state == RiskState.OPEN
