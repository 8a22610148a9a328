"""Findings: drawn from verdicts by a fixed rule; silence draws nothing."""

from __future__ import annotations

import pytest

from compliance.models import AISystem, Finding, LedgerEvent, ReferenceControl, User
from compliance.services import findings
from compliance.services.errors import RefusedError
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion, FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verdict", "conclusion", "control"),
    [
        (StageVerdict.EVIDENCE_FOUND, Conclusion.NOT_SATISFIED, "BDM-15"),
        (StageVerdict.NO_EVIDENCE_AT_POWER, Conclusion.SATISFIED, "BDM-15"),
        (FileScanVerdict.FINDING, Conclusion.NOT_SATISFIED, "BDM-14"),
        (FileScanVerdict.NOTHING_FOUND, Conclusion.SATISFIED, "BDM-14"),
    ],
)
def test_a_verdict_draws_its_conclusion(
    world: World, officer: User, verdict: StageVerdict | FileScanVerdict, conclusion: Conclusion, control: str
) -> None:
    observation = records.observed(world.base, verdict, actor=officer)
    drawn = records.finding_of(observation)
    assert (drawn.state, drawn.target.control_id) == (conclusion, control)


@pytest.mark.parametrize(
    "verdict",
    [
        StageVerdict.INCONCLUSIVE,
        StageVerdict.NOT_APPLICABLE,
        StageVerdict.FAILED,
        FileScanVerdict.NOTHING_SCANNED,
        FileScanVerdict.SKIPPED,
        FileScanVerdict.FAILED,
    ],
)
def test_silence_is_never_a_pass(world: World, officer: User, verdict: StageVerdict | FileScanVerdict) -> None:
    observation = records.observed(world.base, verdict, actor=officer)
    assert findings.conclude(observations=[observation], actor=officer) == []
    assert not Finding.objects.filter(model_version=world.base).exists()


def test_a_later_scan_changes_the_conclusion_of_the_same_finding(world: World, officer: User) -> None:
    again = records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, actor=officer)
    drawn = findings.conclude(observations=[again], actor=officer)
    assert [row.pk for row in drawn] == [world.finding.pk]
    world.finding.refresh_from_db()
    assert world.finding.state == Conclusion.SATISFIED
    assert world.finding.observations.count() == 2


def test_concluding_again_from_the_same_observation_changes_nothing(world: World, officer: User) -> None:
    before = LedgerEvent.objects.count()
    findings.conclude(observations=[world.observation], actor=officer)
    assert LedgerEvent.objects.count() == before


def by_person(system: AISystem, officer: User, title: str = "No list of submitters") -> Finding:
    return findings.open_by_person(
        system=system,
        target=ReferenceControl.objects.get(control_id="BDM-15"),
        title=title,
        condition="Nobody keeps a list.",
        cause="",
        effect="",
        severity=Severity.MEDIUM,
        actor=officer,
    )


def test_a_person_opens_a_finding_once(world: World, system: AISystem, officer: User) -> None:
    assert by_person(system, officer) == by_person(system, officer)


def test_a_finding_without_words_is_refused(world: World, system: AISystem, officer: User) -> None:
    with pytest.raises(RefusedError, match="what is wrong"):
        by_person(system, officer, title=" ")
