"""Which methods of Vertex AI bear on fine-tuning, and where in their audit log entries the facts stand.

Paths are JSON pointers; one that begins with `<` starts at `protoPayload.response`, any other at `protoPayload.request`.
Member names are those of the API (google.cloud.aiplatform.v1 and v1beta1) as its JSON form writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compliance.types.states import ActionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method. Every field is a tuple of paths, most telling first; `inputs` pairs a role with a path.

    collection: the part of a resource name before the id of what the method made or touched ("customJobs"), "" if it has none;
    expected: fields of the normal form that such an entry should fill; what stays empty is reported as unknown.
    """

    action_class: ActionClass
    collection: str = ""
    ids: tuple[str, ...] = ("</name", "/name")
    names: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    base_models: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    output_models: tuple[str, ...] = ()
    execution_roles: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()


_SUBMIT = ("inputs", "base_model", "output_uri", "execution_role")


def _job(collection: str, root: str, *specs: str) -> Operation:
    """A job that runs containers, described at `specs` below `root` of the request."""
    places = [f"{root}{spec}" for spec in specs]
    return Operation(
        action_class=ActionClass.SUBMIT,
        collection=collection,
        names=(f"{root}/displayName",),
        inputs=tuple(
            (role, f"{place}{path}")
            for place in places
            for role, path in (
                ("model", "/models/*"),
                ("code", "/workerPoolSpecs/*/containerSpec/imageUri"),
                ("code", "/workerPoolSpecs/*/pythonPackageSpec/executorImageUri"),
                ("code", "/workerPoolSpecs/*/pythonPackageSpec/packageUris/*"),
            )
        ),
        outputs=tuple(f"{place}/baseOutputDirectory/outputUriPrefix" for place in places),
        execution_roles=tuple(f"{place}/serviceAccount" for place in places),
        expected=_SUBMIT,
    )


def _cancel(collection: str) -> Operation:
    return Operation(action_class=ActionClass.CANCEL, collection=collection, ids=("/name",))


def _other(collection: str, *names: str) -> Operation:
    return Operation(action_class=ActionClass.OTHER, collection=collection, names=names)


_PIPELINE = "/trainingPipeline"
_TASK = f"{_PIPELINE}/trainingTaskInputs"
_TUNING = "/tuningJob"
_RUN = "/pipelineJob"

OPERATIONS: Mapping[str, Operation] = {
    "JobService.CreateCustomJob": _job("customJobs", "/customJob", "/jobSpec"),
    "JobService.CreateHyperparameterTuningJob": _job(
        "hyperparameterTuningJobs", "/hyperparameterTuningJob", "/trialJobSpec"
    ),
    "JobService.CreateNasJob": _job(
        "nasJobs",
        "/nasJob",
        "/nasJobSpec/multiTrialAlgorithmSpec/searchTrialSpec/searchTrialJobSpec",
        "/nasJobSpec/multiTrialAlgorithmSpec/trainTrialSpec/trainTrialJobSpec",
    ),
    "JobService.CancelCustomJob": _cancel("customJobs"),
    "JobService.CancelHyperparameterTuningJob": _cancel("hyperparameterTuningJobs"),
    "JobService.CancelNasJob": _cancel("nasJobs"),
    "JobService.DeleteCustomJob": _other("customJobs"),
    "JobService.DeleteHyperparameterTuningJob": _other("hyperparameterTuningJobs"),
    "JobService.DeleteNasJob": _other("nasJobs"),
    "PipelineService.CreateTrainingPipeline": Operation(
        action_class=ActionClass.SUBMIT,
        collection="trainingPipelines",
        names=(f"{_PIPELINE}/displayName",),
        inputs=(
            ("train", f"{_PIPELINE}/inputDataConfig/datasetId"),
            ("code", f"{_TASK}/workerPoolSpecs/*/containerSpec/imageUri"),
            ("code", f"{_TASK}/workerPoolSpecs/*/pythonPackageSpec/executorImageUri"),
            ("code", f"{_TASK}/workerPoolSpecs/*/pythonPackageSpec/packageUris/*"),
            ("code", f"{_PIPELINE}/trainingTaskDefinition"),
        ),
        base_models=(
            f"{_TASK}/baseModelId",
            f"{_PIPELINE}/modelToUpload/baseModelSource/modelGardenSource/publicModelName",
            f"{_PIPELINE}/modelToUpload/baseModelSource/genieSource/baseModelUri",
        ),
        outputs=(
            f"{_TASK}/baseOutputDirectory/outputUriPrefix",
            f"{_PIPELINE}/inputDataConfig/gcsDestination/outputUriPrefix",
        ),
        output_models=("</modelToUpload/name", f"{_PIPELINE}/modelToUpload/displayName", f"{_PIPELINE}/modelId"),
        execution_roles=(f"{_TASK}/serviceAccount",),
        expected=(*_SUBMIT, "output_model"),
    ),
    "PipelineService.CreatePipelineJob": Operation(
        action_class=ActionClass.SUBMIT,
        collection="pipelineJobs",
        names=(f"{_RUN}/displayName", "/pipelineJobId"),
        inputs=(
            ("artifact", f"{_RUN}/runtimeConfig/inputArtifacts/*/artifactId"),
            ("code", f"{_RUN}/templateUri"),
        ),
        outputs=(f"{_RUN}/runtimeConfig/gcsOutputDirectory",),
        execution_roles=(f"{_RUN}/serviceAccount",),
        expected=_SUBMIT,
    ),
    "PipelineService.CancelTrainingPipeline": _cancel("trainingPipelines"),
    "PipelineService.CancelPipelineJob": _cancel("pipelineJobs"),
    "PipelineService.BatchCancelPipelineJobs": Operation(
        action_class=ActionClass.CANCEL, collection="pipelineJobs", ids=("/names/*",)
    ),
    "PipelineService.DeleteTrainingPipeline": _other("trainingPipelines"),
    "PipelineService.DeletePipelineJob": _other("pipelineJobs"),
    "ScheduleService.CreateSchedule": _other("schedules", "/schedule/displayName"),
    "ScheduleService.UpdateSchedule": _other("schedules", "/schedule/displayName"),
    "ScheduleService.ResumeSchedule": _other("schedules"),
    "GenAiTuningService.CreateTuningJob": Operation(
        action_class=ActionClass.SUBMIT,
        collection="tuningJobs",
        inputs=(
            ("train", f"{_TUNING}/*/trainingDatasetUri"),
            ("validation", f"{_TUNING}/*/validationDatasetUri"),
            ("teacher_model", f"{_TUNING}/distillationSpec/baseTeacherModel"),
            ("teacher_model", f"{_TUNING}/distillationSpec/tunedTeacherModelSource"),
        ),
        base_models=(
            f"{_TUNING}/preTunedModel/tunedModelName",
            f"{_TUNING}/customBaseModel",
            f"{_TUNING}/baseModel",
            f"{_TUNING}/distillationSpec/studentModel",
        ),
        outputs=(f"{_TUNING}/outputUri", f"{_TUNING}/distillationSpec/pipelineRootDirectory"),
        output_models=("</tunedModel/model", f"{_TUNING}/tunedModelDisplayName"),
        execution_roles=(f"{_TUNING}/serviceAccount",),
        expected=(*_SUBMIT, "output_model"),
    ),
    "GenAiTuningService.CancelTuningJob": _cancel("tuningJobs"),
    "GenAiTuningService.RebaseTunedModel": Operation(
        action_class=ActionClass.SUBMIT,
        collection="tuningJobs",
        base_models=("/tunedModelRef/tunedModel", "/tunedModelRef/tuningJob", "/tunedModelRef/pipelineJob"),
        outputs=("/artifactDestination/outputUriPrefix",),
        output_models=("</tunedModel/model",),
        expected=_SUBMIT,
    ),
    "ModelService.UploadModel": Operation(
        action_class=ActionClass.REGISTER,
        collection="models",
        ids=("</model", "</name"),
        names=("/model/displayName",),
        inputs=(("model", "/model/artifactUri"), ("code", "/model/containerSpec/imageUri")),
        base_models=(
            "/model/baseModelSource/modelGardenSource/publicModelName",
            "/model/baseModelSource/genieSource/baseModelUri",
        ),
        output_models=("</model", "/parentModel", "/modelId", "/model/displayName"),
        execution_roles=("/serviceAccount",),
        expected=("inputs", "output_model", "execution_role"),
    ),
    "ModelService.CopyModel": Operation(
        action_class=ActionClass.REGISTER,
        collection="models",
        ids=("</model", "</name"),
        inputs=(("model", "/sourceModel"),),
        output_models=("</model", "/parentModel", "/modelId"),
        expected=("inputs", "output_model"),
    ),
    "ModelService.UpdateModel": _other("models", "/model/displayName"),
    "ModelService.MergeVersionAliases": _other("models"),
    "ModelService.ExportModel": _other("models"),
    "ModelService.DeleteModel": _other("models"),
    "ModelService.DeleteModelVersion": _other("models"),
    "EndpointService.DeployModel": Operation(
        action_class=ActionClass.DEPLOY,
        collection="endpoints",
        ids=("/endpoint", "</name"),
        names=("/deployedModel/displayName",),
        inputs=(("model", "/deployedModel/model"),),
        execution_roles=("/deployedModel/serviceAccount",),
        expected=("inputs",),
    ),
    "EndpointService.MutateDeployedModel": Operation(
        action_class=ActionClass.DEPLOY,
        collection="endpoints",
        ids=("/endpoint", "</name"),
        names=("/deployedModel/displayName",),
        inputs=(("model", "/deployedModel/model"),),
        expected=("inputs",),
    ),
    "EndpointService.UndeployModel": Operation(
        action_class=ActionClass.OTHER, collection="endpoints", ids=("/endpoint", "</name")
    ),
    "EndpointService.UpdateEndpoint": _other("endpoints", "/endpoint/displayName"),
    "ModelGardenService.Deploy": Operation(
        action_class=ActionClass.DEPLOY,
        collection="endpoints",
        ids=("</endpoint", "</name"),
        inputs=(
            ("model", "/publisherModelName"),
            ("model", "/huggingFaceModelId"),
            ("model", "/customModel/gcsUri"),
        ),
        expected=("inputs",),
    ),
}

EXTRA = Operation(action_class=ActionClass.OTHER)
