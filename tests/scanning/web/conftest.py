"""The record's small world, for the instruments' pages and endpoints."""

from __future__ import annotations

from tests.compliance.api.conftest import api
from tests.compliance.conftest import (
    administrator,
    auditor,
    browse,
    collector,
    contributor,
    count_queries,
    laid,
    made_world,
    manager,
    officer,
    other_system,
    second_officer,
    system,
    world,
)

__all__ = [
    "administrator",
    "api",
    "auditor",
    "browse",
    "collector",
    "contributor",
    "count_queries",
    "laid",
    "made_world",
    "manager",
    "officer",
    "other_system",
    "second_officer",
    "system",
    "world",
]
