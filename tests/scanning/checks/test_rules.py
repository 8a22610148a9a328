"""Each rule by name: what is an exception, what cannot be told, and what is never taken for a pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from compliance.types.checks import CheckRule
from compliance.types.states import ActionClass, ModelOrigin, Outcome
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.checks.activity import is_within
from scanning.checks.base import (
    Coverage,
    Entitled,
    Event,
    Facts,
    NamedData,
    NamedModel,
    Outcomes,
    Sighting,
    Verified,
    Window,
)
from scanning.checks.registry import CHECKS, sentence_of, verdict_of
from tests.scanning.checks.facts import (
    BASE,
    DATA,
    END,
    NINE,
    OUTPUT,
    RIGHT,
    START,
    actor,
    approval,
    event,
    facts,
)

pytestmark = pytest.mark.sqlite_only
FINDING, NOTHING_FOUND = FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND
INCONCLUSIVE, NOT_APPLICABLE = StageVerdict.INCONCLUSIVE, StageVerdict.NOT_APPLICABLE
HOUR = timedelta(hours=1)


def run(rule: CheckRule, given: Facts) -> Outcomes:
    return CHECKS[rule][0](given)


def said(rule: CheckRule, given: Facts) -> tuple[str, int, int]:
    found = run(rule, given)
    return verdict_of(found).value, len(found.exceptions), len(found.undecided)


def base(**changes: Any) -> tuple[NamedModel, ...]:
    return (NamedModel(name="s3://base", digest="", model=replace(BASE, **changes)),)


def data(*verifications: Verified, digest: str = "") -> tuple[NamedData, ...]:
    return (NamedData(name="s3://digits", digest=digest, data=replace(DATA, verifications=verifications)),)


def output(*signatures: Sighting) -> tuple[NamedModel, ...]:
    return (NamedModel(name="s3://out", digest="", model=replace(OUTPUT, signatures=signatures)),)


UNBOUND = (NamedModel(name="hub/unheard-of", digest="", model=None),)
UNBOUND_DATA = (NamedData(name="s3://elsewhere", digest="", data=None),)
NOT_OURS = (replace(UNBOUND[0], none_of_ours=True),)
DIFFERED, MATCHED = Verified(at=START, matches=False), Verified(at=START, matches=True)
WRONG = Sighting(at=START, verdict=FINDING.value)
SKIPPED = Sighting(at=START, verdict=FileScanVerdict.SKIPPED.value)

R = CheckRule
ONE_JOB: list[tuple[str, CheckRule, dict[str, Any], str]] = [
    ("a stranger", R.SUBMITTER_NOT_APPROVED, {"actor": actor("eve")}, FINDING),
    ("nobody named", R.SUBMITTER_NOT_APPROVED, {"actor": None}, INCONCLUSIVE),
    ("listed by the role", R.SUBMITTER_NOT_APPROVED, {"actor": actor("eve"), "role": "ANN"}, NOTHING_FOUND),
    ("nobody named", R.SUBMITTER_CANNOT_BE_TOLD, {"actor": None}, FINDING),
    ("a key", R.SUBMITTER_CANNOT_BE_TOLD, {"actor": actor("k", "ApiKey")}, FINDING),
    ("the root user", R.SUBMITTER_CANNOT_BE_TOLD, {"actor": actor("root", "Root")}, FINDING),
    ("the client's own word", R.SUBMITTER_CANNOT_BE_TOLD, {"actor": actor("x", "ClientAsserted")}, FINDING),
    ("a tool's session", R.SUBMITTER_CANNOT_BE_TOLD, {"session": "botocore-session-1700000000"}, FINDING),
    ("a pipeline's session", R.SUBMITTER_CANNOT_BE_TOLD, {"session": "GitHubActions"}, FINDING),
    ("a person's session", R.SUBMITTER_CANNOT_BE_TOLD, {"session": "ann@example.org"}, NOTHING_FOUND),
    ("on behalf of a person", R.SUBMITTER_CANNOT_BE_TOLD, {"session": "SageMaker", "on_behalf_of": "ann"}, NOTHING_FOUND),
    ("the approver", R.APPROVED_OWN_JOB, {"actor": actor("bob")}, FINDING),
    ("nobody named", R.APPROVED_OWN_JOB, {"actor": None}, INCONCLUSIVE),
    ("another job", R.JOB_WITHOUT_APPROVAL, {"job_name": "other", "job_id": ""}, FINDING),
    ("no name of the job", R.JOB_WITHOUT_APPROVAL, {"job_name": "", "job_id": ""}, INCONCLUSIVE),
    ("before its approval", R.APPROVAL_AFTER_START, {"at": NINE - timedelta(days=1, hours=1)}, FINDING),
    ("other data", R.APPROVAL_WITHOUT_DIGESTS, {"data": (replace(data()[0], data=replace(DATA, digest="e" * 64)),)}, FINDING),
    ("other base", R.APPROVAL_WITHOUT_DIGESTS, {"bases": base(digest="e" * 64)}, FINDING),
    ("unbound data", R.APPROVAL_WITHOUT_DIGESTS, {"data": UNBOUND_DATA}, INCONCLUSIVE),
    ("never verified", R.DATASET_NOT_VERIFIED, {"data": data()}, FINDING),
    ("verified too late", R.DATASET_NOT_VERIFIED, {"data": data(Verified(at=NINE + HOUR, matches=True))}, FINDING),
    ("unbound", R.DATASET_NOT_VERIFIED, {"data": UNBOUND_DATA}, INCONCLUSIVE),
    ("no data named", R.DATASET_NOT_VERIFIED, {"data": ()}, INCONCLUSIVE),
    ("differed", R.DATASET_CHANGED, {"data": data(DIFFERED)}, FINDING),
    ("mended since", R.DATASET_CHANGED, {"data": data(DIFFERED, replace(MATCHED, at=NINE))}, NOTHING_FOUND),
    ("another digest in the log", R.DATASET_CHANGED, {"data": data(MATCHED, digest="e" * 64)}, FINDING),
    ("the same digest in the log", R.DATASET_CHANGED, {"data": data(digest=DATA.digest)}, NOTHING_FOUND),
    ("nothing on record", R.DATASET_CHANGED, {"data": data()}, INCONCLUSIVE),
    ("unheard of", R.BASE_UNKNOWN, {"bases": UNBOUND}, FINDING),
    ("not named", R.BASE_UNKNOWN, {"bases": ()}, INCONCLUSIVE),
    ("none of ours", R.BASE_UNKNOWN, {"bases": NOT_OURS}, NOTHING_FOUND),
    ("never scanned", R.BASE_NOT_SCANNED, {"bases": base(scans=())}, FINDING),
    ("skipped by the scan", R.BASE_NOT_SCANNED, {"bases": base(scans=(SKIPPED,))}, FINDING),
    ("scanned too late", R.BASE_NOT_SCANNED, {"bases": base(scans=(replace(RIGHT, at=NINE + HOUR),))}, FINDING),
    ("of unknown origin", R.BASE_NOT_SCANNED, {"bases": base(scans=(), origin=ModelOrigin.UNKNOWN)}, FINDING),
    ("our own", R.BASE_NOT_SCANNED, {"bases": base(scans=(), origin=ModelOrigin.OWN)}, NOTHING_FOUND),
    ("unbound", R.BASE_NOT_SCANNED, {"bases": UNBOUND}, INCONCLUSIVE),
    ("another digest in the log", R.BASE_CHANGED, {"bases": (replace(base()[0], digest="e" * 64),)}, FINDING),
    ("no digest in the log", R.BASE_CHANGED, {"bases": base()}, INCONCLUSIVE),
    ("no signature", R.OUTPUT_NOT_SIGNED, {"outputs": output()}, FINDING),
    ("a wrong one beside a right one", R.OUTPUT_NOT_SIGNED, {"outputs": output(RIGHT, WRONG)}, FINDING),
    ("not verified", R.OUTPUT_NOT_SIGNED, {"outputs": output(Sighting(at=START, verdict=INCONCLUSIVE.value))}, FINDING),
    ("unbound", R.OUTPUT_NOT_SIGNED, {"outputs": UNBOUND}, INCONCLUSIVE),
    ("not named", R.OUTPUT_NOT_SIGNED, {"outputs": ()}, INCONCLUSIVE),
    ("a stranger", R.USED_NOT_ENTITLED, {"actor": actor("eve")}, FINDING),
    ("by the role", R.USED_NOT_ENTITLED, {"actor": actor("eve"), "role": "key of ann"}, NOTHING_FOUND),
    ("an account without document", R.USED_NOT_ENTITLED, {"actor": actor("eve"), "account": "2222"}, INCONCLUSIVE),
    ("nobody named", R.USED_NOT_ENTITLED, {"actor": None}, INCONCLUSIVE),
    ("at night", R.OUTSIDE_CHANGE_WINDOW, {"at": NINE - HOUR}, FINDING),
    ("before any window", R.OUTSIDE_CHANGE_WINDOW, {"at": START - HOUR}, INCONCLUSIVE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "changes", "verdict"), [pytest.param(*row, id=f"{row[0]}: {name}") for name, *row in ONE_JOB]
)
def test_one_job(rule: CheckRule, changes: dict[str, Any], verdict: str) -> None:
    found = run(rule, facts(event(0, **changes), approvals=(approval(0),)))
    assert verdict_of(found) == verdict
    assert found.population == 1
    for case in (*found.exceptions, *found.undecided):
        assert case.sentence.endswith(".")
        assert case.event is not None


@pytest.mark.parametrize("rule", list(CheckRule))
def test_where_all_is_in_order_nothing_is_found(rule: CheckRule) -> None:
    assert said(rule, facts()) == (NOTHING_FOUND, 0, 0)


MISSING: list[tuple[CheckRule, dict[str, Any], str]] = [
    (R.SUBMITTER_NOT_APPROVED, {"approved": None}, INCONCLUSIVE),
    (R.APPROVED_OWN_JOB, {"approvals": ()}, INCONCLUSIVE),
    (R.JOB_WITHOUT_APPROVAL, {"approvals": ()}, INCONCLUSIVE),
    (R.APPROVAL_AFTER_START, {"approvals": ()}, INCONCLUSIVE),
    (R.APPROVAL_WITHOUT_DIGESTS, {"approvals": ()}, INCONCLUSIVE),
    (R.ENTITLED_UNUSED, {"can_now": None}, INCONCLUSIVE),
    (R.USED_NOT_ENTITLED, {"scopes_read": frozenset()}, INCONCLUSIVE),
    (R.LOG_GAP, {"silences": {}}, NOT_APPLICABLE),
    (R.OUTSIDE_CHANGE_WINDOW, {"windows": ()}, NOT_APPLICABLE),
]


@pytest.mark.parametrize(("rule", "changes", "verdict"), MISSING)
def test_a_check_without_its_input_is_no_pass(rule: CheckRule, changes: dict[str, Any], verdict: str) -> None:
    found = run(rule, facts(**changes))
    assert verdict_of(found) == verdict
    assert found.lacks or found.not_stated


OF_JOBS = [rule for rule in CheckRule if rule not in {R.ENTITLED_UNUSED, R.LOG_GAP}]


@pytest.mark.parametrize("rule", OF_JOBS)
def test_a_period_without_jobs_says_nothing(rule: CheckRule) -> None:
    quiet = replace(facts(), events=())
    assert verdict_of(run(rule, quiet)) == NOT_APPLICABLE


@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.FAILED, Outcome.UNKNOWN])
def test_only_jobs_that_were_submitted_count(outcome: Outcome) -> None:
    attempted = facts(event(0, outcome=outcome, actor=actor("eve")))
    assert run(R.SUBMITTER_NOT_APPROVED, attempted).population == 0
    assert run(R.SUBMITTER_NOT_APPROVED, facts(event(0, action_class=ActionClass.DEPLOY))).population == 0


# Approvals ------------------------------------------------------------------------------------------------------------


def test_the_first_approval_counts_for_the_time() -> None:
    late = approval(0, at=NINE + HOUR)
    assert said(R.APPROVAL_AFTER_START, facts(event(0), approvals=(late,)))[0] == FINDING
    assert said(R.APPROVAL_AFTER_START, facts(event(0), approvals=(late, approval(0))))[0] == NOTHING_FOUND


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset_digest": ""}, "names no digest of the data set"),
        ({"base_digest": ""}, "names no digest of the base model"),
        ({"dataset_digest": "", "base_digest": ""}, "names no digest of the data set and of the base model"),
        ({"dataset_digest": "e" * 64}, "names another data set than the job used"),
    ],
)
def test_an_approval_that_does_not_name_what_was_used(changes: dict[str, str], words: str) -> None:
    (case,) = run(R.APPROVAL_WITHOUT_DIGESTS, facts(event(0), approvals=(approval(0, **changes),))).exceptions
    assert words in case.sentence


def test_one_whole_approval_is_enough() -> None:
    both = (approval(0, dataset_digest=""), approval(0))
    assert said(R.APPROVAL_WITHOUT_DIGESTS, facts(event(0), approvals=both))[0] == NOTHING_FOUND


def test_a_job_is_approved_by_id_or_name() -> None:
    by_id = approval(0, job="arn:job/0")
    assert said(R.JOB_WITHOUT_APPROVAL, facts(event(0), approvals=(by_id,)))[0] == NOTHING_FOUND
    assert said(R.JOB_WITHOUT_APPROVAL, facts(event(0), event(1), approvals=(by_id,))) == (FINDING, 1, 0)


# Sessions -------------------------------------------------------------------------------------------------------------


def test_a_session_from_two_addresses_within_an_hour_is_shared() -> None:
    session = {"session": "ann@example.org", "role": "trainer"}
    from_one = event(0, **session, address="192.0.2.1")
    near = event(1, **session, address="192.0.2.2", at=NINE + timedelta(minutes=59))
    far = replace(near, at=NINE + timedelta(hours=2))
    assert said(R.SUBMITTER_CANNOT_BE_TOLD, facts(from_one, near)) == (FINDING, 2, 0)
    assert said(R.SUBMITTER_CANNOT_BE_TOLD, facts(from_one, far))[0] == NOTHING_FOUND
    assert said(R.SUBMITTER_CANNOT_BE_TOLD, facts(from_one, replace(near, role="reader")))[0] == NOTHING_FOUND


# Bursts ---------------------------------------------------------------------------------------------------------------


def denied(*minutes: float, **changes: Any) -> tuple[Event, ...]:
    return tuple(
        event(n, outcome=Outcome.DENIED, at=NINE + timedelta(minutes=minute), **changes)
        for n, minute in enumerate(minutes)
    )


@pytest.mark.parametrize(
    ("minutes", "bursts"),
    [
        ((0, 1, 2, 3), []),
        ((0, 1, 2, 3, 4), [5]),
        ((0, 3, 6, 9, 10), [5]),
        ((0, 3, 6, 9, 10.1), []),
        ((0, 1, 2, 3, 4, 5, 6), [7]),
        ((0, 1, 2, 3, 4, 60, 61, 62, 63, 64), [5, 5]),
        ((0, 0, 0, 0, 0, 30), [5]),
    ],
)
def test_bursts_of_denied_attempts(minutes: tuple[float, ...], bursts: list[int]) -> None:
    found = run(R.DENIED_BURST, facts(*denied(*minutes)))
    assert [case.facts["attempts"] for case in found.exceptions] == bursts


def test_attempts_of_several_principals_are_no_burst() -> None:
    given = tuple(replace(one, actor=actor(f"p{n}")) for n, one in enumerate(denied(0, 1, 2, 3, 4)))
    assert said(R.DENIED_BURST, facts(*given))[0] == NOTHING_FOUND


def test_attempts_without_a_name_are_told_apart_by_address() -> None:
    assert said(R.DENIED_BURST, facts(*denied(0, 1, 2, 3, 4, actor=None, address="192.0.2.1")))[0] == FINDING
    assert said(R.DENIED_BURST, facts(*denied(0, 1, actor=None))) == (INCONCLUSIVE, 0, 2)


# Silence --------------------------------------------------------------------------------------------------------------


def test_a_source_that_says_nothing_for_too_long() -> None:
    given = facts(event(0), event(1, at=NINE + timedelta(hours=31)), coverage=(covered(NINE + timedelta(hours=32)),))
    (case,) = run(R.LOG_GAP, given).exceptions
    assert case.sentence == "aws-cloudtrail says nothing for 31 hours from 2026-03-02 09:00 to 2026-03-03 16:00 UTC."


def covered(until: datetime, source: str = "aws-cloudtrail") -> Coverage:
    return Coverage(source=source, until=until)


def test_silence_at_the_end_counts_until_the_documents_were_collected() -> None:
    for until, count in ((NINE + timedelta(hours=29), 0), (NINE + timedelta(days=3), 1), (END + timedelta(days=90), 1)):
        assert len(run(R.LOG_GAP, facts(event(0), coverage=(covered(until),))).exceptions) == count


def test_silence_of_the_whole_period_is_a_gap() -> None:
    quiet = replace(facts(coverage=(covered(END),)), events=())
    (case,) = run(R.LOG_GAP, quiet).exceptions
    assert "for 720 hours" in case.sentence


def test_a_source_without_document_or_without_expectation_is_undecided() -> None:
    expected = {"aws-cloudtrail": timedelta(hours=30), "azure-activity": timedelta(hours=1)}
    assert said(R.LOG_GAP, facts(silences=expected)) == (INCONCLUSIVE, 0, 1)
    both = (covered(NINE + HOUR), covered(END, "openai-audit"))
    assert said(R.LOG_GAP, facts(coverage=both)) == (INCONCLUSIVE, 0, 1)


# Entitlements ---------------------------------------------------------------------------------------------------------


def test_who_can_and_did_not_is_named() -> None:
    can = (Entitled(actor=actor("ann"), scope="1111"), Entitled(actor=actor("zoe"), scope="1111"))
    found = run(R.ENTITLED_UNUSED, facts(can_now=can))
    assert [case.subject for case in found.exceptions] == ["zoe"]
    assert (found.population, found.unit) == (2, "principals")


def test_the_use_of_a_role_is_its_use() -> None:
    can = (Entitled(actor=actor("trainer"), scope="1111"),)
    assert said(R.ENTITLED_UNUSED, facts(event(0, role="arn:user/trainer"), can_now=can))[0] == NOTHING_FOUND


def test_a_reading_that_names_nobody_leaves_nothing_to_look_at() -> None:
    assert said(R.ENTITLED_UNUSED, facts(can_now=(), ever_entitled=frozenset()))[0] == NOT_APPLICABLE


def test_that_nobody_is_left_of_those_who_could_is_an_answer() -> None:
    found = run(R.ENTITLED_UNUSED, facts(can_now=(), ever_entitled=frozenset({"arn:user/ann"})))
    assert verdict_of(found) == NOTHING_FOUND
    assert sentence_of(found).startswith("Exceptions: none. By the latest documents nobody")


# Windows --------------------------------------------------------------------------------------------------------------

BERLIN = Window(
    days=frozenset({0, 1, 2, 3, 4}), opens=time(9), closes=time(17), time_zone="Europe/Berlin", effective_from=START
)
NIGHT = replace(BERLIN, opens=time(22), closes=time(4), days=frozenset({0}))


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        (BERLIN, datetime(2026, 3, 2, 8, 0, tzinfo=UTC), True),
        (BERLIN, datetime(2026, 3, 2, 7, 59, tzinfo=UTC), False),
        (BERLIN, datetime(2026, 3, 2, 16, 0, tzinfo=UTC), False),
        (BERLIN, datetime(2026, 7, 6, 7, 0, tzinfo=UTC), True),  # summer time
        (BERLIN, datetime(2026, 3, 7, 10, 0, tzinfo=UTC), False),  # a Saturday
        (NIGHT, datetime(2026, 3, 2, 22, 0, tzinfo=UTC), True),
        (NIGHT, datetime(2026, 3, 3, 2, 0, tzinfo=UTC), True),  # Tuesday, in the window that opened on Monday
        (NIGHT, datetime(2026, 3, 3, 22, 0, tzinfo=UTC), False),
        (NIGHT, datetime(2026, 3, 2, 2, 0, tzinfo=UTC), False),
    ],
)
def test_hours_of_a_window(window: Window, moment: datetime, inside: bool) -> None:
    assert is_within(window, moment) is inside


def test_the_window_in_force_counts() -> None:
    later = replace(BERLIN, days=frozenset({6}), effective_from=NINE + timedelta(minutes=30))
    given = facts(event(0), event(1), windows=(later, BERLIN))
    (case,) = run(R.OUTSIDE_CHANGE_WINDOW, given).exceptions
    assert (
        case.sentence == "job-1 was submitted on Monday 2026-03-02 at 11:00 (Europe/Berlin), outside the change window."
    )


def test_every_rule_has_a_check_that_says_its_name() -> None:
    assert list(CHECKS) == list(CheckRule)
    check: Callable[[Facts], Outcomes]
    for rule, (check, words) in CHECKS.items():
        assert check(facts()).rule is rule
        assert words.title
        assert words.looks_at
