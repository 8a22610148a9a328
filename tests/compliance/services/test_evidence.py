"""Evidence: kept by digest, once; altered bytes are never handed on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.storage import storages
from pytest_django.fixtures import Settings

from compliance.models import AISystem, Evidence, LedgerEvent, User
from compliance.services import answers, evidence
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.states import AnswerValue, EvidenceState
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


def receive(system: AISystem, content: bytes, actor: User | None = None, name: str = "log.json") -> Evidence:
    return evidence.receive(
        system=system, stream=io.BytesIO(content), filename=name, title="", received_by=actor, source_system="test"
    )


def tamper(kept: Evidence) -> None:
    path = Path(storages["evidence"].path(kept.storage_name))
    path.chmod(0o600)
    path.write_bytes(b"something else")


def test_bytes_come_back_as_they_went_in(system: AISystem, officer: User) -> None:
    kept = receive(system, b'{"Records": []}', officer)
    with evidence.open_bytes(evidence=kept) as stream:
        assert stream.read() == b'{"Records": []}'
    assert kept.sha256 == sha256_hex(b'{"Records": []}')
    assert evidence.is_unaltered(evidence=kept)


def test_the_same_bytes_for_the_same_system_are_the_same_evidence(system: AISystem, other_system: AISystem) -> None:
    first, again = receive(system, b"one"), receive(system, b"one", name="renamed.json")
    assert first == again
    assert LedgerEvent.objects.filter(subject_uuid=first.uuid, kind="evidence.received").count() == 1
    assert receive(other_system, b"one") != first


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x1f\x8b\x08rest", "application/gzip"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\xef\xbb\xbf [1]", "application/json"),
        (b"plain words", "text/plain"),
        (b"\xff\xfe\x00\x01" * 4, "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_media_type_is_read_off_the_bytes_and_never_believed(
    system: AISystem, content: bytes, expected: str
) -> None:
    assert receive(system, content, name="page.html").media_type == expected


def test_a_path_in_a_file_name_is_only_a_name(system: AISystem) -> None:
    assert receive(system, b"x", name="../../etc/passwd").filename == "passwd"


def test_a_file_beyond_the_limit_is_refused_and_nothing_is_kept(system: AISystem, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 3
    with pytest.raises(RefusedError, match="larger than"):
        receive(system, b"four")
    assert not Evidence.objects.filter(system=system).exists()


def test_altered_bytes_are_noticed_and_never_handed_to_a_scan(system: AISystem, tmp_path: Path) -> None:
    kept = receive(system, b"weights")
    tamper(kept)
    assert not evidence.is_unaltered(evidence=kept)
    with pytest.raises(RefusedError, match="no longer match"):
        evidence.materialise(evidence=kept, folder=tmp_path)


def test_missing_bytes_are_said_to_be_missing(system: AISystem, tmp_path: Path) -> None:
    kept = receive(system, b"gone")
    storages["evidence"].delete(kept.storage_name)
    assert not evidence.is_unaltered(evidence=kept)
    with pytest.raises(RefusedError, match="are missing"):
        evidence.materialise(evidence=kept, folder=tmp_path)


def test_rejected_evidence_is_kept_and_supports_nothing(world: World, system: AISystem, officer: User) -> None:
    kept = receive(system, b"broken")
    evidence.reject(evidence=kept, reason="broken.json ends in line 1.", actor=officer)
    answer = world.assessment.answers.select_related("assessment__system").first()
    assert answer is not None
    with pytest.raises(RefusedError, match=r"broken\.json ends in line 1"):
        evidence.link(evidence=kept, target=answer, actor=officer)
    assert kept.state == EvidenceState.REJECTED


def test_accepted_evidence_is_not_rejected_afterwards(system: AISystem) -> None:
    kept = receive(system, b"good")
    evidence.accept(evidence=kept)
    evidence.reject(evidence=kept, reason="late")
    assert kept.state == EvidenceState.ACCEPTED


def test_attaching_twice_is_once_and_foreign_evidence_is_refused(world: World, officer: User) -> None:
    answer = world.assessment.answers.select_related("assessment__system").first()
    assert answer is not None
    assert evidence.link(evidence=world.log, target=answer, actor=officer) == evidence.link(
        evidence=world.log, target=answer, actor=officer
    )
    with pytest.raises(RefusedError, match="another AI system"):
        evidence.link(evidence=world.other_log, target=answer, actor=officer)


def test_evidence_can_be_taken_from_an_open_answer_only(world: World, officer: User) -> None:
    answer = world.assessment.answers.select_related("assessment__system", "question").first()
    assert answer is not None
    answers.write(
        answer=answer,
        value=AnswerValue.YES,
        statement="x",
        reason="",
        claims={},
        actor=officer,
        expected_version=None,
    )
    entry = evidence.link(evidence=world.log, target=answer, actor=officer)
    evidence.unlink(entry=entry, actor=officer)
    assert not answer.evidence_links.exists()
    on_finding = evidence.link(evidence=world.log, target=world.finding, actor=officer)
    with pytest.raises(RefusedError, match="open answer"):
        evidence.unlink(entry=on_finding, actor=officer)
