"""Which actions of Databricks bear on fine-tuning, and which of their request parameters tell what.

Names are those of the vendor's audit log reference. A job may be of any kind: the log does not say which runs train a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compliance.types.states import ActionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One action. Every field is a tuple of request parameters, most telling first.

    ids pairs a parameter with the prefix that makes its value an identifier ("runs/", as the API's paths have it); result:
    the same for members of the answer; sources: parameters that name a model that went in; model: parameters whose values,
    joined by a dot, are the full name of the model that is touched; expected: what such a record should tell.
    """

    action_class: ActionClass
    ids: tuple[tuple[str, str], ...] = ()
    result: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    model: tuple[tuple[str, ...], ...] = ()
    expected: tuple[str, ...] = ()


_JOB, _RUN = ("job_id", "jobs/"), ("run_id", "runs/")
_RUNS = ("inputs", "base_model", "output_uri", "execution_role", "job_id")
_FULL_NAME = ("catalog_name", "schema_name", "name")


def _job(action_class: ActionClass, *ids: tuple[str, str], expected: tuple[str, ...] = ()) -> Operation:
    return Operation(
        action_class=action_class, ids=ids, result=(_RUN, _JOB), names=("run_name", "name"), expected=expected
    )


def _registry(action_class: ActionClass, *, sources: tuple[str, ...] = (), ids: bool = False) -> Operation:
    return Operation(
        action_class=action_class,
        ids=(("run_id", ""),) if ids else (),
        names=("name",),
        sources=sources,
        model=(("name",),),
        expected=("output_model", *(("inputs",) if sources else ())),
    )


def _catalog(action_class: ActionClass, *, sources: tuple[str, ...] = ()) -> Operation:
    return Operation(
        action_class=action_class,
        ids=(("run_id", ""),) if sources else (),
        names=("name", "model_name", "full_name_arg"),
        sources=sources,
        model=(_FULL_NAME, ("catalog_name", "schema_name", "model_name"), ("full_name_arg",)),
        expected=("output_model", *(("inputs",) if sources else ())),
    )


def _grant(*ids: tuple[str, str]) -> Operation:
    return Operation(action_class=ActionClass.GRANT, ids=ids, names=("securable_full_name", "resourceId"))


_EXPERIMENT = Operation(action_class=ActionClass.OTHER, names=("experimentName", "path", "experimentId"))
_SERVING = Operation(action_class=ActionClass.DEPLOY, names=("name",))

EXTRA = Operation(action_class=ActionClass.OTHER, ids=(_RUN, _JOB), names=("run_name", "name"))

OPERATIONS: Mapping[str, Operation] = {
    "jobs:submitRun": _job(ActionClass.SUBMIT, _RUN, expected=_RUNS),
    "jobs:runNow": _job(ActionClass.SUBMIT, _RUN, _JOB, expected=_RUNS),
    "jobs:runTriggered": Operation(
        action_class=ActionClass.SUBMIT, ids=(("runId", "runs/"), ("jobId", "jobs/")), expected=_RUNS
    ),
    "jobs:repairRun": _job(ActionClass.SUBMIT, _RUN, expected=_RUNS),
    "jobs:create": _job(ActionClass.OTHER, _JOB),
    "jobs:update": _job(ActionClass.OTHER, _JOB),
    "jobs:reset": _job(ActionClass.OTHER, _JOB),
    "jobs:delete": _job(ActionClass.OTHER, _JOB),
    "jobs:cancel": _job(ActionClass.CANCEL, _RUN),
    "jobs:cancelAllRuns": _job(ActionClass.CANCEL, _JOB),
    "jobs:changeJobAcl": _grant(("resourceId", "")),
    "jobs:resetJobAcl": _grant(("job_id", "jobs/")),
    "mlflowExperiment:createMlflowExperiment": _EXPERIMENT,
    "mlflowExperiment:deleteMlflowExperiment": _EXPERIMENT,
    "modelRegistry:createRegisteredModel": _registry(ActionClass.REGISTER),
    "modelRegistry:createModelVersion": _registry(ActionClass.REGISTER, sources=("source",), ids=True),
    "modelRegistry:deleteModelVersion": _registry(ActionClass.OTHER),
    "modelRegistry:approveTransitionRequest": _registry(ActionClass.APPROVE),
    "modelRegistry:rejectTransitionRequest": _registry(ActionClass.OTHER),
    "modelRegistry:transitionModelVersionStage": _registry(ActionClass.DEPLOY),
    "modelRegistry:changeRegisteredModelAcl": _grant(("registeredModelId", "")),
    "unityCatalog:createRegisteredModel": _catalog(ActionClass.REGISTER),
    "unityCatalog:createModelVersion": _catalog(ActionClass.REGISTER, sources=("source",)),
    "unityCatalog:deleteModelVersion": _catalog(ActionClass.OTHER),
    "unityCatalog:setRegisteredModelAlias": _catalog(ActionClass.DEPLOY),
    "unityCatalog:updatePermissions": _grant(),
    "serverlessRealTimeInference:createServingEndpoint": _SERVING,
    "serverlessRealTimeInference:updateServingEndpoint": _SERVING,
}

# What a job goes through after it was submitted: counted, not kept.
LIFECYCLE = frozenset({"jobs:runStart", "jobs:runSucceeded", "jobs:runFailed"})
# Models stand among the functions of Unity Catalog.
MODEL_SECURABLES = frozenset({"registered_model", "model", "function"})
