"""Clusters of Kubernetes with their audit logs, as a person states them: no cluster says by itself which others there are."""

from __future__ import annotations

from compliance.types.completeness import RowState
from scanning.completeness.base import Facts, latest
from scanning.completeness.units import Covered, Unit, seen_in

CLUSTERS = "stated-clusters"
SOURCES = ("kubernetes_audit",)
_STATES = {"delivered": RowState.DELIVERS, "not delivered": RowState.NOT_DELIVERING}
_WITHOUT_REQUESTS = ("None", "Metadata")


def evaluate(facts: Facts) -> Covered | None:
    """Coverage of Kubernetes; None where neither a statement nor a log speaks of it."""
    stated = latest(facts.of_kind(CLUSTERS))
    units = []
    for document in stated:
        for cluster in document.content["clusters"]:
            state = _STATES.get(cluster["audit_log"], RowState.NOT_ASSESSED)
            told = [f"Its audit log is {cluster['audit_log']}, as {document.content['stated_by']} states."]
            if cluster["level"] in _WITHOUT_REQUESTS:
                told.append(f"At level {cluster['level']} the log does not say what a job was made from.")
            told += [cluster["note"]] if cluster["note"] else []
            seen = seen_in(facts, SOURCES, cluster["name"])
            units.append(
                Unit(
                    platform="kubernetes", kind="cluster", place=cluster["name"], state=state, reason=" ".join(told),
                    seen=seen,
                )
            )  # fmt: skip
    logged = any(file.source in SOURCES for file in facts.log_files)
    if not units and not logged:
        return None
    gaps = () if stated else ("Which clusters of Kubernetes there are was not stated.",)
    return Covered(platform="kubernetes", units=tuple(units), declared=bool(stated), gaps=gaps)
