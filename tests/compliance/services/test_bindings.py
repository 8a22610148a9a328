"""What events are bound to: by digest, by provenance, by a saved rule, by a person; and what waits."""

from __future__ import annotations

import io
from datetime import date, timedelta
from uuid import uuid4

import pytest

from compliance.models import AISystem, DatasetVersion, JobBinding, JobEvent, LedgerEvent, ModelVersion, User
from compliance.services import bindings, inventory
from compliance.services import evidence as evidences
from compliance.services.binding_matches import sha256_in
from compliance.services.errors import RefusedError
from compliance.types.bindings import BoundBy, Named
from compliance.types.states import ActionClass, ModelOrigin, Outcome
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
ROOT = "ab" * 32


@pytest.fixture
def one(world: World) -> AISystem:
    return world.assessment.system


def bound(system: AISystem, place: str) -> JobBinding:
    """The binding in force of the first event's place."""
    return bindings.in_force(system).filter(place=place).order_by("event_id")[0]


def named(world: World, **fields: object) -> JobEvent:
    """The first event, naming these things."""
    event = world.events[0]
    JobEvent.objects.filter(pk=event.pk).update(**fields)
    return JobEvent.objects.get(pk=event.pk)


def decide(system: AISystem, actor: User, target: ModelVersion | DatasetVersion | None, **changes: str) -> int:
    given = {"name": "digits-base", "name_digest": "", "reason": ""} | changes
    kind = Named.DATASET if isinstance(target, DatasetVersion) else Named.BASE
    return bindings.decide(system=system, named=kind, target=target, actor=actor, **given)  # type: ignore[arg-type]  # words alone


def rule(
    system: AISystem, actor: User, target: ModelVersion | DatasetVersion | None, prefix: str, **more: object
) -> object:
    kind = Named.DATASET if isinstance(target, DatasetVersion) else Named.BASE
    given = {"reason": "", "applies_from": None, "applies_to": None} | more
    return bindings.save_rule(system=system, named=kind, prefix=prefix, target=target, actor=actor, **given)  # type: ignore[arg-type]


def test_a_name_alone_binds_nothing(world: World, one: AISystem) -> None:
    assert bindings.bind_new(system=one) == 6
    assert {row.bound_by for row in bindings.in_force(one)} == {BoundBy.NOTHING}
    assert {(row.named, row.name) for row in bindings.waiting(one)} == {
        (Named.BASE, "digits-base"), (Named.DATASET, "s3://training/data"),
    }  # fmt: skip


def test_binding_again_adds_nothing(one: AISystem) -> None:
    bindings.bind_new(system=one)
    assert bindings.bind_new(system=one) == 0
    assert LedgerEvent.objects.filter(kind="bindings.made").count() == 1


def test_a_digest_binds(world: World, one: AISystem) -> None:
    named(
        world,
        base_model=f"hub/digits@sha256:{world.base.digest.upper()}",
        inputs=[
            {"role": "train", "uri": "s3://a", "digest": f"sha256:{ROOT}"},
            {"role": "code", "uri": "git", "digest": ""},
        ],
    )
    bindings.bind_new(system=one)
    assert (bound(one, "base_model").model_version, bound(one, "base_model").bound_by) == (world.base, BoundBy.DIGEST)
    assert bound(one, "inputs/0").dataset_version == world.dataset
    assert not bindings.in_force(one).filter(place="inputs/1").exists()


def test_the_digest_of_another_system_binds_nothing(world: World, one: AISystem) -> None:
    named(world, base_model=f"sha256:{world.other_version.digest}")
    bindings.bind_new(system=one)
    assert bound(one, "base_model").bound_by == BoundBy.NOTHING


def test_the_provenance_of_a_version_names_the_job_that_made_it(world: World, one: AISystem, officer: User) -> None:
    event = named(world, output_uri="s3://models/out/")
    bindings.bind_new(system=one)
    assert bound(one, "output").bound_by == BoundBy.NOTHING
    version = registered(one, officer, f"Downloaded from {event.job_id}, by hand.")
    assert (bound(one, "output").model_version, bound(one, "output").bound_by) == (version, BoundBy.PROVENANCE)


def registered(system: AISystem, actor: User, provenance: str, name: str = "tuned") -> ModelVersion:
    kept = evidences.receive(
        system=system,
        stream=io.BytesIO(name.encode()),
        filename=name,
        title=name,
        received_by=actor,
        collected_how=provenance,
    )
    return inventory.register_model_version(
        system=system,
        name=name,
        label="1",
        evidence=kept,
        origin=ModelOrigin.OWN,
        supplier="",
        parent=None,
        actor=actor,
    )


def test_an_address_that_two_versions_claim_stands_for_neither(world: World, one: AISystem, officer: User) -> None:
    named(world, output_uri="s3://models/out/model.tar.gz")
    for name in ("first", "second"):
        registered(one, officer, "aws s3 cp s3://models/out/model.tar.gz .", name)
    bindings.bind_new(system=one)
    assert bound(one, "output").bound_by == BoundBy.NOTHING


def test_a_version_registered_later_binds_what_waits_for_its_digest(world: World, one: AISystem, officer: User) -> None:
    later = "cd" * 32
    named(world, inputs=[{"role": "train", "uri": "s3://a", "digest": later}])
    bindings.bind_new(system=one)
    version = inventory.register_dataset_version(
        system=one,
        name="digits-train",
        label="3",
        manifest_root=later,
        file_count=1,
        size=1,
        evidence=None,
        actor=officer,
    )
    assert bound(one, "inputs/0").dataset_version == version
    assert JobBinding.objects.filter(place="inputs/0", superseded_at__isnull=False).count() == 1


@pytest.mark.parametrize(
    ("outcome", "action_class", "count"),
    [
        (Outcome.DENIED, ActionClass.SUBMIT, 0),
        (Outcome.FAILED, ActionClass.SUBMIT, 0),
        (Outcome.UNKNOWN, ActionClass.SUBMIT, 2),
        (Outcome.SUCCESS, ActionClass.GRANT, 0),
        (Outcome.SUCCESS, ActionClass.REGISTER, 2),
    ],
)
def test_attempts_that_came_to_nothing_name_nothing(
    system: AISystem, officer: User, outcome: Outcome, action_class: ActionClass, count: int
) -> None:
    kept = records.evidence(system, b"log", actor=officer)
    records.log_events(system, kept, 1, outcome=outcome, action_class=action_class)
    assert bindings.bind_new(system=system) == count


# A person -------------------------------------------------------------------------------------------------------------


def test_a_person_binds_everything_under_one_name(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    assert decide(one, contributor, world.base) == 3
    row = bound(one, "base_model")
    assert (row.model_version, row.bound_by, row.person) == (world.base, BoundBy.PERSON, contributor)
    event = LedgerEvent.objects.filter(kind="bindings.made").latest("pk")
    assert (event.entry.actor, event.entry.payload["rows"]) == (contributor, 3)
    with pytest.raises(RefusedError, match="Nothing waits"):
        decide(one, contributor, world.base)


def test_none_of_ours_needs_a_reason(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    with pytest.raises(RefusedError, match="Say why"):
        decide(one, contributor, None)
    assert decide(one, contributor, None, reason="A playground of another team.") == 3
    assert bound(one, "base_model").bound_by == BoundBy.NOT_OURS


def test_what_belongs_elsewhere_is_refused(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    with pytest.raises(RefusedError, match="another AI system"):
        decide(one, contributor, world.other_version)
    with pytest.raises(RefusedError, match="data-set version"):
        bindings.decide(
            system=one, named=Named.DATASET, name="s3://training/data", name_digest="", target=world.base, reason="",
            actor=contributor,
        )  # fmt: skip


def test_a_decision_can_be_taken_back(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    decide(one, contributor, world.base)
    given = {"system": one, "named": Named.BASE, "name": "digits-base", "name_digest": ""}
    assert bindings.reopen(**given, actor=contributor) == 3  # type: ignore[arg-type]
    assert bindings.waiting(one).filter(named=Named.BASE).count() == 3
    assert JobBinding.objects.filter(place="base_model").count() == 9


# Rules ----------------------------------------------------------------------------------------------------------------


def test_a_saved_rule_binds_what_waits_and_what_comes(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    saved = rule(one, contributor, world.dataset, "s3://training/")
    assert bound(one, "inputs/0").rule == saved
    records.log_events(one, world.log, 1, tag="later")
    bindings.bind_new(system=one)
    assert bindings.in_force(one).filter(dataset_version=world.dataset).count() == 4


def test_the_longest_prefix_counts_and_case_matters(world: World, one: AISystem, contributor: User) -> None:
    rule(one, contributor, None, "digits", reason="Playground.")
    rule(one, contributor, world.base, "digits-b")
    rule(one, contributor, None, "DIGITS-BASE", reason="Shouting.")
    bindings.bind_new(system=one)
    assert bound(one, "base_model").model_version == world.base


def test_a_rule_holds_for_its_days(world: World, one: AISystem, contributor: User) -> None:
    day = records.LONG_AGO.date()
    rule(one, contributor, world.dataset, "s3://training/", applies_to=day - timedelta(days=1))
    rule(one, contributor, world.dataset, "s3://training/", applies_from=day + timedelta(days=1))
    bindings.bind_new(system=one)
    assert bound(one, "inputs/0").bound_by == BoundBy.NOTHING
    rule(one, contributor, world.dataset, "s3://training/", applies_from=day, applies_to=day)
    assert bound(one, "inputs/0").bound_by == BoundBy.RULE


def test_withdrawing_a_rule_sets_free_what_it_bound(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    saved = rule(one, contributor, world.dataset, "s3://training/")
    bindings.withdraw_rule(rule=saved, actor=contributor)  # type: ignore[arg-type]
    assert bound(one, "inputs/0").bound_by == BoundBy.NOTHING
    with pytest.raises(RefusedError, match="withdrawn already"):
        bindings.withdraw_rule(rule=saved, actor=contributor)  # type: ignore[arg-type]
    assert LedgerEvent.objects.filter(kind__startswith="binding_rule.").count() == 2


def test_a_rule_never_undoes_what_a_person_said(world: World, one: AISystem, contributor: User) -> None:
    bindings.bind_new(system=one)
    decide(one, contributor, world.base)
    rule(one, contributor, None, "digits", reason="Playground.")
    assert bound(one, "base_model").bound_by == BoundBy.PERSON


@pytest.mark.parametrize(
    ("prefix", "more", "words"),
    [
        ("s3", {}, "three characters"),
        ("s3://", {"applies_from": date(2026, 2, 1), "applies_to": date(2026, 1, 1)}, "last day"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    world: World, one: AISystem, contributor: User, prefix: str, more: dict[str, object], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        rule(one, contributor, world.dataset, prefix, **more)


def test_many_events_take_few_statements(
    system: AISystem, officer: User, django_assert_max_num_queries: object
) -> None:
    kept = records.evidence(system, b"log", actor=officer)
    records.log_events(system, kept, 400, tag="many")
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert bindings.bind_new(system=system) == 800


@pytest.mark.parametrize(
    ("digest", "name", "expected"),
    [
        (f"SHA256:{ROOT.upper()}", "x", ROOT),
        ("", f"model@sha256:{ROOT}", ROOT),
        ("git:abcdef", "x", "git:abcdef"),
        ("", f"{ROOT}{ROOT}", ""),
        ("", f"{ROOT} {ROOT[::-1]}", ""),
        ("", "plain", ""),
    ],
)
def test_digests_as_logs_give_them(digest: str, name: str, expected: str) -> None:
    assert sha256_in(digest, name) == expected


def test_bindings_of_one_event_are_made_once(world: World, one: AISystem) -> None:
    bindings.bind_new(system=one)
    row = bound(one, "base_model")
    again = JobBinding(
        **{
            f.attname: getattr(row, f.attname)
            for f in JobBinding._meta.concrete_fields
            if f.attname not in {"id", "uuid"}
        }
    )
    again.uuid = uuid4()
    JobBinding.objects.bulk_create([again], ignore_conflicts=True)
    assert JobBinding.objects.filter(event=row.event, place="base_model").count() == 1
