"""Which records tell of the same fine-tune job: the one rule by which jobs are counted.

A job is a platform and the job's id on it. A record of an audit log is the act: who submitted it, when, from where. What the
platform keeps beside that log, its list of jobs or its table of runs, is the inventory: that there is such a job. It stands
for the act only where no log on record tells of it. A record that names no job is a job by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from compliance.types.canonical import digest_of

INVENTORIES = frozenset({"azure_ml_jobs", "azure_ml_runs", "openai_jobs"})
"""Sources that a platform keeps of its jobs beside its audit log."""

_PLATFORMS: Mapping[str, str] = {
    "cloudtrail": "aws",
    "azure_activity": "azure",
    "azure_ml_runs": "azure",
    "azure_ml_jobs": "azure",
    "azure_openai": "openai",
    "openai_audit": "openai",
    "openai_jobs": "openai",
}
_OF_ONE_PLATFORM = {"arn:": "aws", "/subscriptions/": "azure", "projects/": "gcp", "ftjob-": "openai"}


def job_key(*, source: str, job_id: str) -> str:
    """SHA-256 (hex) by which records of one job are known; "" for a record that names no job.

    An id that tells its platform by itself is the same job whoever names it, a gateway's own log too. Azure writes its
    resource ids in any case; every other id is taken as it is.
    """
    if not job_id:
        return ""
    folded = job_id.casefold()
    platform = next((name for start, name in _OF_ONE_PLATFORM.items() if folded.startswith(start)), "")
    platform = platform or _PLATFORMS.get(source, source)
    return digest_of([platform, folded if folded.startswith("/subscriptions/") else job_id])
