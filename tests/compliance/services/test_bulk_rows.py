"""Many rows at once: the same rows, findings, events and roots as one at a time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import AISystem, Evidence, Finding, LedgerEvent, Observation, TrailEntry, User
from compliance.services import bulk_rows, findings, ledger, observations
from compliance.types.canonical import digest_of
from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict
from tests.compliance import records

pytestmark = pytest.mark.django_db

WHEN = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
TEXTS = ("", "plain", "Ünï\u2028😀", "tab\tquote\"apostrophe'back\\slash", "{curly},[square]", "NULL", "\\N", "%s %%")
FACTS = {"n": 1, "x": 0.5, "whole": 3.0, "small": 1e-7, "list": [1, None, True, "é"], "nested": {"\ue000": 1, "😀": {}}}
OWN = ("id", "uuid", "created_at")


def draft(n: int = 0, **changes: Any) -> ObservationDraft:
    values: dict[str, Any] = {
        "producer": "scanner", "producer_version": "1.0", "rule": f"R{n % 3}", "title": TEXTS[n % len(TEXTS)] or "title",
        "description": TEXTS[-1 - n % len(TEXTS)], "method": Method.TEST,
        "asset": AssetRef(kind="model_file", name=f"file-{n}", digest=None), "fingerprint": digest_of(["a", n]),
        "verdict": FileScanVerdict.FINDING, "observed_at": WHEN + timedelta(minutes=n),
        "severity": Severity.HIGH if n % 2 else None, "facts": FACTS,
    }  # fmt: skip
    return ObservationDraft(**(values | changes))


def plain(row: Any, *but: str) -> dict[str, Any]:
    """The values of a row, those apart that are its own."""
    names = [field.attname for field in row._meta.concrete_fields if field.attname not in (*OWN, *but)]
    return {name: getattr(row, name) for name in names}


@pytest.fixture
def system() -> AISystem:
    records.catalogue()
    return AISystem.objects.create(name="Model hub")


@pytest.fixture
def evidence(system: AISystem) -> Evidence:
    return records.evidence(system, b"a report", actor=None)


# Rows ----------------------------------------------------------------------------------------------------------------


def test_rows_made_together_are_those_made_one_by_one(system: AISystem) -> None:
    said = [
        {
            "system_id": system.pk, "source_uuid": uuid4(), "fingerprint": digest_of(n), "rule": text, "title": text,
            "description": text, "method": Method.TEST.value, "verdict": "finding", "asset_kind": "model_file",
            "techniques": list(TEXTS[:n]), "facts": FACTS | {text: n}, "observed_at": WHEN if n % 2 else None,
        }
        for n, text in enumerate(TEXTS)
    ]  # fmt: skip
    rows = bulk_rows.create(Observation, names=list(said[0]), values=[[*one.values()] for one in said])
    single = [Observation.objects.create(**(one | {"source_uuid": uuid4()})) for one in said]
    for made, other in zip(rows, single, strict=True):
        stored = Observation.objects.get(pk=made.pk)
        other.refresh_from_db()
        assert plain(stored, "source_uuid") == plain(other, "source_uuid")
        assert plain(made) == plain(stored)
        assert (made.uuid, made.created_at, type(made.uuid)) == (stored.uuid, stored.created_at, UUID)
    assert len({row.uuid for row in [*rows, *single]}) == 2 * len(TEXTS)
    assert len({row.created_at for row in rows}) == 1


def test_a_row_that_is_made_together_is_an_ordinary_one_afterwards(system: AISystem) -> None:
    (row,) = bulk_rows.create(AISystem, names=("name",), values=[("Other",)])
    row.name = "Another"
    row.save()
    assert list(AISystem.objects.order_by("pk").values_list("name", flat=True)) == ["Model hub", "Another"]
    assert AISystem.objects.create(name="Third").pk > row.pk


def test_nothing_is_made_of_nothing(system: AISystem) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert bulk_rows.create(Observation, names=("title",), values=[]) == []
    assert len(queries) == 0


def test_rows_changed_together_are_those_saved_one_by_one(system: AISystem) -> None:
    seen, _ = observations.record_batch(
        system=system, source_uuid=uuid4(), evidence=None, drafts=[draft(n) for n in range(20)]
    )
    rows = findings.conclude(observations=seen, actor=None)
    before = {row.pk: plain(row) for row in Finding.objects.all()}
    for n, row in enumerate(rows[:15]):
        row.title, row.condition = TEXTS[n % len(TEXTS)], "\n".join(TEXTS)
        row.last_seen_at = WHEN.astimezone(timezone(timedelta(hours=5))) + timedelta(days=n)
    bulk_rows.update(rows[:15], names=("title", "condition", "last_seen_at"))
    for row in rows[:15]:
        stored = Finding.objects.get(pk=row.pk)
        changed = {"title": row.title, "condition": row.condition, "last_seen_at": row.last_seen_at}
        assert plain(stored) == before[row.pk] | changed
        row.save()
        assert plain(Finding.objects.get(pk=row.pk)) == plain(stored)
    assert all(plain(Finding.objects.get(pk=row.pk)) == before[row.pk] for row in rows[15:])


def test_a_value_longer_than_its_column_is_no_shorter_one() -> None:
    rows = [AISystem.objects.create(name="x")]
    rows[0].name = "y" * 5000
    if connection.vendor == "postgresql":
        with pytest.raises(Exception, match="too long"):
            bulk_rows.update(rows, names=("name",))
    else:
        bulk_rows.update(rows, names=("name",))
        assert AISystem.objects.get(pk=rows[0].pk).name == "y" * 5000


def test_among_finds_what_in_finds(system: AISystem, evidence: Evidence) -> None:
    drafts = [draft(n, location=TEXTS[n % len(TEXTS)]) for n in range(30)]
    rows, _ = observations.record_batch(system=system, source_uuid=uuid4(), evidence=evidence, drafts=drafts)
    everything = Observation.objects.order_by("pk")
    for texts in ((), TEXTS, TEXTS[:3], ["none of them"], [TEXTS[3]] * 5000):
        assert list(everything.filter(location__among=texts)) == list(everything.filter(location__in=texts))
    keys = [row.pk for row in rows[::2]]
    assert list(everything.filter(pk__among=keys)) == rows[::2]
    assert list(everything.filter(pk__among=[])) == []
    assert everything.filter(evidence_id__among={evidence.pk, 0, 2**40}).count() == 30
    assert everything.exclude(pk__among=keys).count() == 15
    with CaptureQueriesContext(connection) as queries:
        assert everything.filter(fingerprint__among=[digest_of(n) for n in range(60_000)]).count() == 0
    assert len(queries) == 1


# Observations --------------------------------------------------------------------------------------------------------


def test_recorded_observations_are_what_the_record_gives_back(system: AISystem, evidence: Evidence) -> None:
    source = uuid4()
    moments = [None, WHEN.astimezone(timezone(timedelta(hours=-7))), *[WHEN] * 18]
    drafts = [draft(n, observed_at=moment) for n, moment in enumerate(moments)]
    rows, known = observations.record_batch(
        system=system, source_uuid=source, evidence=evidence, drafts=[*drafts, *drafts[:5]]
    )
    assert (len(rows), known) == (20, 5)
    assert [plain(row) for row in rows] == [plain(row) for row in observations.rows_of(source_uuid=source)]
    assert {row.evidence for row in rows} == {evidence}
    again, known = observations.record_batch(system=system, source_uuid=source, evidence=evidence, drafts=drafts)
    assert (again, known) == ([], 20)


def test_the_root_of_rows_on_their_way_is_that_of_the_record(system: AISystem, evidence: Evidence) -> None:
    source = uuid4()
    assert observations.root_of(rows=[]) == observations.rows_root(source_uuid=source)
    rows, _ = observations.record_batch(
        system=system, source_uuid=source, evidence=evidence, drafts=[draft(n) for n in range(50)]
    )
    assert observations.root_of(rows=rows) == observations.rows_root(source_uuid=source)
    assert observations.root_of(rows=rows[1:]) != observations.rows_root(source_uuid=source)


def test_only_what_is_said_word_for_word_is_left_out(system: AISystem, evidence: Evidence) -> None:
    other = records.evidence(system, b"a later report", actor=None)
    drafts = [draft(n) for n in range(10)] + [draft(n, observed_at=None) for n in range(10, 20)]
    observations.record_batch(system=system, source_uuid=uuid4(), evidence=evidence, drafts=drafts)

    def fresh(given: Sequence[ObservationDraft], source: Evidence = evidence) -> list[ObservationDraft]:
        return observations.unrecorded(system=system, evidence=source, drafts=given)

    assert fresh(drafts) == []
    assert fresh(drafts, other) == drafts[10:]  # a report without a time may be a later one
    later = [draft(n, observed_at=WHEN + timedelta(days=1)) for n in range(10)]
    assert fresh(later) == later
    # As of a time that another draft has, too: the time is compared for each.
    swapped = [draft(0, observed_at=WHEN + timedelta(minutes=1)), draft(1)]
    assert fresh(swapped) == swapped[:1]
    reworded = [
        draft(0, description="Other words"),
        draft(1, facts=FACTS | {"n": True}),
        draft(2, facts=FACTS | {"n": 1.0}),
    ]
    assert fresh(reworded) == reworded[:2]
    moved = [draft(0, facts=FACTS | {"locator": "runs[3]"})]
    assert fresh(moved) == []
    assert fresh([*drafts[:3], draft(99)]) == [draft(99)]


# Findings and events -------------------------------------------------------------------------------------------------


def _said(system: AISystem, seed: int) -> list[Observation]:
    """Observations on few assets and rules, out of order in time, so that conclusions change back and forth."""
    chance = random.Random(seed)
    verdicts = [FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FAILED]
    rows: list[Observation] = []
    for n in range(60):
        said = draft(
            n,
            rule=f"R{chance.randrange(2)}",
            asset=AssetRef(kind="model_file", name=f"file-{chance.randrange(5)}", digest=None),
            verdict=chance.choice(verdicts),
            severity=chance.choice([None, Severity.LOW, Severity.CRITICAL]),
            observed_at=WHEN + timedelta(hours=chance.randrange(20)),
        )
        rows += observations.record_batch(system=system, source_uuid=uuid4(), evidence=None, drafts=[said])[0]
    return rows


def _told(system: AISystem) -> tuple[Any, ...]:
    """Findings of a system with their observations by fingerprint, and what the ledger says of each, in order."""
    seen = {str(row.uuid): row.fingerprint for row in Observation.objects.filter(system=system)}
    rows = Finding.objects.filter(system=system).order_by("asset_key", "rule_fingerprint")
    names = {finding.uuid: (finding.asset_key, finding.rule_fingerprint) for finding in rows}
    entries = TrailEntry.objects.filter(system=system).select_related("event").order_by("pk")
    events: dict[Any, list[Any]] = {}
    for entry in entries:
        payload = {name: value for name, value in entry.payload.items() if name not in ("system", "observation")}
        what = seen[entry.payload["observation"]]
        events.setdefault(names[entry.event.subject_uuid], []).append((entry.event.kind, payload, what))
    linked = [sorted(row.observations.values_list("fingerprint", flat=True)) for row in rows]
    # How a finding stands beside the import before depends on what is one import, and is tested in test_sightings.py.
    return [plain(row, "system_id", "sighting", "reappearances") for row in rows], linked, events


@pytest.mark.parametrize("seed", range(4))
def test_findings_drawn_together_are_those_drawn_one_by_one(system: AISystem, officer: User, seed: int) -> None:
    other = AISystem.objects.create(name="Model hub, one by one")
    findings.conclude(observations=_said(system, seed), actor=officer)
    for observation in _said(other, seed):
        findings.conclude(observations=[observation], actor=officer)
    together, single = _told(system), _told(other)
    assert together == single
    assert len(together[0]) > 5


def test_findings_of_many_observations_take_as_many_statements_as_those_of_few(system: AISystem, officer: User) -> None:
    counts = []
    for start, number in ((0, 3), (100, 300)):
        rows, _ = observations.record_batch(
            system=system, source_uuid=uuid4(), evidence=None, drafts=[draft(n) for n in range(start, start + number)]
        )
        with CaptureQueriesContext(connection) as queries:
            findings.conclude(observations=rows, actor=officer)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_events_recorded_together_are_those_recorded_one_by_one(system: AISystem, officer: User) -> None:
    payloads = [{"state": "open", "n": n, "share": n / 7, "ids": [str(uuid4())], "whole": float(n)} for n in range(9)]
    together = ledger.record_many(
        kind="finding.concluded", acts=[(system, payload) for payload in payloads], actor=officer, system=system
    )
    single = [
        ledger.record(kind="finding.concluded", subject=system, payload=payload, actor=officer, system=system)
        for payload in payloads
    ]
    for one, other, payload in zip(together, single, payloads, strict=True):
        first, second = LedgerEvent.objects.get(pk=one.pk), LedgerEvent.objects.get(pk=other.pk)
        assert plain(first) == plain(second) == plain(one)
        whole = payload | {"actor": str(officer.uuid), "system": str(system.uuid)}
        assert first.payload_sha256 == digest_of(whole) == digest_of(first.entry.payload)
        assert first.entry.payload == second.entry.payload == whole
        assert (first.entry.actor, first.entry.system) == (officer, system)
    assert ledger.seal() > 0
    assert ledger.verify().is_intact
