"""Which AWS operations bear on fine-tuning, and where in their CloudTrail records the facts stand.

Paths are dotted; `[]` means every member of a list. They start at `requestParameters` (default) or, with a leading `<`, at
`responseElements`. Member names are the API's in lower camel case, as CloudTrail writes them for these services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from compliance.types.states import ActionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One API operation. Every field is a tuple of paths, most telling first; `inputs` pairs a role with a path.

    expected: fields of the normal form that an operation of this kind should fill; what stays empty is reported as unknown.
    """

    action_class: ActionClass
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    base_models: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    output_models: tuple[str, ...] = ()
    execution_roles: tuple[str, ...] = ("roleArn",)
    expected: tuple[str, ...] = ()


SAGEMAKER, BEDROCK = "sagemaker", "bedrock"
_SUBMIT = ("inputs", "base_model", "output_uri", "execution_role")
_IMPORT = ("inputs", "output_model", "execution_role")


def _stop(name: str, identifier: str) -> Operation:
    return Operation(action_class=ActionClass.CANCEL, names=(name,), ids=(identifier,), execution_roles=())


_CHANNELS = (
    "inputDataConfig[].dataSource.s3DataSource.s3Uri",
    "inputDataConfig[].dataSource.fileSystemDataSource.fileSystemId",
    "inputDataConfig[].dataSource.datasetSource.datasetArn",
)

OPERATIONS: Mapping[str, Operation] = {
    "sagemaker:CreateTrainingJob": Operation(
        action_class=ActionClass.SUBMIT,
        names=("trainingJobName",),
        ids=("<trainingJobArn", "trainingJobArn"),
        inputs=(
            ("code", "algorithmSpecification.trainingImage"),
            ("code", "algorithmSpecification.algorithmName"),
            ("checkpoint", "checkpointConfig.s3Uri"),
        ),
        base_models=(
            "serverlessJobConfig.baseModelArn",
            "modelPackageConfig.sourceModelPackageArn",
            "hyperParameters.base_model",
            "hyperParameters.model_id",
            "hyperParameters.model_name_or_path",
            "hyperParameters.base_model_name_or_path",
        ),
        outputs=("outputDataConfig.s3OutputPath",),
        output_models=("modelPackageConfig.modelPackageGroupArn",),
        expected=_SUBMIT,
    ),
    "sagemaker:CreateHyperParameterTuningJob": Operation(
        action_class=ActionClass.SUBMIT,
        names=("hyperParameterTuningJobName",),
        ids=("<hyperParameterTuningJobArn",),
        inputs=(
            ("train", "trainingJobDefinition." + _CHANNELS[0]),
            ("train", "trainingJobDefinitions[]." + _CHANNELS[0]),
            ("code", "trainingJobDefinition.algorithmSpecification.trainingImage"),
        ),
        base_models=("trainingJobDefinition.staticHyperParameters.base_model",),
        outputs=(
            "trainingJobDefinition.outputDataConfig.s3OutputPath",
            "trainingJobDefinitions[].outputDataConfig.s3OutputPath",
        ),
        execution_roles=("trainingJobDefinition.roleArn", "trainingJobDefinitions[].roleArn"),
        expected=_SUBMIT,
    ),
    "sagemaker:CreateAutoMLJob": Operation(
        action_class=ActionClass.SUBMIT,
        names=("autoMLJobName",),
        ids=("<autoMLJobArn",),
        inputs=(("train", "inputDataConfig[].dataSource.s3DataSource.s3Uri"),),
        outputs=("outputDataConfig.s3OutputPath",),
        expected=("inputs", "output_uri", "execution_role"),
    ),
    "sagemaker:CreateAutoMLJobV2": Operation(
        action_class=ActionClass.SUBMIT,
        names=("autoMLJobName",),
        ids=("<autoMLJobArn",),
        inputs=(("train", "autoMLJobInputDataConfig[].dataSource.s3DataSource.s3Uri"),),
        base_models=("autoMLProblemTypeConfig.textGenerationJobConfig.baseModelName",),
        outputs=("outputDataConfig.s3OutputPath",),
        expected=("inputs", "output_uri", "execution_role"),
    ),
    "sagemaker:CreateProcessingJob": Operation(
        action_class=ActionClass.OTHER,
        names=("processingJobName",),
        ids=("<processingJobArn",),
        inputs=(("data", "processingInputs[].s3Input.s3Uri"), ("code", "appSpecification.imageUri")),
        outputs=("processingOutputConfig.outputs[].s3Output.s3Uri",),
    ),
    "sagemaker:CreateCluster": Operation(
        action_class=ActionClass.OTHER,
        names=("clusterName",),
        ids=("<clusterArn",),
        execution_roles=("instanceGroups[].executionRole",),
    ),
    "sagemaker:CreatePipeline": Operation(
        action_class=ActionClass.OTHER,
        names=("pipelineName",),
        ids=("<pipelineArn",),
        inputs=(("code", "pipelineDefinitionS3Location.bucket"),),
    ),
    "sagemaker:UpdatePipeline": Operation(
        action_class=ActionClass.OTHER, names=("pipelineName",), ids=("<pipelineArn",)
    ),
    "sagemaker:StartPipelineExecution": Operation(
        action_class=ActionClass.SUBMIT,
        names=("pipelineExecutionDisplayName", "pipelineName"),
        ids=("<pipelineExecutionArn",),
        expected=_SUBMIT,
    ),
    "sagemaker:CreateModel": Operation(
        action_class=ActionClass.REGISTER,
        names=("modelName",),
        ids=("<modelArn",),
        inputs=(
            ("model", "primaryContainer.modelDataUrl"),
            ("model", "primaryContainer.modelDataSource.s3DataSource.s3Uri"),
            ("model", "primaryContainer.modelPackageName"),
            ("model", "containers[].modelDataUrl"),
            ("model", "containers[].modelDataSource.s3DataSource.s3Uri"),
            ("code", "primaryContainer.image"),
        ),
        output_models=("<modelArn", "modelName"),
        execution_roles=("executionRoleArn",),
        expected=("inputs", "execution_role"),
    ),
    "sagemaker:CreateModelPackage": Operation(
        action_class=ActionClass.REGISTER,
        names=("modelPackageName", "modelPackageGroupName"),
        ids=("<modelPackageArn",),
        inputs=(
            ("model", "inferenceSpecification.containers[].modelDataUrl"),
            ("model", "inferenceSpecification.containers[].modelDataSource.s3DataSource.s3Uri"),
            ("job", "metadataProperties.generatedBy"),
        ),
        output_models=("<modelPackageArn", "modelPackageGroupName"),
        execution_roles=(),
        expected=("inputs",),
    ),
    "sagemaker:UpdateModelPackage": Operation(
        action_class=ActionClass.APPROVE,
        names=("modelPackageArn",),
        ids=("<modelPackageArn", "modelPackageArn"),
        output_models=("modelPackageArn",),
        execution_roles=(),
    ),
    "sagemaker:DeleteModelPackage": Operation(
        action_class=ActionClass.OTHER, names=("modelPackageName",), execution_roles=()
    ),
    "sagemaker:PutModelPackageGroupPolicy": Operation(
        action_class=ActionClass.GRANT, names=("modelPackageGroupName",), execution_roles=()
    ),
    "sagemaker:StopTrainingJob": _stop("trainingJobName", "<trainingJobArn"),
    "sagemaker:StopHyperParameterTuningJob": _stop("hyperParameterTuningJobName", "<hyperParameterTuningJobArn"),
    "sagemaker:StopAutoMLJob": _stop("autoMLJobName", "<autoMLJobArn"),
    "sagemaker:StopPipelineExecution": _stop("pipelineExecutionArn", "pipelineExecutionArn"),
    "bedrock:CreateModelCustomizationJob": Operation(
        action_class=ActionClass.SUBMIT,
        names=("jobName",),
        ids=("<jobArn",),
        inputs=(
            ("train", "trainingDataConfig.s3Uri"),
            ("train", "trainingDataConfig.invocationLogsConfig.invocationLogSource.s3Uri"),
            ("validation", "validationDataConfig.validators[].s3Uri"),
            ("teacher_model", "customizationConfig.distillationConfig.teacherModelConfig.teacherModelIdentifier"),
            ("reward_code", "customizationConfig.rftConfig.graderConfig.lambdaGrader.lambdaArn"),
        ),
        base_models=("baseModelIdentifier",),
        outputs=("outputDataConfig.s3Uri",),
        output_models=("customModelName",),
        expected=(*_SUBMIT, "output_model"),
    ),
    "bedrock:StopModelCustomizationJob": _stop("jobIdentifier", "jobIdentifier"),
    "bedrock:CreateCustomModel": Operation(
        action_class=ActionClass.IMPORT,
        names=("modelName",),
        ids=("<modelArn",),
        inputs=(
            ("model", "modelSourceConfig.s3DataSource.s3Uri"),
            ("model", "customModelDataSource.modelPackageArnDataSource.modelPackageArn"),
        ),
        output_models=("<modelArn", "modelName"),
        expected=_IMPORT,
    ),
    "bedrock:CreateModelImportJob": Operation(
        action_class=ActionClass.IMPORT,
        names=("jobName",),
        ids=("<jobArn",),
        inputs=(("model", "modelDataSource.s3DataSource.s3Uri"),),
        output_models=("importedModelName",),
        expected=_IMPORT,
    ),
    "bedrock:CreateCustomModelDeployment": Operation(
        action_class=ActionClass.DEPLOY,
        names=("modelDeploymentName",),
        ids=("<customModelDeploymentArn",),
        inputs=(("model", "modelArn"),),
        execution_roles=(),
        expected=("inputs",),
    ),
    "bedrock:CreateProvisionedModelThroughput": Operation(
        action_class=ActionClass.DEPLOY,
        names=("provisionedModelName",),
        ids=("<provisionedModelArn",),
        inputs=(("model", "modelId"),),
        execution_roles=(),
        expected=("inputs",),
    ),
    "bedrock:DeleteCustomModel": Operation(
        action_class=ActionClass.OTHER,
        names=("modelIdentifier",),
        output_models=("modelIdentifier",),
        execution_roles=(),
    ),
}

EXTRA = Operation(action_class=ActionClass.OTHER)


@cache
def pointer_of(path: str) -> str:
    """A path of the table as a JSON pointer, as scanning.ingest.records.each takes it."""
    return "".join(f"/{part.removesuffix('[]')}{'/*' if part.endswith('[]') else ''}" for part in path.split("."))
