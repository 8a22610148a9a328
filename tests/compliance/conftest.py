"""People of each role, and a small world: one AI system they work on, and another that most of them may not see."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.models import (
    AISystem,
    Assessment,
    DatasetVersion,
    Evidence,
    Finding,
    JobEvent,
    ModelVersion,
    Observation,
    RemediationItem,
    Technique,
    User,
)
from compliance.services import assessments, engagements, inventory, people
from compliance.services.remediation import MilestoneDraft
from compliance.types.states import ModelOrigin, Role
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.laid_rows import Made

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

Browse = Callable[[User], Client]


@dataclass(frozen=True, slots=True)
class World:
    """What is on record. `base` is inherited and was never tested; `tuned` is made from it and has the finding."""

    technique: Technique
    assessment: Assessment
    log: Evidence
    events: tuple[JobEvent, ...]
    base: ModelVersion
    tuned: ModelVersion
    dataset: DatasetVersion
    observation: Observation
    finding: Finding
    item: RemediationItem
    other_assessment: Assessment
    other_log: Evidence
    other_event: JobEvent
    other_version: ModelVersion
    other_dataset: DatasetVersion
    other_finding: Finding
    other_item: RemediationItem


@dataclass(frozen=True, slots=True)
class Peopled:
    """The small world with its people and the two AI systems."""

    officer: User
    manager: User
    auditor: User
    system: AISystem
    other_system: AISystem
    contributor: User
    world: World


def person(name: str, role: Role) -> User:
    """A person with this name and role who can only be signed in by a test."""
    email = f"{name.lower().replace(' ', '.')}@example.org"
    return people.create_user(email=email, name=name, role=role, password=None, actor=None)


def _system(owner: User) -> AISystem:
    return inventory.define_system(name="Digit reader", description="Reads amounts.", owner=owner, actor=owner)


def _other_system(owner: User) -> AISystem:
    return inventory.define_system(name="Letter sorter", description="Sorts mail.", owner=owner, actor=owner)


def _contributor(system: AISystem) -> User:
    user = person("Carl Contributor", Role.CONTRIBUTOR)
    people.grant_membership(system=system, role=Role.CONTRIBUTOR, actor=None, user=user)
    return user


def peopled() -> Peopled:
    """The small world with everybody who is in it, as services make it."""
    officer, manager = person("Olga Officer", Role.OFFICER), person("Mira Manager", Role.MANAGER)
    auditor = person("Aya Auditor", Role.AUDITOR)
    system, other_system = _system(officer), _other_system(officer)
    contributor = _contributor(system)
    world = build_world(system, other_system, officer, manager, contributor, auditor)
    return Peopled(officer, manager, auditor, system, other_system, contributor, world)


@pytest.fixture(scope="session")
def made_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Made[Peopled]:
    """The small world as services make it, made once by each process; before any test changes the clock or a setting."""
    with django_db_blocker.unblock():
        return Made.by(peopled)


@pytest.fixture
def laid(request: pytest.FixtureRequest, made_world: Made[Peopled], db: None) -> Peopled | None:
    """What was made, laid for a test that takes `world`. Others, and those of another day, make the people they take."""
    return made_world.lay() if "world" in request.fixturenames and made_world.day == timezone.localdate() else None


@pytest.fixture
def officer(laid: Peopled | None) -> User:
    return laid.officer if laid else person("Olga Officer", Role.OFFICER)


@pytest.fixture
def second_officer(db: None) -> User:
    return person("Omar Officer", Role.OFFICER)


@pytest.fixture
def manager(laid: Peopled | None) -> User:
    return laid.manager if laid else person("Mira Manager", Role.MANAGER)


@pytest.fixture
def administrator(db: None) -> User:
    return person("Ada Administrator", Role.ADMINISTRATOR)


@pytest.fixture
def collector(db: None) -> User:
    return person("Log Collector", Role.COLLECTOR)


@pytest.fixture
def system(laid: Peopled | None, officer: User) -> AISystem:
    return laid.system if laid else _system(officer)


@pytest.fixture
def other_system(laid: Peopled | None, officer: User) -> AISystem:
    return laid.other_system if laid else _other_system(officer)


@pytest.fixture
def contributor(laid: Peopled | None, system: AISystem) -> User:
    """Works on `system` alone."""
    return laid.contributor if laid else _contributor(system)


@pytest.fixture
def auditor(laid: Peopled | None) -> User:
    """Invited to the assessment of `system` once `world` is there."""
    return laid.auditor if laid else person("Aya Auditor", Role.AUDITOR)


def _assessment(system: AISystem, technique: Technique, actor: User) -> Assessment:
    return assessments.open_assessment(
        system=system,
        technique=technique,
        title=f"Model manipulation of {system.name}",
        scope="All accounts.",
        period_start=date(2026, 1, 1),
        period_end=date(2026, 12, 31),
        audit_date=date(2027, 1, 15),
        actor=actor,
    )


def _dataset(system: AISystem, name: str, actor: User, trained: tuple[ModelVersion, ...]) -> DatasetVersion:
    return inventory.register_dataset_version(
        system=system,
        name=name,
        label="2026-02",
        manifest_root="ab" * 32,
        file_count=5000,
        size=3_000_000,
        evidence=None,
        actor=actor,
        trained=trained,
    )


@pytest.fixture
def world(
    laid: Peopled | None,
    system: AISystem,
    other_system: AISystem,
    officer: User,
    manager: User,
    contributor: User,
    auditor: User,
) -> World:
    return laid.world if laid else build_world(system, other_system, officer, manager, contributor, auditor)


def build_world(
    system: AISystem, other_system: AISystem, officer: User, manager: User, contributor: User, auditor: User
) -> World:
    """The small world for these people; `contributor` is on `system` already, `auditor` is invited to it."""
    technique = records.catalogue()
    assessment = _assessment(system, technique, officer)
    other_assessment = _assessment(other_system, technique, officer)
    engagements.open_engagement(draft=records.audit(auditor, [assessment], title="Audit 2026"), actor=officer)
    log = records.evidence(system, b'{"Records": []}', actor=contributor, filename="cloudtrail.json")
    other_log = records.evidence(other_system, b'{"Records": [1]}', actor=officer, filename="other.json")
    base = records.model_version(
        system, "digits-base", "1", actor=contributor, origin=ModelOrigin.INHERITED, supplier="Model hub"
    )
    tuned = records.model_version(system, "digits", "2", actor=contributor, parent=base)
    other_version = records.model_version(other_system, "letters", "1", actor=officer)
    facts = records.stage_facts(StageVerdict.EVIDENCE_FOUND)
    observation = records.observed(tuned, StageVerdict.EVIDENCE_FOUND, facts=facts, actor=contributor)
    finding = records.finding_of(observation)
    other_finding = records.finding_of(records.observed(other_version, StageVerdict.EVIDENCE_FOUND, actor=officer))
    steps = (MilestoneDraft(title="Retrain", due_on=date(2099, 11, 1)),)
    return World(
        technique=technique,
        assessment=assessment,
        log=log,
        events=tuple(records.log_events(system, log, 3)),
        base=base,
        tuned=tuned,
        dataset=_dataset(system, "digits-train", contributor, (tuned,)),
        observation=observation,
        finding=finding,
        item=records.remediation_item(finding, owner=contributor, actor=manager, milestones=steps),
        other_assessment=other_assessment,
        other_log=other_log,
        other_event=records.log_events(other_system, other_log, 1, tag="other")[0],
        other_version=other_version,
        other_dataset=_dataset(other_system, "letters-train", officer, ()),
        other_finding=other_finding,
        other_item=records.remediation_item(other_finding, owner=officer, actor=manager),
    )


@pytest.fixture
def browse() -> Browse:
    """A client that is signed in as somebody."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["assay.seen"] = int(time.time())  # a session in use: the first request of a new one writes this
        session.save()
        return client

    return sign_in


@pytest.fixture
def count_queries(db: None) -> Callable[[Callable[[], object]], int]:
    """How many queries a call takes."""

    def count(call: Callable[[], object]) -> int:
        with CaptureQueriesContext(connection) as captured:
            call()
        return len(captured)

    return count
