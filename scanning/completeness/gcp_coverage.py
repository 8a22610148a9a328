"""Which projects of Google Cloud write what tells of fine-tune jobs, and whether anything leads their logs elsewhere.

Admin Activity logs are always written and kept for 400 days; whether the creation of a tuning job is among them is not
documented, so a project delivers where Data Access logs of writes are on for Vertex AI as well, itself or from above, for all,
and a sink that is on takes them. A sink whose filter is not evaluated (gcp_filters) delivers nothing that could be counted on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.types.completeness import RowState
from scanning.completeness.base import Facts, counted, latest, named
from scanning.completeness.gcp_filters import sink_takes
from scanning.completeness.units import Covered, Unit, seen_in, stated, statement_gap, worst

PROJECTS, AUDIT, SINKS = "gcp-projects", "gcp-audit-configs", "gcp-sinks"
SOURCES = ("gcp_audit",)
_SERVICES = ("aiplatform.googleapis.com", "allServices")
_ABOVE = {"organization": "organizations", "folder": "folders"}


def _writes(configs: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """For each configuration that turns writes of Vertex AI on: how many members are exempted."""
    for config in configs:
        if config["service"] in _SERVICES:
            yield from (log["exempted"] for log in config["logs"] if log["type"] == "DATA_WRITE")


def _places(project: Mapping[str, Any], scope: str) -> list[str]:
    """Where a project's audit configuration comes from: itself, its parent, its organization."""
    parent = project.get("parent") or {}
    above = f"{_ABOVE.get(str(parent.get('type')), '')}/{parent.get('id')}"
    return list(dict.fromkeys((f"projects/{project['projectId']}", above, f"organizations/{scope}")))


def _judged(places: Sequence[str], audit: Mapping[str, Any]) -> tuple[RowState, str]:
    own = places[0]
    on = [count for place in places for count in _writes(audit.get(place) or ())]
    if 0 in on:
        return RowState.DELIVERS, "Admin Activity and, for Vertex AI, writes of Data Access are logged."
    if on:
        return (
            RowState.NOT_DELIVERING,
            f"Data Access logs of Vertex AI leave out {counted(min(on), 'exempted member')}.",
        )
    if own not in audit:
        return RowState.NOT_ASSESSED, "Its policy (get-iam-policy) was not handed in."
    return RowState.NOT_DELIVERING, (
        "Only Admin Activity is logged: custom jobs are in it, tuning jobs are not documented to be."
    )


def _routed(name: str, places: Sequence[str], sinks: Mapping[str, Any]) -> tuple[RowState, str]:
    """Whether a sink takes the Data Access logs of a project: without one Google writes and does not keep them."""
    if not any(place in sinks for place in places):
        return RowState.NOT_ASSESSED, "Which sinks take them (gcloud logging sinks list) was not handed in."
    found = [
        (str(sink.get("name")), sink_takes(sink, project=name))
        for place in places
        for sink in sinks.get(place) or ()
        if not sink.get("disabled") and (place.startswith("projects/") or sink.get("includeChildren"))
    ]
    if taking := [sink for sink, answer in found if answer]:
        return RowState.DELIVERS, f"Sinks that take them: {named(taking)}."
    if unknown := [sink for sink, answer in found if answer is None]:
        return RowState.NOT_ASSESSED, f"It delivers by a filter that was not evaluated: {named(unknown)}."
    if places[0] not in sinks:
        return RowState.NOT_ASSESSED, "No sink above it takes them, and its own sinks were not handed in."
    left = f" Sinks that leave them out: {named([sink for sink, _ in found])}." if found else ""
    return RowState.NOT_DELIVERING, f"No sink that is on takes them.{left}"


def evaluate(facts: Facts) -> Covered | None:
    """Coverage of Google Cloud; None where neither a document nor a log speaks of it."""
    audit: dict[str, Any] = {}
    sinks: dict[str, Any] = {}
    for document in sorted(latest(facts.of_kind(AUDIT)), key=lambda one: one.taken_at):
        audit |= document.content["audit_configs"]
    for document in sorted(latest(facts.of_kind(SINKS)), key=lambda one: one.taken_at):
        sinks |= document.content["sinks"]
    declared = latest(facts.of_kind(PROJECTS))
    projects = {
        str(one["projectId"]): (one, document.scope)
        for document in declared
        for one in document.content["projects"]
        if one.get("lifecycleState") in (None, "ACTIVE")
    }
    by_people = stated(facts, "gcp")
    projects = {name: ({"projectId": name}, "") for name in by_people} | projects
    if not declared and not by_people:
        known = (place.partition("/")[2] for place in audit if place.startswith("projects/"))
        projects = {name: ({"projectId": name}, "") for name in known}
    logged = sorted({name for file in facts.log_files if file.source in SOURCES for name in file.accounts})
    if not projects and not logged:
        return None
    units = []
    for name, (project, scope) in sorted(projects.items()):
        places = _places(project, scope)
        state, reason = _judged(places, audit)
        routed, told = _routed(name, places, sinks)
        state = worst((state, routed)) if state is RowState.DELIVERS else state
        seen = seen_in(facts, SOURCES, name)
        reason = f"{reason} {told}"
        units.append(Unit(platform="gcp", kind="project", place=name, state=state, reason=reason, seen=seen))
    gaps = [] if declared else [statement_gap("projects of Google Cloud", "gcloud projects list", by_people.values())]
    if unlisted := [name for name in logged if name not in projects]:
        gaps.append(f"Projects that stand in logs and in no list of projects in scope: {named(unlisted)}.")
    return Covered(platform="gcp", units=tuple(units), declared=bool(declared or by_people), gaps=tuple(gaps))
