"""Jobs as the platforms' own lists and bills on record tell them, each once, and which lists hold all there were of a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from compliance.types.completeness import PlatformDocument
from scanning.completeness.base import Facts, ListedJob, Listing

TRAINING, CUSTOMIZATION, BILL = "sagemaker-training-jobs", "bedrock-customization-jobs", "aws-billing"
AZURE_ML, OPENAI = "azure-ml-jobs", "openai-fine-tuning-jobs"


def listed(facts: Facts) -> list[ListedJob]:
    """Every job once, by its id: as a list tells it, else as the bill does; of several lists, as the earliest does."""
    found: dict[tuple[str, str], ListedJob] = {}
    lists = sorted(facts.of_kind(TRAINING, CUSTOMIZATION), key=_order)
    bills = sorted(facts.of_kind(BILL), key=_order)
    of_lists = (job for document in lists for job in _of_list(document))
    of_bills = (job for document in bills for job in _of_bill(document))
    for job in (*of_lists, *facts.listed, *of_bills):
        found.setdefault((job.kind, job.job_id.casefold()), job)
    return sorted(found.values(), key=lambda one: (one.at, one.kind, one.job_id))


def listings(facts: Facts) -> list[Listing]:
    """Lists that hold all jobs of a place, oldest first."""
    found = [
        Listing(
            kind=document.kind,
            place=document.scope,
            taken_at=document.taken_at,
            jobs=frozenset(str(job["id"]).casefold() for job in document.content["jobs"]),
            file_name=document.file_name,
        )
        for document in facts.of_kind(TRAINING, CUSTOMIZATION)
        if document.content["is_list"]
    ]
    return sorted((*found, *facts.listings), key=lambda one: (one.taken_at, one.kind, one.place, one.file_name))


def _order(document: PlatformDocument) -> tuple[datetime, str, str]:
    return document.taken_at, document.evidence_sha256, document.uuid


def _of_list(document: PlatformDocument) -> Iterator[ListedJob]:
    for job in document.content["jobs"]:
        yield ListedJob(
            kind=document.kind,
            place=document.scope,
            job_id=job["id"],
            name=job["name"],
            at=datetime.fromisoformat(job["created_at"]),
            parent=job["parent"],
            told_by=f"{document.file_name}, {job['locator']}",
        )


def _of_bill(document: PlatformDocument) -> Iterator[ListedJob]:
    for job in document.content["jobs"]:
        yield ListedJob(
            kind=job["kind"],
            place=f"{job['account']}/{job['region']}",
            job_id=job["id"],
            name=job["name"],
            at=datetime.fromisoformat(job["created_at"]),
            told_by=f"{document.file_name}, {job['locator']}",
        )
