"""Where evidence comes from: described by people, kept as acts, and part of what an approval is bound to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from compliance.models import Answer, LedgerEvent, User
from compliance.selectors.answer_basis import basis_changes
from compliance.services import answers, evidence, evidence_standing
from compliance.services.errors import RefusedError
from compliance.types.provenance import Obtained, Provenance
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
TOLD = Provenance(
    source_system="AWS CloudTrail",
    environment="Production, account 1111-2222-3333",
    query="aws cloudtrail lookup-events --start-time 2026-01-01",
    executed_by="Carl Contributor",
    extracted_at=datetime(2026, 11, 2, 8, 30, tzinfo=UTC),
    zone="Europe/Berlin",
    row_count=412,
    control_total="412 events by the console",
    obtained=Obtained.UPLOAD.value,
    effective_from=date(2026, 1, 1),
    effective_to=date(2026, 10, 31),
)


def test_a_description_is_an_act_with_a_digest_and_no_text_in_the_ledger(world: World, officer: User) -> None:
    described = evidence_standing.describe(evidence=world.log, provenance=TOLD, actor=officer)
    assert (described.provenance, described.description_version) == (TOLD, 1)
    assert described.provenance.missing == []
    event = LedgerEvent.objects.get(subject_uuid=world.log.uuid, kind="evidence.described")
    assert set(event.entry.payload) >= {"sha256", "version", "description_sha256"}
    assert "cloudtrail" not in str(event.entry.payload)


def test_the_same_description_twice_is_one(world: World, officer: User) -> None:
    for _ in range(2):
        described = evidence_standing.describe(evidence=world.log, provenance=TOLD, actor=officer)
    assert described.description_version == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"zone": "Berlin time"}, "is no time zone"),
        ({"effective_to": date(2025, 1, 1)}, "The last day lies before the first"),
    ],
)
def test_what_makes_no_sense_is_refused(world: World, officer: User, changed: dict[str, object], why: str) -> None:
    wrong = replace(TOLD, **changed)  # type: ignore[arg-type]  # one field each
    with pytest.raises(RefusedError, match=why):
        evidence_standing.describe(evidence=world.log, provenance=wrong, actor=officer)


def test_what_is_not_stated_is_named() -> None:
    assert Provenance(source_system="AWS CloudTrail").missing == [
        "environment", "query", "executed_by", "extracted_at", "zone", "row_count", "obtained",
    ]  # fmt: skip
    assert "row_count" not in replace(TOLD, row_count=0).missing


def test_another_description_is_another_basis_of_an_approval(world: World, officer: User, manager: User) -> None:
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=4)
    written = answers.write(
        answer=answer, value="yes", statement="So.", reason="", claims={}, actor=officer, expected_version=None
    )
    evidence.link(evidence=world.log, target=written, actor=officer)
    answers.approve(answer=answers.submit(answer=written, actor=officer), actor=manager)
    evidence_standing.describe(evidence=world.log, provenance=TOLD, actor=officer)
    fresh = Answer.objects.get(pk=answer.pk)
    assert basis_changes(fresh) == (f"“{world.log.title}” is described otherwise since the approval.",)


def test_an_approval_of_before_descriptions_were_kept_stands(world: World, officer: User, manager: User) -> None:
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=4)
    written = answers.write(
        answer=answer, value="yes", statement="So.", reason="", claims={}, actor=officer, expected_version=None
    )
    evidence.link(evidence=world.log, target=written, actor=officer)
    answers.approve(answer=answers.submit(answer=written, actor=officer), actor=manager)
    Answer.objects.filter(pk=answer.pk).update(approved_on=[[str(world.log.uuid), world.log.sha256, "accepted", ""]])
    assert basis_changes(Answer.objects.get(pk=answer.pk)) == ()
