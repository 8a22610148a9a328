"""Entitlements in a freeze: who could submit, by which path, from which documents, and what no document says."""

from __future__ import annotations

from typing import Literal, TypedDict

from compliance.types.freeze_blob import Blob
from compliance.types.shape import Day, Identity, Named, Sha256, UtcTime

ENTITLEMENT_ROWS = 200


class EntitlementSource(TypedDict):
    kind: str
    platform: str
    scope: str
    taken_at: UtcTime
    dated_by: str
    sha256: Sha256


class EntitlementWay(TypedDict):
    """One way by which one principal could submit. conditions: shown, not evaluated."""

    principal: Identity
    principal_kind: str
    platform: str
    scope: str
    reach: Literal["now", "after_step", "shared_key"]
    permissions: list[str]
    path: str
    conditions: list[str]
    runs_as: list[Identity]
    missing: list[str]


class EntitlementGap(TypedDict):
    document: str
    scope: str
    effect: str


class EntitlementReading(TypedDict):
    """Principals are counted once in each figure; `extract` holds the first of `ways`, at most
    ENTITLEMENT_ROWS; `register` all of them, one canonical JSON line each."""

    as_of: UtcTime
    principals: int
    now: int
    after_step: int
    shared_key: int
    unused: int
    unentitled: int
    ways: int
    rows_root: Sha256
    documents: list[EntitlementSource]
    extract: list[EntitlementWay]
    register: Blob
    not_assessed: list[EntitlementGap]
    limits: list[str]


class AccessReviewed(TypedDict):
    """The access review that was completed last within the period. Removals as later readings tell them at the freeze;
    `register` holds one canonical JSON line a principal."""

    completed_at: UtcTime
    reading_as_of: UtcTime
    reviewer: Named
    due_on: Day
    removals_due_on: Day
    population: int
    kept: int
    removed: int
    confirmed: int
    still_entitled: int
    not_yet_read: int
    late_removals: int
    is_late: bool
    population_root: Sha256
    decisions_root: Sha256
    register: Blob


class EntitlementDetails(TypedDict, total=False):
    reading: EntitlementReading
    review: AccessReviewed


class Entitlements(EntitlementDetails):
    """Who could submit jobs. `statement` says what follows from the state; `reading` is there where it was assessed,
    `review` where an access review was completed in the period."""

    state: Literal["not_assessed", "assessed"]
    statement: str


def entitlements_fault(told: Entitlements) -> str:
    """What does not hold in them, in words; "" where all does."""
    if reading := told.get("reading"):
        if len(reading["extract"]) > ENTITLEMENT_ROWS:
            return f"entitlements.extract: {len(reading['extract'])} rows, at most {ENTITLEMENT_ROWS} are taken"
        if reading["register"]["rows"] != reading["ways"]:
            return "entitlements.register: its row count differs from the number of ways"
    if (review := told.get("review")) and review["register"]["rows"] != review["population"]:
        return "entitlements.review.register: its row count differs from the population"
    if ("reading" in told) != (told["state"] == "assessed"):
        return "entitlements: they are assessed where a reading is there, and not assessed where none is"
    return ""
