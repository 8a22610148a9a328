"""Which tables are guarded, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

ROW_CHANGES = "compliance_rowchange"
ACTOR_TABLE = "assay_actor"

# Rows that are written once: no UPDATE, no DELETE, no TRUNCATE, no REPLACE.
INSERT_ONLY = (
    "compliance_ledgerevent",
    "compliance_ledgerblock",
    "compliance_ledgerposition",
    "compliance_trailentry",
    "compliance_freeze",
    "compliance_evidencepack",
    "compliance_answerrevision",
    "compliance_controlversion",
    "compliance_statementversion",
    "compliance_sample",
    "compliance_auditfindingentry",
    "compliance_riskmove",
    "compliance_engagementmove",
    "compliance_auditorread",
    "compliance_retentionterms",
    "compliance_tombstone",
    "compliance_remediationsummary",
    "compliance_businesscalendar",
    "compliance_slapolicy",
    "compliance_baseline",
    "compliance_baselinedecision",
    "compliance_planupdate",
    "compliance_workentry",
    "compliance_costrate",
    "compliance_sealcertificate",
    "compliance_sealrevocation",
    "compliance_packrenewal",
    "compliance_packrelease",
    "compliance_ledgercheckpoint",
    "compliance_checkpointstamp",
    ROW_CHANGES,
)
# Rows that never change, but may go in a recorded purge: no UPDATE, no TRUNCATE.
UNCHANGING = (
    "compliance_observation",
    "compliance_entitlementsnapshot",
    "compliance_entitlementreading",
    "compliance_entitlement",
    "compliance_platformdocument",
    "compliance_completenessreading",
    "compliance_completenessrow",
    "compliance_keycomparison",
    "compliance_changewindow",
    "compliance_expectedrate",
    "compliance_datasetverification",
    "compliance_supplierreview",
    "compliance_customercontrol",
    "compliance_requestreply",
    "compliance_requestevidence",
    "compliance_remediationcomment",
    "scanning_columnmapping",
)
# Columns that are written once, of tables whose other columns change.
KEPT_COLUMNS = {"compliance_remediationitem": "original_due_on"}


@dataclass(frozen=True, slots=True)
class Noted:
    """A table whose every change is noted: the columns that name a row, and those whose change alone is no news."""

    key: tuple[str, ...]
    quiet: tuple[str, ...] = ()


# Tables that libraries write, or that decide who may do what: each change becomes a RowChange.
NOTED: dict[str, Noted] = {
    "compliance_user": Noted(key=("uuid",), quiet=("last_login",)),
    "compliance_team": Noted(key=("uuid",)),
    "compliance_team_members": Noted(key=("team_id", "user_id")),
    "compliance_membership": Noted(key=("uuid",)),
    "compliance_engagement": Noted(key=("uuid",)),
    "compliance_engagementmember": Noted(key=("engagement_id", "user_id")),
    "compliance_engagement_systems": Noted(key=("engagement_id", "aisystem_id")),
    "compliance_engagement_assessments": Noted(key=("engagement_id", "assessment_id")),
    # By these keys signatures count as right.
    "scanning_signingkey": Noted(key=("uuid",)),
    "compliance_tokenscope": Noted(key=("uuid",), quiet=("last_used_at",)),
    "compliance_tokenscope_systems": Noted(key=("tokenscope_id", "aisystem_id")),
    "knox_authtoken": Noted(key=("token_key", "user_id")),
    # Their values are secrets and never noted: a row change tells of a row, not of what it holds.
    "mfa_authenticator": Noted(key=("id", "type", "user_id"), quiet=("last_used_at",)),
    "account_emailaddress": Noted(key=("id", "user_id")),
    "socialaccount_socialaccount": Noted(key=("id", "user_id"), quiet=("last_login", "extra_data")),
    "socialaccount_socialapp": Noted(key=("id",)),
    # Each start of an entry is no news; that somebody changed what recurs, or switched it off, is.
    "django_celery_beat_periodictask": Noted(key=("id",), quiet=("last_run_at", "total_run_count", "date_changed")),
    "django_celery_beat_crontabschedule": Noted(key=("id",)),
    "django_celery_beat_intervalschedule": Noted(key=("id",)),
}


@dataclass(frozen=True, slots=True)
class Tables:
    """The guarded tables that exist: name -> columns, and name -> unique column groups (primary key included)."""

    columns: dict[str, tuple[str, ...]]
    unique: dict[str, tuple[tuple[str, ...], ...]]

    @classmethod
    def found(cls, connection: BaseDatabaseWrapper, cursor: Any) -> Tables:
        """Asks the database itself, so that a half-migrated one is guarded as it stands."""
        here = set(connection.introspection.table_names(cursor))
        noted = NOTED if ROW_CHANGES in here else {}
        columns = {
            table: tuple(column.name for column in connection.introspection.get_table_description(cursor, table))
            for table in (*INSERT_ONLY, *UNCHANGING, *KEPT_COLUMNS, *noted)
            if table in here
        }
        unique = {
            table: tuple(
                sorted(
                    tuple(constraint["columns"])
                    for constraint in connection.introspection.get_constraints(cursor, table).values()
                    if (constraint["unique"] or constraint["primary_key"]) and constraint["columns"]
                )
            )
            for table in INSERT_ONLY
            if table in columns
        }
        return cls(columns=columns, unique=unique)
