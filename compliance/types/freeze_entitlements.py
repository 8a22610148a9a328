"""Entitlements in a freeze: who could submit, by which path, from which documents, and what no document says."""

from __future__ import annotations

from typing import Literal, TypedDict

from compliance.types.freeze_blob import Blob
from compliance.types.shape import Sha256, UtcTime

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

    principal: str
    principal_kind: str
    platform: str
    scope: str
    reach: Literal["now", "after_step", "shared_key"]
    permissions: list[str]
    path: str
    conditions: list[str]
    runs_as: list[str]
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


class EntitlementDetails(TypedDict, total=False):
    reading: EntitlementReading


class Entitlements(EntitlementDetails):
    """Who could submit jobs. `statement` says what follows from the state; `reading` is there where it was assessed."""

    state: Literal["not_assessed", "assessed"]
    statement: str
