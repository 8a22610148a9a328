"""A freeze document as OSCAL 1.2. The same freeze gives the same bytes, and nothing but the freeze is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from compliance.oscal.export_catalog import catalog
from compliance.oscal.export_checks import check_document
from compliance.oscal.export_mapping import mapping_collection
from compliance.oscal.export_plan import assessment_plan
from compliance.oscal.export_poam import plan_of_action
from compliance.oscal.export_results import assessment_results
from compliance.oscal.export_values import JSON, Frozen
from compliance.oscal.streams import pieces
from compliance.types.freeze import Freeze


class Model(StrEnum):
    """The OSCAL models that are written; `catalog` holds the reference controls that the others name."""

    ASSESSMENT_PLAN = "assessment-plan"
    ASSESSMENT_RESULTS = "assessment-results"
    PLAN_OF_ACTION = "plan-of-action-and-milestones"
    MAPPING_COLLECTION = "mapping-collection"
    CATALOG = "catalog"


_WRITERS: dict[Model, Callable[[Frozen], JSON | None]] = {
    Model.ASSESSMENT_PLAN: assessment_plan,
    Model.ASSESSMENT_RESULTS: assessment_results,
    Model.PLAN_OF_ACTION: plan_of_action,
    Model.MAPPING_COLLECTION: mapping_collection,
    Model.CATALOG: catalog,
}


def export(*, freeze: Freeze, sha256: str, model: Model) -> Iterator[bytes] | None:
    """The freeze as one OSCAL document: checked, in canonical JSON (RFC 8785), piece by piece.

    sha256: of the freeze's canonical bytes. None where the freeze holds nothing of that model: no remediation item, no
    mapping. Raises OscalError where the document would not be right; that is a fault of Assay.
    """
    document = _WRITERS[model](Frozen(doc=freeze, sha256=sha256))
    if document is None:
        return None
    check_document(document)
    return pieces(document)
