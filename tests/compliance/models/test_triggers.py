from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance.models import LedgerEvent, RowChange, Team, User
from compliance.models.trigger_tables import ACTOR_TABLE, INSERT_ONLY, NOTED, UNCHANGING
from compliance.models.triggers import install_triggers, missing_triggers
from compliance.services import ledger
from compliance.services.actor import acting, acting_as
from compliance.types.states import Role
from tests.compliance.ledger_rows import filled_tables
from tests.installations import MIGRATE_SECONDS, Installation

pytestmark = pytest.mark.django_db
NewInstallation = Callable[..., Installation]

# Every table is guarded, or is written by services that record events, or is exempt for the reason given.
SERVICES_RECORD = {
    "attributeresult", "auditfinding", "auditfinding_results", "controltest", "population", "sampledinstance", "testingscheme",
    "accessreview", "accessreviewline", "aimodel", "aisystem", "answer", "answer_findings", "assessment",
    "assessment_releases", "auditquestion", "auditrequest", "auditrequest_controls",
    "bindingrule", "bulkedit", "checkrun", "savedfilter", "jobapproval", "jobbinding",
    "casestudy", "casestudy_techniques", "catalogrelease", "controlrequirement", "controlreview", "dataset",
    "datasetversion",
    "datasetversion_trained",
    "entitlementreading_documents",
    "evidence", "evidencelink", "evidencepack", "finding", "finding_observations", "framework", "implementedcontrol",
    "implementedcontrol_references", "statementline",
    "capacity", "itemdependency", "leave",
    "jobevent", "mappingpair", "milestone", "mitigation", "mitigation_techniques", "modelversion",
    "referencecontrol", "referencecontrol_questions", "referencecontrol_techniques", "remediationitem",
    "remediationitem_risks", "risk", "riskacceptance", "riskacceptance_controls", "waiver", "closing", "closing_risks",
    "supplier", "supplierreview_model_versions",
    "customercontrol_controls", "technique", "techniquesection",
    "disposalitem", "disposalrun", "filecheck", "legalhold", "packhandover", "rehashrun",
    "workpaperkey", "workpapernote",
    "slaclock", "noticechoice", "calendarfeed", "webhookendpoint",
}  # fmt: skip
EXEMPT = {
    "compliance_notice": "that somebody was told, and read it; what happened is itself recorded",
    "compliance_mailstate": "how mail fares; written with each try",
    "compliance_nightlyrun": "what a run did; each act of it is an event of its own",
    "compliance_webhookdelivery": "how a delivery fares; the event that it tells of is in the ledger",
    "django_celery_beat_clockedschedule": "unused: nothing recurs once",
    "django_celery_beat_periodictasks": "a mark that the schedule changed; the change itself is noted",
    "django_celery_beat_solarschedule": "unused: nothing recurs by the sun",
    "compliance_principal": "erasable by design; its erasure is an event",
    "compliance_job": "progress of work, written many times a second; its outcome is an event of its subject",
    "compliance_jobstep": "how far a job came; removed with it",
    "auth_group": "unused: rights are the table in rights.py",
    "auth_group_permissions": "unused: rights are the table in rights.py",
    "auth_permission": "unused: rights are the table in rights.py",
    "axes_accessattempt": "counters of failed sign-ins, which expire",
    "axes_accessattemptexpiration": "counters of failed sign-ins, which expire",
    "axes_accessfailurelog": "goes to the security log",
    "axes_accesslog": "goes to the security log",
    "account_emailconfirmation": "unused: an administrator writes the address, so none is confirmed",
    "socialaccount_socialtoken": "unused: the provider's tokens are not kept",
    "django_content_type": "names of tables, written by migrations",
    "django_migrations": "written by migrations",
    "django_session": "one row per sign-in, which expires; sign-ins go to the security log",
    ACTOR_TABLE: "holds the actor of the statement that runs, empty between statements",
    "scanning_import": "its import is an event with the Merkle root of its rows",
    "scanning_importreject": "part of the import's event",
    "scanning_stagedrow": "rows on their way, removed after publishing",
    "scanning_scan": "its start and outcome are events",
    "scanning_referencebank": "statistics that can be computed again",
}


def refused(statement: str) -> bool:
    """Whether the database answers with a refusal; a statement that runs is undone."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
    except IntegrityError as error:
        return "assay: " in str(error)
    return False


def test_every_table_is_guarded_recorded_or_exempt() -> None:
    recorded = {f"compliance_{name}" for name in SERVICES_RECORD}
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor)) | {ACTOR_TABLE}
    assert there == {*INSERT_ONLY, *UNCHANGING, *NOTED, *recorded, *EXEMPT}


def test_guarded_tables_are_tables_of_models() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert {*INSERT_ONLY, *UNCHANGING, *NOTED} <= tables


def test_all_triggers_stand_after_every_migration() -> None:
    assert missing_triggers(using="default") == ()
    assert install_triggers(using="default") == ()


@pytest.mark.parametrize("table", [*INSERT_ONLY, *UNCHANGING])
def test_rows_cannot_be_updated(table: str) -> None:
    key = filled_tables()[table]
    assert refused(f"UPDATE {table} SET {key} = {key}")
    assert refused(f"UPDATE {table} SET {key} = {key} WHERE {key} IN (SELECT max({key}) FROM {table})")


@pytest.mark.parametrize("table", INSERT_ONLY)
def test_rows_cannot_be_deleted(table: str) -> None:
    filled_tables()
    assert refused(f"DELETE FROM {table}")


@pytest.mark.parametrize("table", INSERT_ONLY)
def test_rows_cannot_be_overwritten_by_an_insert(table: str) -> None:
    key = filled_tables()[table]
    same_row = f"INSERT INTO {table} SELECT * FROM {table} WHERE true"
    assert refused(f"{same_row} ON CONFLICT ({key}) DO UPDATE SET {key} = excluded.{key}")
    if connection.vendor == "sqlite":
        assert refused(same_row.replace("INSERT", "INSERT OR REPLACE"))
        assert refused(same_row.replace("INSERT", "REPLACE"))


def test_the_original_due_date_of_an_item_never_changes() -> None:
    filled_tables()
    assert refused("UPDATE compliance_remediationitem SET original_due_on = '2027-01-01'")
    assert not refused("UPDATE compliance_remediationitem SET due_on = '2027-01-01', original_due_on = original_due_on")


def test_a_row_cannot_be_replaced_through_another_unique_column() -> None:
    filled_tables()
    if connection.vendor == "sqlite":
        stolen = "INSERT OR REPLACE INTO compliance_ledgerevent (uuid, created_at, kind, subject_type, subject_uuid, "
        stolen += "payload_sha256) SELECT uuid, created_at, 'forged', subject_type, subject_uuid, payload_sha256 "
        assert refused(f"{stolen} FROM compliance_ledgerevent")
    else:
        assert refused("MERGE INTO compliance_ledgerevent t USING compliance_ledgerevent s ON t.uuid = s.uuid "
                       "WHEN MATCHED THEN UPDATE SET kind = 'forged'")  # fmt: skip
    assert not LedgerEvent.objects.filter(kind="forged").exists()


@pytest.mark.parametrize("table", [*INSERT_ONLY, *UNCHANGING])
def test_tables_cannot_be_truncated(table: str) -> None:
    if connection.vendor == "postgresql":
        assert refused(f"TRUNCATE {table} CASCADE")
    else:  # SQLite has no TRUNCATE: its fast DELETE without WHERE is the same attack
        filled_tables()
        assert refused(f"DELETE FROM {table}") == (table not in UNCHANGING)


def test_a_dropped_trigger_is_missed_by_the_verification() -> None:
    name = "assay_refuse_change_compliance_ledgerevent"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            name = "assay_refuse_update_compliance_ledgerevent"
            cursor.execute(f"DROP TRIGGER {name}")
        else:
            cursor.execute(f"DROP TRIGGER {name} ON compliance_ledgerevent")
    verification = ledger.verify()
    assert verification.missing_triggers == (name,)
    assert not verification.is_intact
    assert install_triggers(using="default") == (name,)
    assert ledger.verify().is_intact


HARMLESS = {
    "sqlite": [
        ("assay_refuse_delete_compliance_freeze", "DROP TRIGGER {name}"),
        (
            "assay_refuse_delete_compliance_freeze",
            "CREATE TRIGGER {name} BEFORE DELETE ON compliance_freeze BEGIN SELECT 1; END",
        ),
    ],
    "postgresql": [
        ("assay_refuse_change_compliance_freeze", "ALTER TABLE compliance_freeze DISABLE TRIGGER {name}"),
        (
            "assay_refuse",
            "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        ),
    ],
}


def test_a_trigger_that_was_made_harmless_is_missed_and_put_back() -> None:
    harmed = set()
    for name, statement in HARMLESS[connection.vendor]:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(name=name))
        harmed.add(name)
        assert set(missing_triggers(using="default")) == harmed
    install_triggers(using="default")
    assert missing_triggers(using="default") == ()


ALTER = """
from django.apps import apps
from django.db import connection, models
from compliance.models import {model}
from compliance.models.triggers import clear_before_migrate, missing_triggers
clear_before_migrate(apps.get_app_config("compliance"), plan=["something"])
field = {model}._meta.get_field({field!r})
wider = models.CharField(max_length=99)
wider.set_attributes_from_name({field!r})
wider.model = {model}
with connection.schema_editor() as editor:
    editor.alter_field({model}, field, wider, strict=True)
print(*missing_triggers(using="default"))
"""


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("model", "field"), [("LedgerEvent", "kind"), ("RowChange", "table_name"), ("User", "name")])
def test_a_table_that_sqlite_remakes_gets_its_triggers_back(
    new_installation: NewInstallation, model: str, field: str
) -> None:
    installation = new_installation("sqlite")
    lost = installation.python(ALTER.format(model=model, field=field)).split()
    assert any(f"_compliance_{model.lower()}" in name for name in lost)
    installation.succeed("migrate", "--verbosity=0", "--skip-checks", timeout=MIGRATE_SECONDS)
    check = "from compliance.models.triggers import missing_triggers\nprint(missing_triggers(using='default'))"
    assert installation.python(check).strip() == "()"


# What libraries write -----------------------------------------------------------------------------------------------


def person(name: str = "Alice") -> User:
    return User.objects.create_user(email=f"{uuid.uuid4().hex}@example.org", name=name, role=Role.OFFICER)


def last_change() -> tuple[str, str, str, str]:
    change = RowChange.objects.order_by("-pk")[0]
    assert abs(change.changed_at - timezone.now()).total_seconds() < 60
    return change.table_name, change.row_key, change.operation, change.actor


def test_a_change_of_an_account_is_noted_with_its_actor() -> None:
    alice, bob = person(), person("Bob")
    with acting(bob):
        User.objects.filter(pk=alice.pk).update(role=Role.ADMINISTRATOR)
    assert last_change() == ("compliance_user", alice.uuid.hex, "UPDATE", str(bob.uuid))


def test_the_actor_is_forgotten_after_the_statement() -> None:
    alice = person()
    with acting(alice):
        alice.save()
        with connection.cursor() as cursor:
            User.objects.filter(pk=alice.pk).update(name="A.")
            assert last_change()[3] == str(alice.uuid)
            cursor.execute("SELECT 1")
    User.objects.filter(pk=alice.pk).update(name="B.")
    assert last_change()[3] == ""


def test_the_innermost_actor_counts() -> None:
    alice, bob = person(), person("Bob")
    with acting(alice), acting(bob):
        Team.objects.create(name="Team")
    assert last_change()[3] == str(bob.uuid)


def test_a_refused_statement_leaves_no_actor_behind() -> None:
    alice = person()
    with acting(alice), pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(email=alice.email, name="Twin", role=Role.OFFICER)
    person("Bob")
    assert last_change()[3] == ""


def test_signing_in_is_no_change_of_an_account() -> None:
    alice = person()
    before = RowChange.objects.count()
    alice.last_login = timezone.now()
    alice.save()
    assert RowChange.objects.count() == before


def test_tokens_and_team_members_are_noted() -> None:
    from knox.models import AuthToken

    alice = person()
    token, _secret = AuthToken.objects.create(user=alice)
    assert last_change()[:3] == ("knox_authtoken", f"{token.token_key}:{alice.pk}", "INSERT")
    team = Team.objects.create(name="Team")
    team.members.add(alice)
    assert last_change()[:3] == ("compliance_team_members", f"{team.pk}:{alice.pk}", "INSERT")
    team.members.clear()
    assert last_change()[2] == "DELETE"


def test_reading_asks_nobody_who_acts() -> None:
    def nobody() -> object:
        raise AssertionError("asked")

    with acting_as(nobody):
        assert not User.objects.filter(name="nobody").exists()
