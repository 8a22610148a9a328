"""What is laid into a test's database is what services made: the same rows, files and objects, and nothing of a test before."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.files.storage import storages
from django.db import models, transaction

from compliance.models import AISystem, Evidence, RowChange, User
from compliance.selectors.kept import record_mark
from compliance.services import ledger
from compliance.types.states import Role
from tests.compliance.conftest import Peopled, made_world, peopled, person
from tests.laid_rows import Made

__all__ = ["made_world"]  # a fixture

pytestmark = pytest.mark.django_db
# What differs each time that it is made: numbers, ids, times and salts as columns, and the same within words.
OWN = (
    models.AutoField,
    models.ForeignKey,
    models.UUIDField,
    models.DateField,
    models.BinaryField,
)  # times are dates too
OWN_WORDS = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.+]+)?|[0-9a-f]{8,}(-[0-9a-f]{4,})*|\d+:\d+")


def words(model: type[models.Model]) -> Counter[str]:
    """The rows of a table without numbers, times and digests."""
    names = [
        field.name for field in model._meta.concrete_fields if not isinstance(field, OWN) and field.name != "password"
    ]
    if not names:
        return Counter({"": models.QuerySet(model).count()})
    return Counter(OWN_WORDS.sub("#", repr(row)) for row in models.QuerySet(model).values_list(*names))


def record() -> dict[str, Counter[str]]:
    return {model._meta.label: words(model) for model in apps.get_models(include_auto_created=True)}


def test_the_record_is_as_services_make_it(made_world: Made[Peopled]) -> None:
    empty = record()
    before = transaction.savepoint()
    peopled()
    made = record()
    transaction.savepoint_rollback(before)
    assert record() == empty
    made_world.lay()
    assert record() == made
    assert made != empty
    assert RowChange.objects.exclude(operation="INSERT").count() == 0


def test_objects_are_those_of_the_rows_and_of_each_other(made_world: Made[Peopled]) -> None:
    once = made_world.lay()
    assert User.objects.get(pk=once.officer.pk) == once.officer
    assert once.world.assessment.system is once.system
    assert once.world.finding.observations.get() == once.world.observation


def test_the_trail_is_sealed_and_holds(made_world: Made[Peopled]) -> None:
    made_world.lay()
    assert ledger.unsealed_count() > 0
    ledger.seal()
    assert ledger.verify().problems == ()


def test_people_made_before_and_after_have_numbers_of_their_own(made_world: Made[Peopled]) -> None:
    before = person("Bea Before", Role.OFFICER)
    once = made_world.lay()
    after = person("Alf After", Role.OFFICER)
    assert len({before.pk, once.officer.pk, once.contributor.pk, after.pk}) == 4
    assert User.objects.count() == 6


@pytest.mark.parametrize("harm", ["removed", "altered", "added"])
def test_the_storage_holds_the_files_and_no_others(made_world: Made[Peopled], harm: str) -> None:
    name, folder = next(iter(made_world.files)), Path(storages["evidence"].path(""))
    if harm != "removed":
        (folder / "of-a-test-before").write_bytes(b"left")
    if harm != "added":
        (folder / name).unlink(missing_ok=True)
    if harm == "altered":
        (folder / name).write_bytes(bytes(len(made_world.files[name])))
    made_world.lay()
    stored = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert stored == made_world.files
    assert set(Evidence.objects.values_list("storage_name", flat=True)) == set(stored)


def test_nothing_that_pages_kept_is_left(made_world: Made[Peopled]) -> None:
    cache.set("figures", "of an earlier test")
    made_world.lay()
    assert record_mark()
    assert cache.get("figures") is None


def test_it_must_not_change_what_was_there(db: None) -> None:
    there = AISystem.objects.create(name="Fraud model")

    def rename() -> None:
        AISystem.objects.filter(pk=there.pk).update(name="Another")

    with pytest.raises(AssertionError, match="compliance_aisystem"):
        Made.by(rename)
