"""Statements of applicability: every id decided with a reason, approved by a second person, kept by versions."""

from __future__ import annotations

import csv
import io

import pytest
from django.urls import reverse

from compliance.models import AISystem, Framework, LedgerEvent, StatementLine, StatementVersion, User
from compliance.oscal.catalog_files import read_catalog
from compliance.selectors.statement_page import statement_rows
from compliance.services import controls, statements
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.controls import FrameworkId
from compliance.types.statements import Decision, Implementation, Inclusion
from tests.compliance.conftest import Browse, World
from tests.compliance.records import control_terms

pytestmark = pytest.mark.django_db
IDS = ["A.2.2", "A.6.2.8", "A.10.3"]


@pytest.fixture
def iso(world: World) -> Framework:
    return Framework.objects.create(
        key="iso-iec-42001-2023", title="ISO/IEC 42001", facts={"statement_ids": IDS, "edition": "2023"}
    )


def included(one: str, reason: str = "In scope.", version: int = 0) -> Decision:
    return Decision(
        requirement_id=one, inclusion=Inclusion.INCLUDED, reason=reason, implementation=Implementation.PARTLY,
        version=version,
    )  # fmt: skip


def decide_all(framework: Framework, system: AISystem | None, actor: User) -> None:
    out = Decision(
        requirement_id="A.10.3", inclusion=Inclusion.EXCLUDED, reason="No supplier.",
        implementation=Implementation.NOT_STATED,
    )  # fmt: skip
    decisions = [included("A.2.2"), included("A.6.2.8"), out]
    assert statements.decide(framework=framework, system=system, decisions=decisions, actor=actor) == 3


def test_the_shipped_standards_list_the_ids_of_their_annex_and_no_text() -> None:
    listed = {one.key: one.facts.get("statement_ids", []) for one in read_catalog().frameworks}
    assert (len(listed["iso-iec-42001-2023"]), len(listed["iso-iec-27001-2022"])) == (38, 93)
    assert all(one.startswith("A.") for key in listed for one in listed[key])


def test_an_inclusion_or_exclusion_needs_a_reason_and_nothing_is_written_in_part(iso: Framework, officer: User) -> None:
    with pytest.raises(RefusedError, match=r"reason why A\.6\.2\.8 is included"):
        statements.decide(
            framework=iso, system=None, decisions=[included("A.2.2"), included("A.6.2.8", " ")], actor=officer
        )
    with pytest.raises(RefusedError, match=r"“A\.9\.9” is none of the ids"):
        statements.decide(framework=iso, system=None, decisions=[included("A.9.9")], actor=officer)
    assert not StatementLine.objects.exists()


def test_the_organisation_and_a_system_decide_apart(iso: Framework, system: AISystem, officer: User) -> None:
    decide_all(iso, system, officer)
    assert {row.inclusion for row in statement_rows(iso, None, officer)} == {Inclusion.UNDECIDED}
    rows = statement_rows(iso, system, officer)
    assert [(row.requirement_id, row.inclusion.value) for row in rows] == [
        ("A.2.2", "included"), ("A.6.2.8", "included"), ("A.10.3", "excluded"),
    ]  # fmt: skip


def test_own_controls_that_answer_to_an_id_stand_beside_it(iso: Framework, system: AISystem, officer: User) -> None:
    terms = control_terms("BDM-15")
    ids = (FrameworkId(framework=iso.key, requirement="A.6.2.8"),)
    named = type(terms)(**{name: getattr(terms, name) for name in terms.__slots__} | {"requirements": ids})
    control = controls.adopt(system=system, terms=named, owner=officer, actor=officer)
    beside = {row.requirement_id: row.controls for row in statement_rows(iso, system, officer)}
    assert beside == {"A.2.2": (), "A.6.2.8": (control,), "A.10.3": ()}


def test_a_line_that_somebody_wrote_meanwhile_is_not_overwritten(
    iso: Framework, officer: User, second_officer: User
) -> None:
    statements.decide(framework=iso, system=None, decisions=[included("A.2.2", "First.")], actor=officer)
    with pytest.raises(RefusedError, match=r"Somebody else decided on A\.2\.2 meanwhile"):
        statements.decide(framework=iso, system=None, decisions=[included("A.2.2", "Second.")], actor=second_officer)
    assert StatementLine.objects.get().reason == "First."
    again = [included("A.2.2", "Second.", version=1)]
    assert statements.decide(framework=iso, system=None, decisions=again, actor=second_officer) == 1
    assert statements.decide(framework=iso, system=None, decisions=again, actor=second_officer) == 0


def test_what_keeps_a_statement_from_its_approval_is_said(
    iso: Framework, system: AISystem, officer: User, second_officer: User
) -> None:
    decide_all(iso, system, officer)
    iso.facts = {**iso.facts, "statement_ids": [*IDS, "A.99"]}
    with pytest.raises(RefusedError, match=r"^1 id is undecided, A\.99; decide on it"):
        statements.approve(framework=iso, system=system, note="", actor=second_officer)
    iso.facts = {}
    with pytest.raises(RefusedError, match="has no ids; there is nothing to approve"):
        statements.approve(framework=iso, system=system, note="", actor=second_officer)


def test_a_version_is_approved_by_somebody_who_wrote_none_of_it(
    iso: Framework, system: AISystem, officer: User, second_officer: User
) -> None:
    with pytest.raises(RefusedError, match=r"3 ids are undecided, A\.2\.2 first"):
        statements.approve(framework=iso, system=system, note="", actor=second_officer)
    decide_all(iso, system, officer)
    with pytest.raises(RefusedError, match="You wrote lines"):
        statements.approve(framework=iso, system=system, note="", actor=officer)
    version = statements.approve(framework=iso, system=system, note="For stage 1.", actor=second_officer)
    assert (version.version, version.sha256) == (1, digest_of(version.lines))
    with pytest.raises(RefusedError, match="Nothing differs from version 1"):
        statements.approve(framework=iso, system=system, note="", actor=second_officer)
    event = LedgerEvent.objects.get(kind="statement.approved")
    assert event.subject_uuid == version.uuid


def test_later_decisions_leave_a_version_alone(
    iso: Framework, system: AISystem, officer: User, second_officer: User
) -> None:
    decide_all(iso, system, officer)
    first = statements.approve(framework=iso, system=system, note="", actor=second_officer)
    statements.decide(
        framework=iso,
        system=system,
        decisions=[included("A.10.3", "A supplier came.", version=1)],
        actor=second_officer,
    )
    with pytest.raises(RefusedError, match="You wrote lines"):
        statements.approve(framework=iso, system=system, note="", actor=second_officer)
    second = statements.approve(framework=iso, system=system, note="", actor=officer)
    first.refresh_from_db()
    assert [line["inclusion"] for line in first.lines] == ["included", "included", "excluded"]
    assert [line["inclusion"] for line in second.lines] == ["included"] * 3


def test_the_pages_save_approve_and_export(
    browse: Browse, iso: Framework, system: AISystem, officer: User, second_officer: User
) -> None:
    url = f"{reverse('statement-detail', args=[iso.key])}?system={system.uuid}"
    sent = {"system": str(system.uuid)}
    for one in IDS:
        sent |= {
            f"inclusion.{one}": "included", f"reason.{one}": "=SUM(A1)", f"implementation.{one}": "planned",
            f"version.{one}": "0",
        }  # fmt: skip
    browse(officer).post(reverse("statement-save", args=[iso.key]), sent)
    page = browse(officer).get(url).content.decode()
    assert "Of 3 ids 0 are undecided and 0 excluded; 3 are included without an own control." in page
    browse(second_officer).post(reverse("statement-approve", args=[iso.key]), {"system": str(system.uuid)})
    version = StatementVersion.objects.get()
    shown = browse(officer).get(reverse("statement-version", args=[version.uuid]))
    assert "It never changes." in shown.content.decode()
    for address in (f"{url}&export=csv", f"{reverse('statement-version', args=[version.uuid])}?export=csv"):
        lines = list(csv.DictReader(io.StringIO(browse(officer).get(address).getvalue().decode("utf-8-sig"))))
        assert [(line["control id"], line["reason"]) for line in lines] == [(one, "'=SUM(A1)") for one in IDS]
    listed = browse(officer).get(reverse("api-statements-list")).json()["results"]
    assert [(one["framework"], one["version"], len(one["lines"])) for one in listed] == [(iso.key, 1, 3)]


def test_only_who_sees_everything_sees_the_organisations_statement(
    browse: Browse, iso: Framework, system: AISystem, other_system: AISystem, contributor: User
) -> None:
    client, url = browse(contributor), reverse("statement-detail", args=[iso.key])
    unasked = client.get(url).content.decode()
    assert system.name in unasked
    assert "A.6.2.8" not in unasked
    assert client.get(url, {"system": str(other_system.uuid)}).status_code == 404
    assert client.get(url, {"system": str(system.uuid)}).status_code == 200
    assert "The whole organisation" not in client.get(reverse("statement-list")).content.decode()
