"""Which subscriptions of Azure send their Activity Log on, and which workspaces and accounts send their own logs.

The Activity Log is always written and kept for 90 days; a subscription delivers where a diagnostic setting sends the category
Administrative somewhere. Logs of a resource are written only where a setting of it sends them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.types.completeness import RowState
from scanning.completeness.base import Facts, latest, named
from scanning.completeness.units import Covered, Unit, seen_in, stated, statement_gap

SUBSCRIPTIONS, SETTINGS = "azure-subscriptions", "azure-diagnostic-settings"
# Entitlement documents that list resources which train or fine-tune: kind, member of the content.
RESOURCES = {"azure-cognitive-accounts": "accounts", "azure-ml-workspaces": "workspaces"}
SOURCES = ("azure_activity", "azure_ml_runs", "azure_openai")
_GONE = ("disabled", "deleted")
_EVERYTHING = "alllogs"
# Type of resource -> categories of which each tells of jobs.
_WANTED = {
    "microsoft.cognitiveservices/accounts": ("audit", "requestresponse"),
    "microsoft.machinelearningservices/workspaces": ("amlrunstatuschangedevent", "amlcomputejobevent"),
}


def _sent(settings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Category in lower case, or a group with "*" before it -> name of a setting that sends it somewhere."""
    return {
        ("*" if log["is_group"] else "") + str(log["category"]).lower(): str(setting["name"])
        for setting in settings
        if setting["targets"]
        for log in setting["logs"]
        if log["enabled"]
    }


def _subscription(settings: Sequence[Mapping[str, Any]] | None) -> tuple[RowState, str]:
    if settings is None:
        return RowState.NOT_ASSESSED, "Its diagnostic settings were not handed in."
    sent = _sent(settings)
    setting = sent.get("administrative") or sent.get(f"*{_EVERYTHING}")
    if setting:
        return RowState.DELIVERS, f"Setting {setting} sends the Activity Log on."
    return RowState.NOT_DELIVERING, "No setting sends the Activity Log on, so Azure keeps it for 90 days and no longer."


def _resource(kind: str, settings: Sequence[Mapping[str, Any]] | None) -> tuple[RowState, str]:
    if settings is None:
        return RowState.NOT_ASSESSED, "Its diagnostic settings were not handed in."
    sent = _sent(settings)
    wanted = _WANTED.get(kind, ())
    for category in (f"*{_EVERYTHING}", *(("*audit",) if "audit" in wanted else ()), *wanted):
        if category in sent:
            return RowState.DELIVERS, f"Setting {sent[category]} sends {category.lstrip('*')} on."
    return RowState.NOT_DELIVERING, f"No setting sends {' or '.join(wanted) or 'its logs'} on: its calls are in no log."


def _kind_of(identifier: str) -> str:
    """Type of a resource by its id: provider and first type."""
    parts = identifier.lower().partition("/providers/")[2].split("/")
    return "/".join(parts[:2])


def _resources(facts: Facts, described: Mapping[str, Any]) -> list[str]:
    found = {identifier for identifier in described if _kind_of(identifier) in _WANTED}
    for document in latest(facts.of_kind(*RESOURCES)):
        listed = document.content.get(RESOURCES[document.kind]) or ()
        found |= {str(one.get("id")).lower() for one in listed if one.get("id")}
    return sorted(found)


def _units(facts: Facts, subscriptions: Sequence[str]) -> Iterator[Unit]:
    of_subscriptions: dict[str, Any] = {}
    of_resources: dict[str, Any] = {}
    for document in sorted(latest(facts.of_kind(SETTINGS)), key=lambda one: one.taken_at):
        of_subscriptions |= document.content.get("subscription_settings") or {}
        of_resources |= document.content.get("resource_settings") or {}
    for identifier in subscriptions:
        state, reason = _subscription(of_subscriptions.get(identifier))
        yield _unit("subscription", identifier, state, reason, seen_in(facts, SOURCES, identifier))
    for identifier in _resources(facts, of_resources):
        state, reason = _resource(_kind_of(identifier), of_resources.get(identifier))
        subscription = identifier.split("/")[2] if identifier.startswith("/subscriptions/") else identifier
        yield _unit("resource", identifier, state, reason, seen_in(facts, SOURCES[1:], subscription))


def _unit(kind: str, place: str, state: RowState, reason: str, seen: bool) -> Unit:
    return Unit(platform="azure", kind=kind, place=place, state=state, reason=reason, seen=seen)


def evaluate(facts: Facts) -> Covered | None:
    """Coverage of Azure; None where neither a document nor a log speaks of it."""
    declared = latest(facts.of_kind(SUBSCRIPTIONS))
    in_scope = {
        str(one.get("subscriptionId") or one["id"]).rpartition("/")[2].lower()
        for document in declared
        for one in document.content["subscriptions"]
        if str(one.get("state") or "").lower() not in _GONE
    }
    by_people = {name.lower(): by for name, by in stated(facts, "azure").items()}
    in_scope |= by_people.keys()
    described = {
        identifier
        for document in latest(facts.of_kind(SETTINGS))
        for identifier in document.content.get("subscription_settings") or {}
    }
    logged = sorted({name.lower() for file in facts.log_files if file.source in SOURCES for name in file.accounts})
    units = tuple(_units(facts, sorted(in_scope or described)))
    if not units and not logged:
        return None
    gaps = [] if declared else [statement_gap("subscriptions of Azure", "az account list", by_people.values())]
    if unlisted := [name for name in logged if name not in (in_scope or described)]:
        gaps.append(f"Subscriptions that stand in logs and in no list of subscriptions in scope: {named(unlisted)}.")
    return Covered(platform="azure", units=units, declared=bool(in_scope), gaps=tuple(gaps))
