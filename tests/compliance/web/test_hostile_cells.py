"""Text that logs, reports and people put into records runs in no spreadsheet: of every list that is exported as CSV."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from django.test import Client

from compliance.management.routes import Gate, routes
from compliance.models import User
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.services import bindings
from compliance.types.spreadsheets import as_text
from tests.compliance import completeness_on_record, entitlements_on_record
from tests.compliance.conftest import Browse, World
from tests.compliance.ledger_rows import unguarded
from tests.compliance.read_tables import csv_rows

ROOT = Path(__file__).resolve().parents[3]
# Every beginning is tried on a cell in test_exports.py; here the ways of the texts are.
HOSTILE = ("=cmd|' /C calc'!A0", "\t@SUM(A1)", "＋1+1")
# Texts that come from outside, or that people type.
POISONED = {
    "compliance.AISystem": ("name",),
    "compliance.AIModel": ("name",),
    "compliance.ModelVersion": ("label", "supplier"),
    "compliance.Dataset": ("name",),
    "compliance.Assessment": ("title",),
    "compliance.Evidence": ("title", "filename", "source_system", "collected_how"),
    "compliance.Finding": ("title", "asset_name"),
    "compliance.Job": ("title", "error"),
    "compliance.JobEvent": (
        "action",
        "account",
        "region",
        "job_id",
        "job_name",
        "base_model",
        "output_model",
        "locator",
    ),
    "compliance.JobApproval": ("job", "reference"),
    "compliance.JobBinding": ("name",),
    "compliance.Principal": ("display",),
    "compliance.RemediationItem": ("title",),
    "compliance.Team": ("name",),
    "compliance.User": ("name",),
    "compliance.CompletenessRow": ("place", "name", "sentence"),
    "scanning.SigningKey": ("name", "note"),
}
STARTS = re.compile(r"[\s\u200b\ufeff]*[=+@＝＋－＠\t\r\n-]")
A_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def poison(text: str) -> None:
    """Put a text, with its row's number so that it stays unique, into every field that comes from outside."""
    for label, fields in POISONED.items():
        model = apps.get_model(label)
        told = Concat(Value(f"{text} "), Cast(F("pk"), CharField()))
        model.objects.update(**dict.fromkeys(fields, told))


def exported(client: Client) -> dict[str, list[list[str]]]:
    """Name of each list that has an address of its own -> its rows as CSV."""
    found = {}
    for route in routes():
        if route.gate is Gate.PAGE and "GET" in route.verbs and "<" not in route.path:
            answer = client.get(f"/{route.path}", {"export": Kind.CSV, "state": "all"})
            if answer.headers["Content-Type"] == MEDIA_TYPES[Kind.CSV]:
                found[route.name] = csv_rows(answer)
    return found


def test_no_cell_of_any_list_begins_a_formula(world: World, browse: Browse, officer: User) -> None:
    entitlements_on_record.recorded(world.assessment.system, world.log, entitlements_on_record.way("ann"))
    completeness_on_record.recorded(world.assessment.system, world.log)
    bindings.bind_new(system=world.assessment.system)
    unguarded("compliance_completenessrow")
    client = browse(officer)
    for text in HOSTILE:
        poison(text)
        marked = set()
        for name, rows in exported(client).items():
            cells = [cell for row in rows for cell in row]
            assert [cell for cell in cells if STARTS.match(cell) and not A_NUMBER.fullmatch(cell)] == [], name
            marked |= {name for cell in cells if cell.startswith(f"'{text}")}
        assert marked >= {"job-log", "evidence-list", "finding-list", "model-list", "entitlements", "completeness"}


@pytest.mark.parametrize("start", ["\u3000", "\u200b", "\ufeff", "\u00a0 "])
def test_what_spreadsheets_pass_over_hides_no_formula(start: str) -> None:
    assert as_text(f"{start}=1+1") == f"'{start}=1+1"
    assert as_text(f"{start}a=1") == f"{start}a=1"


def test_csv_is_written_in_the_places_that_defuse_it_and_nowhere_else() -> None:
    writers = {
        str(path.relative_to(ROOT))
        for app in ("compliance", "scanning")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)", path.read_text())
    }
    assert writers == {
        "compliance/packs/external.py",  # marks and digests alone
        "compliance/packs/manifest.py",
        "compliance/packs/registers.py",
        "compliance/services/pack_files.py",
        "compliance/selectors/table_files.py",
        "compliance/services/subject_exports.py",  # every cell through as_text
    }
