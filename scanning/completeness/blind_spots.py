"""What no log of a source shows, whatever is imported: said beside every figure, for the sources on record."""

from __future__ import annotations

from collections.abc import Mapping

BLIND_SPOTS: Mapping[str, tuple[str, ...]] = {
    "cloudtrail": (
        "Jobs that start inside a SageMaker HyperPod cluster: only the creation of the cluster is logged.",
        "Training on virtual machines, containers or notebooks of one's own: their start is logged, and not what runs in them.",
    ),
    "azure_activity": (
        "Fine-tuning in Azure OpenAI: it is an operation of the data plane, which the Activity Log does not carry.",
    ),
    "azure_ml_runs": ("Who submitted beyond a display name, and from which data: the job itself says it.",),
    "azure_openai": ("Which job a call made, and from which file: the diagnostic log names the account alone.",),
    "openai_audit": ("The submission of a fine-tuning job: the audit log has no event for it.",),
    "openai_jobs": ("Who submitted, by which key and from where: a job of the API names nobody.",),
    "gcp_audit": (
        "What a container that a custom job starts reads and writes: only its image and arguments are logged.",
    ),
    "kubernetes_audit": (
        "What runs inside a pod that exists already, such as a job that Ray or Slurm starts in it.",
        "Inputs of jobs, where the audit policy logs metadata alone.",
    ),
    "databricks": ("Training in a notebook or a cluster of one's own: only the run of the notebook is logged.",),
    "mlflow": ("Runs that nobody tracked: whoever trains decides what is written, and may write any name.",),
    "wandb": ("The start of a run: the audit log knows its update, and nothing that was not synchronised.",),
    "snowflake": ("Fine-tuning outside Snowflake, and statements older than the history reaches back.",),
}
