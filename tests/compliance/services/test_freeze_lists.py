"""Lists that grow with the record: frozen as lines, row by row, and read back against their digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest
from django.core.files.storage import storages

from compliance.models import Freeze, Observation, User
from compliance.selectors import freeze_inventory
from compliance.services import freeze_documents, freezes
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.freeze_lines import LINED
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all, document

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def test_lists_that_grow_with_the_record_are_kept_beside_the_document(frozen: Freeze, world: World) -> None:
    held, read = cast("dict[str, Any]", document(frozen)), cast("dict[str, Any]", freeze_documents.read(freeze=frozen))
    assert held["schema"] == "assay-freeze/2"
    for name, filename in LINED.items():
        kept = frozen.attachments[filename]
        assert held[name] == {key: kept[key] for key in ("filename", "media_type", "sha256", "size", "rows")}
        assert len(list(read[name])) == len(read[name]) == kept["rows"]
    assert {row["uuid"] for row in read["findings"]} == set(map(str, system_findings(world)))
    assert [row["uuid"] for row in read["remediation"]] == [str(world.item.uuid)]


def system_findings(world: World) -> list[UUID]:
    return list(world.assessment.system.findings.values_list("uuid", flat=True))


def test_a_list_whose_stored_lines_were_altered_is_not_read(frozen: Freeze) -> None:
    path = Path(storages["evidence"].path(frozen.attachments["findings.jsonl"]["storage_name"]))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"not-satisfied", b"satisfied"))
    with pytest.raises(
        RefusedError, match=r"findings\.jsonl: the register is not the one that the freeze document names"
    ):
        freeze_documents.read(freeze=frozen)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_scans_are_told_oldest_first_however_many_are_read_at_a_time(
    at_once: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze_inventory, "_SCANS_AT_ONCE", at_once)
    seen = Observation.objects.filter(facts__has_key="stage", model_version__isnull=False).order_by("created_at", "pk")
    (first,) = seen
    for number in range(4):  # two stages of each of two further scans, taken in turn
        first.pk, first.uuid, first.fingerprint = None, uuid4(), sha256_hex(f"{number}".encode())
        first.source_uuid = uuid5(NAMESPACE_URL, f"scan {number % 2}")
        first.save(force_insert=True)
    told = list(freeze_inventory.scans(world.assessment.system))
    assert [scan["uuid"] for scan in told] == list(dict.fromkeys(str(one.source_uuid) for one in seen.all()))
    assert [len(scan["stages"]) for scan in told] == [1, 2, 2]
