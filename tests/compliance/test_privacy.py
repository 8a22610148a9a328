"""What docs/privacy.md says of tables is what the tables are; and nobody is ranked by what they did."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Model
from django.urls import reverse

from compliance.models import Principal, User
from compliance.selectors.remediation_lists import remediation_totals
from compliance.services import people
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import Browse, World

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
WITH, _, WITHOUT = TEXT.partition("### Tables without")
# Columns that hold a name, an address or a whole record by what they are called.
TELLING = {
    "email", "username", "ip_address", "user_agent", "recipient", "executed_by", "session", "on_behalf_of", "raw",
    "source_address", "identifier", "display",
}  # fmt: skip
PERSON = re.compile(
    r"owner|actor|principal|user|author|approver|reviewer|recipient|submitter|assignee|received_by|made_by"
)


def leads_to_a_person(model: type[Model]) -> bool:
    fields = model._meta.concrete_fields
    return any(field.related_model in (User, Principal) or field.name in TELLING for field in fields)


def test_every_table_is_in_the_processing_record_once() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    listed = re.findall(r"^\| `([a-z_]+)` \|", WITH.partition("### Tables with personal data")[2], re.MULTILINE)
    rest = re.findall(r"`([a-z_]+)`", WITHOUT.partition("## Impact")[0])
    assert sorted([*listed, *rest]) == sorted(tables)


def test_no_table_that_leads_to_a_person_is_among_those_without() -> None:
    rest = set(re.findall(r"`([a-z_]+)`", WITHOUT.partition("## Impact")[0]))
    telling = {model._meta.db_table for model in apps.get_models(include_auto_created=True) if leads_to_a_person(model)}
    assert len(telling) > 40
    assert telling & rest == set()


# Nobody is ranked -----------------------------------------------------------------------------------------------------


def orders_by_figures(source: str) -> Iterator[str]:
    """Functions that group by a person and order by something counted or summed."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
        texts = {
            name: [arg.value for call in calls if call.func.attr in names for arg in call.args  # type: ignore[attr-defined]
                   if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            for name, names in (("groups", {"values", "values_list"}), ("orders", {"order_by"}))
        }  # fmt: skip
        figures = {
            keyword.arg
            for call in calls
            if call.func.attr in {"annotate", "alias"}  # type: ignore[attr-defined]
            for keyword in call.keywords
            if re.search(r"\b(Count|Sum|Avg)\(", ast.unparse(keyword.value))
        }
        ranked = {order.lstrip("-") for order in texts["orders"]} & figures
        if ranked and any(PERSON.search(group) for group in texts["groups"]):
            yield f"{node.name}: {sorted(map(str, ranked))}"
        if "most_common" in {call.func.attr for call in calls} and PERSON.search(ast.unparse(node)):  # type: ignore[attr-defined]
            yield f"{node.name}: most_common"


def test_a_ranking_of_people_would_be_found() -> None:
    source = """
def worst(rows):
    return rows.values("owner__name").annotate(n=Count("pk")).order_by("-n")
"""
    assert list(orders_by_figures(source)) == ["worst: ['n']"]


# Counted by kind of act, never by person; the asker is named for the scope alone.
NOT_OF_PEOPLE = {"changes: most_common"}


def test_no_page_file_or_endpoint_ranks_people() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for app in ("compliance", "scanning")
        for path in sorted((ROOT / app).rglob("*.py"))
        if not {"migrations", "detectors", "filescan"} & set(path.parts)
        for what in orders_by_figures(path.read_text(encoding="utf-8"))
        if what not in NOT_OF_PEOPLE
    ]
    assert found == []


@pytest.mark.django_db
def test_open_work_is_listed_by_the_owners_name(world: World, officer: User, manager: User) -> None:
    late = people.create_user(email="z@example.org", name="Zoe Last", role=Role.MANAGER, password=None, actor=None)
    for n in range(3):
        records.remediation_item(world.finding, owner=late, actor=manager, title=f"Work {n}")
    records.remediation_item(world.finding, owner=officer, actor=manager, title="One more")
    rows = type(world.item).objects.all()
    names = [load.name for load in remediation_totals(rows, today=world.item.due_on).owners]
    assert names == sorted(names)
    assert names[-1] == "Zoe Last"


@pytest.mark.django_db
def test_people_whom_logs_name_are_listed_by_name_and_without_counts(
    world: World, browse: Browse, officer: User
) -> None:
    answer = browse(officer).get(reverse("subject-list"))
    shown = [row.display for row in answer.context["page"]]
    assert shown == sorted(shown)
    assert "job event" not in answer.content.decode()
