"""Which formats are read, and which of them a document is. A table: listing formats imports no parser."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from compliance.types.errors import BadInputError, UnknownFormatError
from scanning.ingest import matches
from scanning.ingest.base import NO, ParseContext, Parser, Parsing
from scanning.ingest.limits import Replayed, plain_head

HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ParserEntry:
    """A row of the table. `target`: module and attribute of the parser."""

    name: str
    label: str
    target: str

    def load(self) -> Parser:
        """Import the parser."""
        module, _, attribute = self.target.partition(":")
        return cast(Parser, getattr(import_module(module), attribute))


PARSERS: dict[str, ParserEntry] = {
    entry.name: entry
    for entry in (
        ParserEntry("cloudtrail", "AWS CloudTrail log (JSON, gzip or plain)", "scanning.ingest.cloudtrail:PARSER"),
        ParserEntry("modelscan", "modelscan JSON report", "scanning.ingest.modelscan:PARSER"),
        ParserEntry("modelaudit", "modelaudit JSON report", "scanning.ingest.modelaudit:PARSER"),
        ParserEntry("picklescan", "picklescan output (text)", "scanning.ingest.picklescan:PARSER"),
        ParserEntry("fickling", "fickling safety results (JSON)", "scanning.ingest.fickling:PARSER"),
        ParserEntry("garak", "garak report or hit log (JSONL)", "scanning.ingest.garak:PARSER"),
        ParserEntry("sarif", "SARIF 2.1.0 report", "scanning.ingest.sarif:PARSER"),
        ParserEntry(
            "huggingface_files",
            "Hugging Face file security status (JSON)",
            "scanning.ingest.huggingface_files:PARSER",
        ),
        ParserEntry("hiddenlayer", "HiddenLayer scan report (JSON)", "scanning.ingest.hiddenlayer:PARSER"),
        ParserEntry("guardian", "Protect AI Guardian scan state (JSON)", "scanning.ingest.guardian:PARSER"),
        ParserEntry("ocsf", "OCSF findings (Prowler json-ocsf and others)", "scanning.ingest.ocsf:PARSER"),
        ParserEntry("asff", "AWS Security Hub findings (ASFF)", "scanning.ingest.asff:PARSER"),
        ParserEntry(
            "model_signing", "OpenSSF model signature (Sigstore bundle)", "scanning.ingest.model_signing:PARSER"
        ),
        ParserEntry("in_toto", "in-toto attestation, SLSA provenance (DSSE)", "scanning.ingest.in_toto:PARSER"),
        ParserEntry("cyclonedx", "CycloneDX ML-BOM (JSON, 1.5 to 1.7)", "scanning.ingest.cyclonedx:PARSER"),
        ParserEntry("spdx_ai", "SPDX 3 AI profile (JSON-LD)", "scanning.ingest.spdx_ai:PARSER"),
        ParserEntry(
            "backdoor_evaluation",
            "Backdoor evaluation (backdoor-evaluation/v1, JSON)",
            "scanning.ingest.backdoor_evaluation:PARSER",
        ),
        ParserEntry("trojai", "TrojAI result (one probability, text)", "scanning.ingest.trojai:PARSER"),
        ParserEntry("backdoorbench", "BackdoorBench detection_info.csv", "scanning.ingest.backdoorbench:PARSER"),
        ParserEntry("art", "ART detect_poison result (JSON)", "scanning.ingest.art:PARSER"),
        ParserEntry("gcp_audit", "Google Cloud audit log (LogEntry JSON)", "scanning.ingest.gcp_audit:PARSER"),
        ParserEntry(
            "kubernetes_audit", "Kubernetes audit log (audit.k8s.io events)", "scanning.ingest.kubernetes_audit:PARSER"
        ),
        ParserEntry(
            "azure_activity",
            "Azure Activity Log (REST, az, export, Log Analytics)",
            "scanning.ingest.azure_activity:PARSER",
        ),
        ParserEntry(
            "azure_ml_runs",
            "Azure Machine Learning run and job events (Log Analytics)",
            "scanning.ingest.azure_ml_runs:PARSER",
        ),
        ParserEntry(
            "azure_ml_jobs",
            "Azure Machine Learning jobs (REST or az ml job list)",
            "scanning.ingest.azure_ml_jobs:PARSER",
        ),
        ParserEntry(
            "azure_openai",
            "Azure OpenAI diagnostic log (Audit, RequestResponse)",
            "scanning.ingest.azure_openai:PARSER",
        ),
        ParserEntry("openai_audit", "OpenAI organization audit log", "scanning.ingest.openai_audit:PARSER"),
        ParserEntry(
            "openai_jobs", "OpenAI and Azure OpenAI fine-tuning jobs (API)", "scanning.ingest.openai_jobs:PARSER"
        ),
        ParserEntry(
            "databricks",
            "Databricks audit log (system table, delivered files, Azure tables; JSON)",
            "scanning.ingest.databricks:PARSER",
        ),
        ParserEntry("mlflow", "MLflow runs (tracking records, JSON)", "scanning.ingest.mlflow:PARSER"),
        ParserEntry("wandb", "Weights & Biases audit log (JSON lines or API pages)", "scanning.ingest.wandb:PARSER"),
        ParserEntry("snowflake", "Snowflake query history (JSON or CSV)", "scanning.ingest.snowflake:PARSER"),
        ParserEntry(
            "aws_iam",
            "AWS users, roles, policies, control policies and Identity Center (aws, JSON)",
            "scanning.ingest.aws_iam:PARSER",
        ),
        ParserEntry(
            "azure_roles", "Azure roles, PIM, groups and keys (az, JSON)", "scanning.ingest.azure_roles:PARSER"
        ),
        ParserEntry(
            "gcp_iam",
            "Google Cloud IAM policies, roles, groups and keys (gcloud, JSON)",
            "scanning.ingest.gcp_iam:PARSER",
        ),
        ParserEntry(
            "kubernetes_rbac",
            "Kubernetes roles and bindings (kubectl get, JSON)",
            "scanning.ingest.kubernetes_rbac:PARSER",
        ),
        ParserEntry(
            "cloudtrail_digest", "AWS CloudTrail digest file (JSON)", "scanning.ingest.cloudtrail_digest:PARSER"
        ),
        ParserEntry(
            "cloudtrail_signatures",
            "Signatures of CloudTrail digest files (S3 metadata, JSON)",
            "scanning.ingest.cloudtrail_signatures:PARSER",
        ),
        ParserEntry(
            "cloudtrail_keys", "AWS CloudTrail public keys (aws, JSON)", "scanning.ingest.cloudtrail_keys:PARSER"
        ),
        ParserEntry(
            "aws_logging", "AWS accounts, regions and trails (aws, JSON)", "scanning.ingest.aws_logging:PARSER"
        ),
        ParserEntry(
            "azure_logging",
            "Azure subscriptions and diagnostic settings (az, JSON)",
            "scanning.ingest.azure_logging:PARSER",
        ),
        ParserEntry(
            "gcp_logging",
            "Google Cloud projects, audit configuration and sinks (gcloud, JSON)",
            "scanning.ingest.gcp_logging:PARSER",
        ),
        ParserEntry(
            "stated_sources",
            "Statement on accounts, clusters and what nothing logs (JSON)",
            "scanning.ingest.stated_sources:PARSER",
        ),
        ParserEntry(
            "aws_jobs",
            "AWS lists of training and customization jobs (aws, JSON)",
            "scanning.ingest.aws_jobs:PARSER",
        ),
        ParserEntry(
            "aws_billing", "AWS Cost and Usage Report with resource ids (CSV)", "scanning.ingest.aws_billing:PARSER"
        ),
        ParserEntry(
            "generic_log",
            "Any other log as CSV or JSON lines, by a column mapping",
            "scanning.ingest.generic_log:PARSER",
        ),
    )
}


def labels() -> dict[str, str]:
    """Name -> label of every format that is read."""
    return {name: entry.label for name, entry in PARSERS.items()}


def parser_named(name: str) -> Parser:
    """The parser of a format asked for by name. Raises UnknownFormatError, which lists the names."""
    if name not in PARSERS:
        raise UnknownFormatError(f"There is no import format named {name!r}; the formats are {', '.join(PARSERS)}.")
    return PARSERS[name].load()


def identify(head: bytes, file_name: str) -> str:
    """Name of the format that a document is, judged by its first bytes as stored (gzip or plain; 64 KiB are plenty).

    Raises BadInputError for an empty document, UnknownFormatError for one that no parser knows.
    """
    if not head:
        raise BadInputError(f"{file_name} is empty; there is nothing to import.")
    plain = plain_head(head)
    if kind := _archive(plain):
        raise BadInputError(
            f"{file_name} is a {kind} archive, which is not read as it is; unpack it and import its files, "
            "many logs at once by `manage.py ingest FOLDER --keep matches`."
        )
    if log := matches.log_of(plain):
        return parser_named(log).name
    scores = {name: entry.load().identify(plain, file_name) for name, entry in PARSERS.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] == NO:
        raise UnknownFormatError(
            f"{file_name} is of no format that can be imported: none of the {len(PARSERS)} that are known recognises it; "
            "see docs/formats.md, or export the records as CSV or JSON lines and say in a column mapping what they mean."
        )
    return best


def _archive(head: bytes) -> str:
    """What kind of archive a document is, "" if it is none."""
    if head.startswith(b"PK\x03\x04"):
        return "ZIP"
    return "tar" if head[257:262] == b"ustar" else ""


def identify_path(path: Path) -> str:
    """As `identify`, for a file."""
    with path.open("rb") as stream:
        return identify(stream.read(HEAD_BYTES), path.name)


def parse(format_name: str, stream: BinaryIO, context: ParseContext) -> Parsing:
    """Parse a stream as the named format, or the records of that format in a matches document.

    Raises UnknownFormatError now, BadInputError while iterating.
    """
    parser, again = parser_named(format_name), Replayed(stream)
    if matches.log_of(plain_head(again.head)):
        return Parsing(matches.drafts_of(cast(BinaryIO, again), context, parse))
    return parser.parse(cast(BinaryIO, again), context)
