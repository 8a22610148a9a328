"""Freezing: only what is approved, once, as one valid document that no later change reaches."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import storages
from pytest_django.fixtures import Settings

from compliance.models import AccessReview, Assessment, DisposalRun, Evidence, EvidencePack, Freeze, User
from compliance.selectors import freeze_document
from compliance.services import (
    access_reviews,
    answer_work,
    answers,
    disposals,
    evidence,
    evidence_standing,
    freeze_documents,
    freezes,
    leases,
    pack_releases,
    packs,
    stored_files,
)
from compliance.services.errors import RefusedError
from compliance.types.access_reviews import Decision
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.entitlements import Reach
from compliance.types.freeze import validate_freeze
from compliance.types.provenance import Provenance
from compliance.types.states import AnswerValue, Audience, JobState
from tests.compliance import completeness_on_record, records, tests_of_controls
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import TAKEN, recorded, way
from tests.compliance.packs.authority_server import make_chain, serving

pytestmark = pytest.mark.django_db


def approve_all(world: World, officer: User, manager: User) -> Assessment:
    for answer in world.assessment.answers.select_related("assessment__system", "question"):
        written = answers.write(
            answer=answer,
            value=AnswerValue.YES,
            statement="It holds: “naïve” <b>words</b> 日本語.",
            reason="",
            claims={"approved_submitters": "nobody@example.org"},
            actor=officer,
            expected_version=None,
        )
        evidence.link(evidence=world.log, target=written, actor=officer)
        sent = answers.submit(answer=written, actor=officer)
        answers.approve(answer=sent, actor=manager, justification="The list is being renewed.")
    return Assessment.objects.select_related("system", "technique").get(pk=world.assessment.pk)


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def document(freeze: Freeze) -> dict[str, object]:
    with evidence.open_stored(name=freeze.storage_name) as stream:
        content = stream.read()
    assert sha256_hex(content) == freeze.sha256
    value: dict[str, object] = json.loads(content)
    assert canonical_json(value) == content
    return value


def test_an_assessment_with_open_answers_is_not_frozen(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Question 1 is not approved yet"):
        freezes.freeze(assessment=world.assessment, actor=officer)


def test_the_document_is_valid_and_holds_what_was_and_what_was_not_tested(frozen: Freeze, world: World) -> None:
    found = document(frozen)
    validate_freeze(freeze_documents.read(freeze=frozen))
    models = {row["uuid"] for row in found["models"]}  # type: ignore[attr-defined]
    assert models == {str(world.base.uuid), str(world.tuned.uuid)}
    states = {cell["state"] for row in found["coverage"] for cell in row["cells"]}  # type: ignore[attr-defined]
    assert states == {"finding", "not_covered"}
    assert found["job_log"]["recorded"] == len(world.events)  # type: ignore[index]
    contradictions = found["questions"][1]["contradictions"]  # type: ignore[index]
    assert contradictions


def test_the_whole_register_is_kept_beside_the_document(frozen: Freeze, world: World) -> None:
    blob = frozen.attachments["job-events.jsonl"]
    with evidence.open_stored(name=blob["storage_name"]) as stream:
        content = stream.read()
    assert sha256_hex(content) == blob["sha256"]
    assert len(content.splitlines()) == len(world.events) == blob["rows"]


def test_who_could_submit_is_frozen_with_its_whole_register(world: World, officer: User, manager: User) -> None:
    recorded(world.assessment.system, world.log, way("ann"), way("bob", reach=Reach.AFTER_STEP))
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    kept = cast("dict[str, Any]", document(frozen))["entitlements"]
    assert kept["state"] == "assessed"
    assert "could submit as things stood: 1; after one more step: 1;" in kept["statement"]
    assert [row["principal"] for row in kept["reading"]["extract"]] == ["ann", "bob"]
    assert kept["reading"]["not_assessed"][0]["document"] == "service control policies"
    assert frozen.attachments["entitlements.jsonl"]["rows"] == 2


def test_the_access_review_of_the_period_is_frozen_with_every_decision(
    world: World, officer: User, manager: User
) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann"), way("bob"))
    day = date(2026, 12, 1)
    review = access_reviews.open_review(
        reading=reading, reviewer=manager, due_on=day, removals_due_on=day, actor=officer
    )
    for name, decision in (("ann", Decision.KEEP), ("bob", Decision.REMOVE)):
        lines = list(review.lines.filter(principal__display=name))
        access_reviews.decide(review=review, lines=lines, decision=decision, reason=f"About {name}.", actor=manager)
    access_reviews.complete(review=review, statement="", actor=manager)
    AccessReview.objects.update(completed_at="2026-11-03T10:00:00Z")
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    kept = cast("dict[str, Any]", document(frozen))["entitlements"]["review"]
    assert (kept["population"], kept["kept"], kept["removed"], kept["not_yet_read"]) == (2, 1, 1, 1)
    assert (kept["reviewer"], kept["completed_at"]) == ("Mira Manager", "2026-11-03T10:00:00Z")
    with evidence.open_stored(name=frozen.attachments["access-review.jsonl"]["storage_name"]) as stream:
        rows = [json.loads(line) for line in stream.read().splitlines()]
    assert [(row["principal"], row["decision"], row["reason"]) for row in rows] == [
        ("ann", "keep", "About ann."), ("bob", "remove", "About bob."),
    ]  # fmt: skip


def test_of_auditors_tests_a_freeze_holds_released_ones_alone(
    world: World, officer: User, manager: User, auditor: User
) -> None:
    audit = tests_of_controls.audit(world, auditor, officer)
    for instance in tests_of_controls.drawn(audit.test, size=5, actor=auditor):
        tests_of_controls.passed(instance, actor=auditor)
    tests_of_controls.released(audit.test, preparer=auditor, reviewer=audit.reviewer)
    unreleased = tests_of_controls.planned(audit.engagement, audit.control, actor=auditor)
    frozen = cast(
        "dict[str, Any]", document(freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer))
    )
    (control,) = [one for one in frozen["implemented_controls"] if one["uuid"] == str(audit.control.uuid)]
    (kept,) = control["auditors_tests"]
    assert (kept["conclusion"], kept["instances"], kept["population"]) == ("effective", 5, 40)
    assert (kept["seeds"], kept["root"]) == (["2026-11-27 Ada"], audit.population.root)
    assert str(unreleased.uuid) not in json.dumps(frozen)


def test_the_figures_of_the_period_are_frozen_with_every_line(world: World, officer: User, manager: User) -> None:
    completeness_on_record.recorded(world.assessment.system, world.log)
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    told = cast("dict[str, Any]", document(frozen))["completeness"]
    assert told["state"] == "assessed"
    assert (told["reading"]["exceptions"], told["reading"]["lines"]) == (2, 3)
    assert told["reading"]["digests"]["verdict"] == "consistent"
    assert told["reading"]["digests"]["keys"][0]["comparison"] is None
    assert "not independently confirmed" in told["statement"]
    with evidence.open_stored(name=frozen.attachments["completeness.jsonl"]["storage_name"]) as stream:
        lines = [json.loads(line) for line in stream.read().splitlines()]
    assert [line["figure"] for line in lines] == ["coverage", "integrity", "reconciliation"]


def test_who_was_named_what_was_approved_over_and_what_on_is_frozen(
    world: World, officer: User, manager: User, contributor: User
) -> None:
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=2)
    answer_work.assign(
        answer=answer, assignee=contributor, delegate=None, reviewer=manager, due_on=date(2026, 12, 1), actor=officer
    )
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    question = cast("dict[str, Any]", document(frozen))["questions"][1]
    told = question["answer"]
    assert (told["assignee"], told["delegate"]) == ("Carl Contributor (Contributor)", "")
    assert (told["reviewer"], told["due"]) == ("Mira Manager (Manager)", "2026-12-01")
    assert told["approved_on"] == [{"evidence": str(world.log.uuid), "sha256": world.log.sha256}]
    assert told["justified"] == question["contradictions"]
    assert (told["justification"], told["not_independent"]) == ("The list is being renewed.", "")
    assert question["history"][0]["note"].startswith("Assignee Carl Contributor")


def test_figures_are_frozen_with_their_rules_and_evidence_with_where_it_comes_from(
    world: World, officer: User, manager: User
) -> None:
    question = world.assessment.answers.get(question__number=4).question
    question.facts = {**question.facts, "computed": ["job_log"]}
    question.save()
    told = Provenance(source_system="CloudTrail", query="all", row_count=3, obtained="api", zone="UTC")
    evidence_standing.describe(evidence=world.log, provenance=told, actor=officer)
    found = cast(
        "dict[str, Any]", document(freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer))
    )
    figures = found["questions"][3]["figures"]
    assert (figures[0]["value"], figures[0]["rule"], figures[0]["rows"]) == ("3", "log/events", 3)
    rules = {rule["id"]: rule["words"] for rule in found["figure_rules"]}
    assert all(figure["rule"] in rules for question in found["questions"] for figure in question["figures"])
    record = next(one for one in found["evidence"] if one["uuid"] == str(world.log.uuid))
    assert (record["query"], record["row_count"], record["obtained"]) == ("all", 3, "api")
    assert record["received_at"].endswith("Z")
    checks = {line["check"]: line["open"] for line in found["pre_audit"]}
    assert checks["answer-open"] == []
    assert "does not state: environment" in checks["evidence-not-described"][0]


def test_figures_of_another_period_do_not_answer(world: World, officer: User, manager: User) -> None:
    period = (date(2025, 1, 1), date(2025, 12, 31))
    completeness_on_record.recorded(world.assessment.system, world.log, period=period)
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    assert cast("dict[str, Any]", document(frozen))["completeness"]["state"] == "not_assessed"


def test_documents_of_another_period_do_not_answer(world: World, officer: User, manager: User) -> None:
    recorded(world.assessment.system, world.log, way("ann"), taken_at=TAKEN - timedelta(days=900))
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    assert cast("dict[str, Any]", document(frozen))["entitlements"]["state"] == "not_assessed"


def test_a_frozen_assessment_never_changes(frozen: Freeze, world: World, officer: User) -> None:
    answer = frozen.assessment.answers.select_related("assessment__system", "question").first()
    assert answer is not None
    with pytest.raises(RefusedError, match="frozen"):
        answers.write(
            answer=answer, value="no", statement="", reason="", claims={}, actor=officer, expected_version=None
        )
    with pytest.raises(RefusedError, match="frozen"):
        evidence.link(evidence=world.log, target=answer, actor=officer)
    with pytest.raises(RefusedError, match="frozen already"):
        freezes.freeze(assessment=frozen.assessment, actor=officer)


def test_without_its_time_stamp_authority_no_pack_is_recorded(
    frozen: Freeze, officer: User, settings: Settings, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TSA_URL = f"http://127.0.0.1:{server.getsockname()[1]}/"  # where nobody listens any more
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False)
    job = leases.run_here(job=job)
    assert job.state == JobState.FAILED
    assert job.error.startswith("The time-stamp authority 127.0.0.1 (TSA_URL) could not be asked")
    settings.TSA_ROOTS = str(tmp_path / "nowhere.pem")
    job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    assert job.error == f"TSA_ROOTS names {settings.TSA_ROOTS}, which is no readable file of PEM certificates."
    assert not frozen.packs.exists()


def test_a_pack_of_a_frozen_assessment_is_stamped_by_the_authority_that_is_set(
    frozen: Freeze, officer: User, settings: Settings, tmp_path: Path
) -> None:
    chain = make_chain("Harbour Time")
    (tmp_path / "roots.pem").write_text(chain.root_pem)
    settings.TSA_ROOTS = str(tmp_path / "roots.pem")
    with serving(chain.answer) as (settings.TSA_URL, asked):
        job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    # Twice for the pack, and once each for the checkpoint that its proofs need and the one that follows it.
    assert (job.state, job.error, len(asked)) == (JobState.SUCCEEDED, "", 4)
    pack = frozen.packs.get()
    receipt = packs.export(pack=pack, out=tmp_path / "pack.pdf")
    report = packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt)
    assert (report.is_genuine, report.time_stamper) == (True, "Harbour Time")
    settings.TSA_ROOTS = ""
    assert not packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt).is_genuine
    assert packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt, trust_time=[tmp_path / "roots.pem"]).is_genuine


def test_a_pack_needs_a_freeze(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Freeze the assessment first"):
        packs.request_issue(assessment=world.assessment, actor=officer)


def test_packs_for_external_recipients_have_a_line_of_their_own(
    frozen: Freeze, officer: User, manager: User, tmp_path: Path
) -> None:
    made = []
    for audience in (Audience.INTERNAL, Audience.EXTERNAL, Audience.EXTERNAL):
        job = packs.request_issue(assessment=frozen.assessment, actor=officer, audience=audience, dispatch=False)
        job = leases.run_here(job=job)
        assert (job.state, job.error) == (JobState.SUCCEEDED, "")
        made.append(frozen.packs.get(uuid=job.result["pack"]))
    assert [(pack.number, pack.audience, pack.supersedes) for pack in made] == [
        (1, "internal", None), (2, "external", None), (3, "external", made[1]),
    ]  # fmt: skip
    pack_releases.release(pack=made[2], actor=manager)
    receipt = packs.export(pack=made[2], out=tmp_path / "pack.pdf")
    assert packs.verify(pack=tmp_path / "pack.pdf", receipt=receipt).is_genuine


def due_run(world: World, officer: User) -> DisposalRun:
    """A proposed run over a log file on which no answer rests."""
    records.state_bases(None)
    extra = records.evidence(world.assessment.system, b"an old log", actor=officer, title="Old log")
    Evidence.objects.filter(pk=extra.pk).update(created_at=datetime(2015, 3, 1, tzinfo=UTC))
    run = disposals.propose(actor=None, today=date(2026, 11, 27))
    assert run is not None
    assert [item.evidence for item in run.items.all()] == [extra]
    return run


def test_a_disposal_that_ends_while_an_assessment_is_frozen_keeps_it_from_being_frozen(
    world: World, officer: User, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is built while the bytes stand; when it is to be recorded they are gone."""
    ready, run = approve_all(world, officer, manager), due_run(world, officer)
    build = freeze_document.build

    def and_meanwhile(*given: Any, **named: Any) -> Any:
        built = build(*given, **named)
        leases.run_here(job=disposals.approve(run=run, actor=manager, dispatch=False))
        return built

    with monkeypatch.context() as raced:
        raced.setattr(freeze_document, "build", and_meanwhile)
        with pytest.raises(RefusedError, match="is being disposed of, or was meanwhile"):
            freezes.freeze(assessment=ready, actor=officer)
    assert not Freeze.objects.exists()
    assert Assessment.objects.get(pk=ready.pk).is_frozen is False
    frozen = freezes.freeze(assessment=ready, actor=officer)  # once it is over, the document says what is gone
    states = {one["sha256"]: one["purged_at"] for one in cast(Any, document(frozen))["evidence"]}
    assert states[sha256_hex(b"an old log")] is not None


def test_an_approved_disposal_under_way_keeps_an_assessment_from_being_frozen(
    world: World, officer: User, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raw records went already, the tombstone does not stand yet."""
    ready, run = approve_all(world, officer, manager), due_run(world, officer)
    job = disposals.approve(run=run, actor=manager, dispatch=False)
    with pytest.raises(RefusedError, match="“Old log” is being disposed of"):
        freezes.freeze(assessment=ready, actor=officer)
    leases.run_here(job=job)
    assert freezes.freeze(assessment=ready, actor=officer).sha256


def test_evidence_that_an_answer_came_to_rest_on_since_the_proposal_is_kept(
    world: World, officer: User, manager: User
) -> None:
    run = due_run(world, officer)
    piece = run.items.get().evidence
    evidence.link(evidence=piece, target=world.assessment.answers.all()[0], actor=officer)
    leases.run_here(job=disposals.approve(run=run, actor=manager, dispatch=False))
    item = run.items.get()
    assert (item.state, stored_files.exists(piece.storage_name)) == ("kept", True)
    assert "use or class changed" in item.note


@pytest.mark.parametrize("what", ["the document", "a register"])
def test_a_freeze_never_refers_to_a_file_that_went_while_it_was_made(
    world: World, officer: User, manager: User, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes as those of a register, or of the document, were evidence that a disposal takes away."""
    ready = approve_all(world, officer, manager)
    hold = stored_files.hold

    def taken(files: Mapping[str, str]) -> None:
        name = list(files)[0 if what == "the document" else 1]
        storages["evidence"].delete(name)
        hold(files)

    monkeypatch.setattr(stored_files, "hold", taken)
    with pytest.raises(RefusedError, match="took the same bytes away"):
        freezes.freeze(assessment=ready, actor=officer)
    assert not Freeze.objects.exists()


def test_a_pack_never_refers_to_a_file_that_went_while_it_was_recorded(
    frozen: Freeze, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = stored_files.hold

    def taken(files: Mapping[str, str]) -> None:
        for name in files:
            storages["evidence"].delete(name)
        hold(files)

    monkeypatch.setattr(stored_files, "hold", taken)
    job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    assert (job.state, EvidencePack.objects.count()) == (JobState.FAILED, 0)
    assert "took the same bytes away" in job.error
