"""Which operations of Azure Resource Manager bear on fine-tuning, and what a change of rights says it changed.

Operations: Microsoft's list of resource provider operations, in lower case because exports write them in upper case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from compliance.types.states import ActionClass
from scanning.ingest.azure_records import AzureFields, is_storable
from scanning.ingest.records import text_of

_ML = "microsoft.machinelearningservices"
_AI = "microsoft.cognitiveservices/accounts"
_RIGHTS = "microsoft.authorization"
ASSIGN = f"{_RIGHTS}/roleassignments/write"
UNASSIGN = f"{_RIGHTS}/roleassignments/delete"
DEFINE = f"{_RIGHTS}/roledefinitions/write"
ACTIVATE = f"{_RIGHTS}/roleassignmentschedulerequests/write"
MAKE_ELIGIBLE = f"{_RIGHTS}/roleeligibilityschedulerequests/write"

_SUBMIT, _CANCEL, _REGISTER, _DEPLOY, _GRANT, _OTHER = (
    ActionClass.SUBMIT,
    ActionClass.CANCEL,
    ActionClass.REGISTER,
    ActionClass.DEPLOY,
    ActionClass.GRANT,
    ActionClass.OTHER,
)
OPERATIONS: Mapping[str, ActionClass] = {
    f"{_ML}/workspaces/jobs/write": _SUBMIT,
    f"{_ML}/workspaces/experiments/runs/submit/action": _SUBMIT,
    f"{_ML}/workspaces/jobs/cancel/action": _CANCEL,
    f"{_ML}/workspaces/jobs/delete": _OTHER,
    f"{_ML}/workspaces/schedules/write": _OTHER,
    f"{_ML}/workspaces/schedules/delete": _OTHER,
    f"{_ML}/workspaces/models/write": _REGISTER,
    f"{_ML}/workspaces/models/versions/write": _REGISTER,
    f"{_ML}/registries/models/versions/write": _REGISTER,
    f"{_ML}/workspaces/models/delete": _OTHER,
    f"{_ML}/workspaces/models/versions/delete": _OTHER,
    f"{_ML}/registries/models/versions/delete": _OTHER,
    f"{_ML}/workspaces/onlineendpoints/deployments/write": _DEPLOY,
    f"{_ML}/workspaces/batchendpoints/deployments/write": _DEPLOY,
    f"{_ML}/workspaces/serverlessendpoints/write": _DEPLOY,
    f"{_ML}/workspaces/onlineendpoints/deployments/delete": _OTHER,
    f"{_ML}/workspaces/batchendpoints/deployments/delete": _OTHER,
    f"{_ML}/workspaces/serverlessendpoints/delete": _OTHER,
    f"{_ML}/workspaces/onlineendpoints/write": _OTHER,
    f"{_ML}/workspaces/listkeys/action": _OTHER,
    f"{_ML}/workspaces/liststorageaccountkeys/action": _OTHER,
    f"{_ML}/workspaces/datastores/listsecrets/action": _OTHER,
    f"{_AI}/deployments/write": _DEPLOY,
    f"{_AI}/deployments/delete": _OTHER,
    f"{_AI}/listkeys/action": _OTHER,
    f"{_AI}/regeneratekey/action": _OTHER,
    f"{_AI}/write": _OTHER,
    ASSIGN: _GRANT,
    UNASSIGN: _GRANT,
    DEFINE: _GRANT,
    f"{_RIGHTS}/roledefinitions/delete": _GRANT,
    ACTIVATE: _GRANT,
    f"{_RIGHTS}/roleassignmentschedulerequests/cancel/action": _GRANT,
    MAKE_ELIGIBLE: _GRANT,
    f"{_RIGHTS}/roleeligibilityschedulerequests/cancel/action": _GRANT,
    f"{_RIGHTS}/rolemanagementpolicies/write": _GRANT,
    f"{_RIGHTS}/rolemanagementpolicyassignments/write": _GRANT,
    f"{_RIGHTS}/denyassignments/write": _GRANT,
    f"{_RIGHTS}/denyassignments/delete": _GRANT,
    f"{_RIGHTS}/classicadministrators/write": _GRANT,
    f"{_RIGHTS}/classicadministrators/delete": _GRANT,
    f"{_RIGHTS}/elevateaccess/action": _GRANT,
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write": _GRANT,
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/delete": _GRANT,
}
# Operations on an account or a workspace as a whole: no job, model or deployment of its own.
WITHOUT_ID = frozenset(
    name for name in OPERATIONS if name.endswith(("key/action", "keys/action", "secrets/action"))
) | {f"{_AI}/write"}
# Changes of rights whose body says which role it is about.
NAMING_A_ROLE = frozenset({ASSIGN, UNASSIGN, DEFINE, ACTIVATE, MAKE_ELIGIBLE})

_BODIES = tuple(
    f"/{properties}/{body}/properties"
    for body in ("requestbody", "responseBody")
    for properties in ("properties", "properties_d")
)
_TOUCHES_TRAINING = re.compile(
    r"\*|microsoft\.(?:\*|machinelearningservices|cognitiveservices|authorization)(?:/|$)", re.IGNORECASE
)
_TAKING = ("remove", "deactivate")


def bodies(path: str) -> tuple[str, ...]:
    """Where a member of a resource's properties stands: what was asked for, then what came of it."""
    return tuple(f"{body}{path}" for body in _BODIES)


def changed_rights(fields: AzureFields, operation: str, *, done: bool) -> Iterator[tuple[str, str, str]]:
    """(place, what happened to it, role or right) of a change of rights, as far as its record holds the body.

    done: whether the change took effect, as far as the record tells.
    """
    if operation == DEFINE:
        yield from _rights_in_role(fields)
        return
    word = _word(fields, operation, done)
    for pointer in bodies("/roleDefinitionId"):
        place, value = fields.reach(pointer)
        if text := text_of(value):
            yield place, word, text
            return


def _word(fields: AzureFields, operation: str, done: bool) -> str:
    """What became of a role; PIM says by `requestType` whether it was to be given or taken."""
    asked = fields.first(*bodies("/requestType")).lower()
    taken = operation == UNASSIGN or any(word in asked for word in _TAKING)
    if not done:
        return "requested_removal" if taken else "requested_role"
    if operation == MAKE_ELIGIBLE:
        return "removed_eligible_role" if taken else "eligible_role"
    return "removed_role" if taken else "granted_role"


def _rights_in_role(fields: AzureFields) -> Iterator[tuple[str, str, str]]:
    for pointer in bodies("/permissions"):
        place, permissions = fields.reach(pointer)
        if isinstance(permissions, list):
            for right in _rights(permissions):
                if _TOUCHES_TRAINING.match(right) and is_storable(right):
                    yield place, "right_in_role", right
            return


def _rights(permissions: list[Any]) -> Iterator[str]:
    for one in permissions:
        for name in ("actions", "dataActions"):
            listed = one.get(name) if isinstance(one, dict) else None
            yield from (text for right in (listed if isinstance(listed, list) else ()) if (text := text_of(right)))
