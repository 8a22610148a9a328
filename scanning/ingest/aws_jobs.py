"""AWS's own lists of fine-tune jobs: SageMaker training jobs and Bedrock model customization jobs, as `aws` prints them.

Read are list-training-jobs, describe-training-job, list-model-customization-jobs, get-model-customization-job, by themselves or
in a bundle (docs/formats/completeness.md), which alone can say that a list is empty and which account and region it is of.
A list is an inventory and no log: it becomes a document that the job log is held against, and no job event.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, stated_time
from scanning.ingest.records import Record, RejectedError, moment, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE, BUNDLE = "aws_jobs", "aws-jobs"
_AGAIN = "export it again with `--output json`"
_HELP = "see docs/formats/completeness.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"aws-jobs"')
_ALONE = re.compile(
    rb'"(?:TrainingJobSummaries|modelCustomizationJobSummaries)"\s*:\s*\['
    rb'|"TrainingJobArn"\s*:\s*"arn:[^"]+:training-job/'
    rb'|"jobArn"\s*:\s*"arn:[^"]+:model-customization-job/'
)
_OTHERS = re.compile(rb'"(?:eventSource|eventName|CloudTrailEvent|responseElements|assay_bundle|detail-type)"')
_ARN = re.compile(r"arn:[^:]+:[a-z]+:([a-z0-9-]+):(\d{12}):.+")
_MEMBERS = {"assay_bundle", "taken_at", "account", "region", "training_jobs", "customization_jobs"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of job. arn … ended: members of a job; parents: members that name the job which started it."""

    kind: str
    listed: str
    arn: str
    name: str
    status: str
    created: str
    parents: tuple[str, ...] = ()


_TRAINING = _Kind(
    "sagemaker-training-jobs", "TrainingJobSummaries", "TrainingJobArn", "TrainingJobName", "TrainingJobStatus",
    "CreationTime", ("TuningJobArn", "AutoMLJobArn", "LabelingJobArn"),
)  # fmt: skip
_CUSTOMIZATION = _Kind(
    "bedrock-customization-jobs", "modelCustomizationJobSummaries", "jobArn", "jobName", "status", "creationTime"
)
_KINDS = {"training_jobs": _TRAINING, "customization_jobs": _CUSTOMIZATION}


def _job(entry: Record, kind: _Kind, place: str) -> tuple[tuple[str, str], JSON]:
    """(account, region) of a job, and the job in normal form. Raises RejectedError."""
    arn = text_of(entry.get(kind.arn))
    parts = _ARN.fullmatch(arn)
    if parts is None:
        raise RejectedError(f"its {kind.arn} is missing or no ARN")
    job: JSON = {
        "id": arn,
        "name": text_of(entry.get(kind.name)) or arn.rpartition("/")[2],
        "status": text_of(entry.get(kind.status)),
        "created_at": moment(entry.get(kind.created), kind.created).isoformat(),
        "parent": next(filter(None, (text_of(entry.get(member)) for member in kind.parents)), ""),
        "locator": place,
    }
    return (parts[2], parts[1]), job


class _Reading:
    """The jobs of one file, by kind, account and region; those that cannot be taken are set apart with their place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rejects: list[Reject] = []

    def answers(self, value: Any, kind: _Kind, place: str) -> Iterator[tuple[bool, str, Record]]:
        """(whether it is of a list, place, job) for the jobs of one output or a list of outputs."""
        for index, answer in enumerate(value if isinstance(value, list) else [value]):
            here = f"{place}/{index}" if isinstance(value, list) else place
            held = object_of(answer)
            if held.get("NextToken") or held.get("nextToken"):
                raise BadInputError(f"{self.name} is one page of several (NextToken); leave out --max-items.")
            if kind.listed not in held:
                yield False, here or "document", held
            elif isinstance(held[kind.listed], list):
                for n, one in enumerate(held[kind.listed]):
                    yield True, f"{here}/{kind.listed}/{n}", object_of(one)
            else:
                raise BadInputError(f"{self.name}, {here}/{kind.listed}, is no list; {_AGAIN}.")

    def sections(self, value: Any, kind: _Kind, place: str, stated: tuple[str, str] | None) -> Iterator[Section]:
        """A document for each account and region; stated: of which the file says that it is, jobs or none."""
        found: dict[tuple[str, str], list[JSON]] = defaultdict(list)
        if stated is not None:
            found[stated] = []
        whole = stated is not None
        for listed, here, entry in self.answers(value, kind, place):
            whole = whole or listed
            try:
                where, job = _job(entry, kind, here)
            except RejectedError as error:
                self.rejects.append(Reject(locator=here, reason=f"{self.name}, {here}: {error}."))
            else:
                found[where].append(job)
        for (account, region), jobs in sorted(found.items()):
            content: JSON = {"account": account, "region": region, "is_list": whole, "jobs": jobs}
            yield Section(kind=kind.kind, scope=f"{account}/{region}", content=content, locator=place or "document")


def _bundle(document: JSON, reading: _Reading) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{reading.name} has a member {unknown[0][:40]!r} that no bundle has; {_HELP}.")
    stated = (text_of(document.get("account")), text_of(document.get("region")))
    if not all(stated):
        raise BadInputError(f"{reading.name} does not say its account and its region; {_HELP}.")
    for section, kind in _KINDS.items():
        if document.get(section) is not None:
            yield from reading.sections(document[section], kind, f"/{section}", stated)


def _alone(value: Any, reading: _Reading) -> Iterator[Section]:
    first = object_of(value[0] if isinstance(value, list) and value else value)
    for kind in _KINDS.values():
        if kind.listed in first or kind.arn in first:
            yield from reading.sections(value, kind, "", None)
            return


class AwsJobs:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS lists of training and customization jobs (aws, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark, or by the members of lists and descriptions of jobs, unless it is a log."""
        if _BUNDLE.search(head):
            return CERTAIN
        known = head.lstrip().startswith((b"{", b"[")) and _ALONE.search(head)
        return CERTAIN if known and not _OTHERS.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each kind of job, account and region. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        reading = _Reading(name)
        value = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        bundle = isinstance(value, dict) and value.get("assay_bundle") == BUNDLE
        sections = list(_bundle(value, reading) if bundle else _alone(value, reading))
        if not sections:
            reason = f" ({reading.rejects[0].reason})" if reading.rejects else ""
            raise BadInputError(
                f"{name} names no job, and an empty list counts only in a bundle that says its account and region"
                f"{reason}; {_HELP}."
            )
        taken_at = stated_time(value, name) if bundle else None
        drafts: Iterator[Draft] = document_drafts(
            sections, make=CompletenessDraft, platform="aws", taken_at=taken_at, file_name=name
        )
        return report_drafts((*reading.rejects, *drafts), producer=SOURCE, file_name=name, scope=_scope(sections))


def _scope(sections: list[Section]) -> Mapping[str, Any]:
    return {
        "documents": [one.kind for one in sections],
        "scopes": sorted({one.scope for one in sections}),
        "jobs": sum(len(one.content["jobs"]) for one in sections),
    }


PARSER = AwsJobs()
