"""How each figure beside an answer is computed, in words. Data: a figure names its rule by id, and freezes keep the words."""

from __future__ import annotations

from compliance.types.checks import CheckRule
from compliance.types.verified_data import DataState

CHECK, DATA = "check/", "data/"

FIGURE_RULES: dict[str, str] = {
    "data/manifests": "Data-set versions of the AI system that are registered with the Merkle root of a hash manifest.",
    "data/own-models": "Model versions of the AI system whose origin is the organisation itself.",
    "data/own-models-untraced": "Own model versions to which no registered data-set version is recorded as training data.",
    "data/verified": "Of the submissions of the period that went through: those of which every data set that they name was "
    "compared with its manifest before the start, the last comparison matching, or is named in the log by the digest of its "
    "manifest. Records of inventories are left out where a log tells of the same job.",
    f"{DATA}{DataState.COMPARED}": "Submissions of which every named data set matched in the last comparison before the start.",
    f"{DATA}{DataState.BY_DIGEST}": "Submissions of which the log names the manifest's digest for what was not compared.",
    f"{DATA}{DataState.NOT_VERIFIED}": "Submissions with a data set that is registered and was not compared before the start.",
    f"{DATA}{DataState.DIFFERED}": "Submissions with a data set that differed in the last comparison before the start, or of "
    "which the log gives another digest than the manifest's.",
    f"{DATA}{DataState.NOT_TOLD}": "Submissions of which no source names the data, or whose data is bound to no version.",
    "data/last-compared": "The newest comparison with its manifest of any data-set version that jobs of the period read.",
    "submitters/jobs": "Jobs that were submitted successfully in the period, by platform and job id each counted once, "
    "whether a log, an inventory or both tell of them; records that name no job count as one each.",
    "submitters/without-id": "Records of successful submissions that name no job.",
    "submitters/principals": "Different principals that records of successful submissions of the period name.",
    "submitters/denied": "Records of submissions in the period that the platform denied.",
    "submitters/unnamed": "Submitted jobs of the period of which no record names a principal.",
    "entitlements/part": "Principals, keys or parts of the latest reading of entitlement documents within the period.",
    "review/last": "The last access review completed in the period, with its decisions and what later documents confirm.",
    "models/inherited": "Model versions of the AI system whose origin is somebody else.",
    "models/cell": "Inherited model versions with at least one sub-technique in this state: the strongest of what the newest "
    "observation of each producer, rule and place says; covered results grow stale after the freshness limit.",
    "log/events": "Job events recorded for the AI system within the days of the period, in UTC.",
    "log/documents": "Different documents from which these events were read.",
    "log/newest": "The time of the newest of these events.",
    "completeness/figure": "The figure of the reading of completeness over exactly the assessment's period.",
    **{
        f"{CHECK}{rule.value}": f"The check “{rule.value}” of the latest run over exactly the assessment's period: "
        "exceptions of the population."
        for rule in CheckRule
    },
    "check/not-run": "Whether checks were run over exactly the assessment's period.",
}
