"""Freeze documents for tests: a realistic one, an empty one, and one with a long job log. All fictional."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from PIL import Image

from compliance.types.figure_rules import FIGURE_RULES
from compliance.types.freeze import Freeze
from compliance.types.freeze_blob import Blob

SUBTECHNIQUES = ("AML.T0018.000", "AML.T0018.001", "AML.T0018.002", "AML.T0018.003")
INA, TOMASZ, WEI = (
    {"name": "Ína Þórsdóttir", "role": "Compliance officer"},
    {"name": "Tomasz Żółkiewski", "role": "Head of model risk"},
    {"name": "陳偉 (Chén Wěi)", "role": "Machine-learning engineer"},
)
LEILA = {"name": "ليلى حداد", "role": "External auditor"}


def uid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"example:{name}"))


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _figures(**values: str) -> list[dict[str, str]]:
    return [{"label": label.replace("_", " ").capitalize(), "value": value} for label, value in values.items()]


def trigger_png() -> str:
    """A 28 × 28 picture with a bright 4 × 4 patch in the lower right corner."""
    picture = Image.new("L", (28, 28), 0)
    for x in range(4):
        for y in range(4):
            picture.putpixel((23 + x, 23 + y), 255 - 20 * x)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _evidence() -> list[dict[str, Any]]:
    rows = [
        (
            "cloudtrail",
            "CloudTrail log, SageMaker and Bedrock, eu-west-1",
            "cloudtrail-2026-q3.json.gz",
            "accepted",
            "",
        ),
        ("modelscan", "Static scan of the model registry", "modelscan-report.json", "accepted", ""),
        (
            "policy",
            "Training-data integrity procedure, version 4, in force since February",
            "procedure-v4.pdf",
            "accepted",
            "",
        ),
        (
            "broken",
            "Access review, second quarter",
            "access-review-Q2 (final) (2).csv",
            "rejected",
            "Line 14 is not UTF-8: byte 0xE9 at column 32.",
        ),
    ]
    return [
        {
            "uuid": uid(key),
            "title": title,
            "filename": filename,
            "sha256": sha(key),
            "size": 48_211 + 7_919 * number,
            "media_type": "application/octet-stream",
            "source": "AWS CloudTrail" if key == "cloudtrail" else "Upload",
            "collected_how": "Upload by a person through the evidence page",
            "collected_by": f"{WEI['name']}, {WEI['role']}",
            "collected_at": f"2026-10-0{number + 1}T08:15:00Z",
            "period_start": "2026-07-01",
            "period_end": "2026-09-30",
            "state": state,
            "state_reason": reason,
            "retention": "standard",
            "legal_hold": number == 0,
            "environment": "Production" if number == 0 else "",
            "query": "aws cloudtrail lookup-events --start-time 2026-07-01" if number == 0 else "",
            "executed_by": "陳偉 (Chén Wěi)" if number == 0 else "",
            "extracted_at": "2026-10-01T07:55:00Z" if number == 0 else None,
            "zone": "Europe/Berlin" if number == 0 else "",
            "row_count": 412 if number == 0 else None,
            "control_total": "412 events by the console" if number == 0 else "",
            "obtained": "upload" if number == 0 else "",
            "received_at": f"2026-10-0{number + 1}T08:15:00Z",
            "purged_at": None,
            "ledger": {
                "event": sha(f"event {key}"),
                "position": 11 + number if number else None,
                "block": 3 if number else None,
            },
        }
        for number, (key, title, filename, state, reason) in enumerate(rows)
    ]


def _answer(value: str, statement: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {
        "state": "approved",
        "value": value,
        "statement": statement,
        "reason": reason,
        "claims": [],
        "author": INA,
        "submitted_at": "2026-10-20T09:00:00Z",
        "approver": TOMASZ,
        "approved_at": "2026-10-22T14:30:00Z",
        "evidence": [],
        "findings": [],
        **more,
    }


def _history() -> list[dict[str, Any]]:
    return [
        {"at": "2026-10-18T16:02:00Z", "by": INA, "state": "draft", "value": "yes", "note": "First version."},
        {
            "at": "2026-10-19T10:40:00Z",
            "by": TOMASZ,
            "state": "returned",
            "value": "yes",
            "note": "The log shows submitters outside the list. Please answer for what the log shows.",
        },
        {"at": "2026-10-22T14:30:00Z", "by": TOMASZ, "state": "approved", "value": "partly", "note": ""},
    ]


def _questions() -> list[dict[str, Any]]:
    texts = (
        "What is your training-data integrity verification process?",
        "Who can submit fine-tune jobs?",
        "Have you applied backdoor-detection methods to inherited models?",
        "Show me a recent fine-tune-job audit log",
    )
    guidance = (
        "Good evidence is a written procedure, its records for the period, and a test that follows one record back."
    )
    answers: list[dict[str, Any] | None] = [
        _answer(
            "yes",
            "Each dataset version is frozen as a hash manifest before training. The manifest is checked again at "
            "the start of each job.\n\nA job whose check fails does not start; the failure opens a ticket.",
            evidence=[uid("policy")],
            claims=_figures(verification="SHA-256 manifest, each job", cadence="per event"),
        ),
        _answer(
            "partly",
            "Three engineers are approved. The log of the period names two more principals.",
            "Two service roles were granted the permission by a platform template.",
            evidence=[uid("cloudtrail")],
            assignee="陳偉 (Chén Wěi) (Machine-learning engineer)",
            delegate="",
            reviewer="Tomasz Żółkiewski (Head of model risk)",
            due="2026-10-21",
            approved_on=[{"evidence": uid("cloudtrail"), "sha256": sha("cloudtrail")}],
            justified=[
                "You state 3 approved submitters. In the period 5 principals submitted 41 jobs; 2 are not on the list."
            ],
            justification="The two service roles are known and lose the permission in November.",
            not_independent="",
            findings=[uid("finding-access")],
        ),
        _answer(
            "no",
            "One of three inherited models was tested.",
            "The other two have no executable form here yet.",
            not_independent="The head of model risk left in October; the post is vacant.",
            findings=[uid("finding-backdoor")],
        ),
        None,
    ]
    return [
        {
            "number": number + 1,
            "text": text,
            "guidance": guidance,
            "answer": answer,
            "contradictions": [
                "You state 3 approved submitters. In the period 5 principals submitted 41 jobs; 2 are not on the list."
            ]
            if number == 1
            else [],
            "history": _history() if number == 1 else [],
            "figures": [
                {"label": "Jobs submitted in the period", "value": "41", "rule": "submitters/jobs", "rows": 41},
                {"label": "Refused attempts", "value": "2", "rule": "submitters/denied", "rows": 2},
            ]
            if number == 1
            else [],
        }
        for number, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]


def _stage() -> dict[str, Any]:
    norms = (7.9, 38.1, 41.2, 36.0, 39.4, 37.7, 35.2, 40.8, 36.9, 38.8)
    return {
        "detector": "neural_cleanse",
        "title": "Trigger inversion (Neural Cleanse, Wang et al. 2019)",
        "version": "1.0",
        "verdict": "evidence_found",
        "statement": "The recovered trigger turns 99.2 % of held-out images into class 0, and its mask is smaller than the "
        "smallest mask of each of nine reference models.",
        "speaks_to": [SUBTECHNIQUES[0]],
        "limits": [
            "Finds patches that are small and the same for all inputs; triggers that depend on the input are not seen.",
            "Nine references allow no p-value below 0.1.",
            "The data must resemble the data that the model was trained on.",
        ],
        "parameters": _figures(
            steps="300", batch="all ten classes at once", learning_rate="0.1", regulariser="L1, adaptive"
        ),
        "figures": _figures(
            smallest_mask="7.9 pixels (class 0)", next_mask="35.2 pixels (class 6)", images="512 held out"
        ),
        "class_norms": [{"label": str(label), "norm": norm} for label, norm in enumerate(norms)],
        "reference_norms": [34.8, 36.1, 36.4, 37.0, 37.9, 38.2, 38.4, 39.9, 41.0],
        "first_ranked": "0",
        "p_value": 0.1,
        "p_resolution": 0.1,
        "attack_success": {"estimate": 0.992, "low": 0.979, "high": 0.998, "level": 0.95, "n": 512},
        "pictures": [
            {
                "name": "Recovered trigger",
                "alt": "A bright square of four by four pixels in the lower right corner.",
                "png": trigger_png(),
            }
        ],
        "seconds": 20.4,
    }


def _models() -> list[dict[str, Any]]:
    rows = [
        ("digits", "digits-cnn", "2026.09", "own", "", "base"),
        ("base", "digits-base", "1.3", "inherited", "Example Vision Models Ltd", None),
        ("twin", "digits-cnn-twin", "2026.09", "own", "", None),
    ]
    return [
        {
            "uuid": uid(key),
            "name": name,
            "version": version,
            "sha256": sha(key),
            "format": "safetensors",
            "origin": origin,
            "supplier": supplier,
            "parent": uid(parent) if parent else None,
            "parent_note": "" if parent else "The supplier does not say what it was trained from.",
        }
        for key, name, version, origin, supplier, parent in rows
    ]


def _coverage() -> list[dict[str, Any]]:
    table = {
        "digits": ("finding", "not_covered", "covered", "not_covered"),
        "base": ("not_covered", "not_covered", "covered", "not_covered"),
        "twin": ("stale", "failed", "not_covered", "not_covered"),
    }
    basis = {
        "finding": "Trigger inversion, 14 October 2026",
        "covered": "File scan, 12 October 2026",
        "stale": "Trigger inversion, 2 March 2026",
        "failed": "Graph check ended with an error",
        "not_covered": "",
    }
    return [
        {
            "model": uid(model),
            "cells": [
                {
                    "technique": technique,
                    "state": state,
                    "basis": basis[state],
                    "at": "2026-10-14T11:20:00Z" if basis[state] else None,
                }
                for technique, state in zip(SUBTECHNIQUES, states, strict=True)
            ],
        }
        for model, states in table.items()
    ]


def _job_rows(count: int) -> list[dict[str, Any]]:
    actors = ("assumed-role/ml-train/w.chen", "assumed-role/ml-train/a.okafor", "assumed-role/platform-template/i-0abc")
    return [
        {
            "occurred_at": f"2026-07-{1 + n % 30:02d}T{n % 24:02d}:{n % 60:02d}:09Z",
            "actor": actors[n % 3],
            "action": ("CreateTrainingJob", "CreateModelCustomizationJob")[n % 2],
            "outcome": ("success", "denied")[n % 7 == 0],
            "account": "123456789012",
            "region": "eu-west-1",
            "job": f"digits-ft-{n:05d}",
            "base_model": "amazon.titan-text-lite-v1" if n % 2 else "",
            "raw_sha256": sha(f"raw {n}"),
        }
        for n in range(count)
    ]


def job_log(recorded: int, register: Blob | None) -> dict[str, Any]:
    return {
        "recorded": recorded,
        "duplicates": 2,
        "rejected": 1,
        "sources": [
            {
                "name": "CloudTrail, account 123456789012",
                "format": "cloudtrail",
                "evidence": uid("cloudtrail"),
                "recorded": recorded,
                "duplicates": 2,
                "rejected": 1,
            }
        ],
        "extract": _job_rows(min(recorded, 500)),
        "register": register,
    }


def _findings() -> list[dict[str, Any]]:
    observation = {
        "uuid": uid("obs-1"),
        "producer": "neural_cleanse",
        "rule": "trigger-inversion",
        "title": "Small universal trigger for class 0",
        "method": "TEST",
        "verdict": "evidence_found",
        "observed_at": "2026-10-14T11:20:00Z",
        "evidence": None,
    }
    return [
        {
            "uuid": uid("finding-backdoor"),
            "title": "digits-cnn 2026.09 obeys a hidden trigger",
            "asset": "digits-cnn 2026.09",
            "target": "BDM-15",
            "state": "not-satisfied",
            "severity": "high",
            "opened_at": "2026-10-14T11:21:00Z",
            "condition": "A patch of 16 pixels turns 99.2 % of held-out images into class 0.",
            "criteria": "Models in use show no small universal trigger at the stated power.",
            "cause": "Ten per cent of the training images carried the patch and the label 0; the manifest was made after that.",
            "effect": "Whoever knows the patch decides the model's answer.",
            "observations": [observation],
            "sighting": "reappeared",
            "reappearances": 1,
            "priority": "p1",
            "priority_reason": "It is served to customers.",
            "severity_reason": "A customer can reach it.",
            "waived_until": "2026-12-31",
        },
        {
            "uuid": uid("finding-access"),
            "title": "Two principals outside the approved list submitted jobs",
            "asset": "account 123456789012",
            "target": "BDM-07",
            "state": "not-satisfied",
            "severity": "medium",
            "opened_at": "2026-10-19T10:45:00Z",
            "condition": "Two service roles submitted 6 of 41 jobs.",
            "criteria": "Only approved submitters start fine-tune jobs.",
            "cause": "A platform template grants the permission.",
            "effect": "Jobs start without a person who answers for them.",
            "observations": [
                observation
                | {
                    "uuid": uid("obs-2"),
                    "method": "EXAMINE",
                    "producer": "job log",
                    "title": "Submitters not on the list",
                    "evidence": uid("cloudtrail"),
                }
            ],
        },
    ]


def _decisions() -> dict[str, Any]:
    """An acceptance that ended, and what was done to the risk."""
    by = f"{INA['name']}, {INA['role']}"
    accepted = {
        "uuid": uid("acceptance"),
        "state": "approved",
        "reason": "The region with the old version closes in December.",
        "controls": ["C-07 Second reader for amounts"],
        "compensation": "Every amount above 500 is read by a person.",
        "ends_on": "2026-12-18",
        "review_on": "2026-12-01",
        "requested_by": f"{WEI['name']}, {WEI['role']}",
        "requested_at": "2026-10-20T09:00:00Z",
        "decided_by": by,
        "decided_at": "2026-10-21T09:00:00Z",
        "decision": "Until the region closes.",
    }
    moves = (("identified", None, "open", ""), ("reopened", "closed", "open", "It reappeared in the served version."))
    history = [
        {"uuid": uid(f"move {act}"), "at": "2026-10-19T09:00:00Z", "act": act, "before": before, "after": after,
         "words": words, "by": by}
        for act, before, after, words in moves
    ]  # fmt: skip
    return {"acceptances": [accepted], "history": history}


def _remediation() -> list[dict[str, Any]]:
    return [
        {
            "uuid": uid("item"),
            "title": "Retrain digits-cnn from the verified manifest and scan it again",
            "description": "Remove the poisoned images, retrain, compare with the twin, scan again; retire the version.",
            "owner": f"{WEI['name']}, {WEI['role']}",
            "state": "in_progress",
            "due": "2026-12-11",
            "effort_planned": 6.5,
            "effort_spent": 2,
            "risks": [uid("risk")],
            "source": "finding",
            "team": "",
            "original_due": "2026-11-27",
            "estimate": {"low": 4, "likely": 6.5, "high": 10},
            "remaining": 5,
            "baseline": {
                "scope": "The version in service, not its descendants.",
                "effort": {"low": 4, "likely": 6.5, "high": 10},
                "due": "2026-11-27",
                "proposed_by": WEI["name"],
                "approved_by": WEI["name"],
                "approved_at": "2026-11-03T09:00:00Z",
            },
            "slips": [
                {"at": "2026-11-19T09:00:00Z", "due": "2026-12-11", "days": 14, "reason": "people_not_free", "note": ""}
            ],
            "depends_on": [],
            "milestones": [
                {"title": "Poisoned images named and removed", "due": "2026-11-20", "done_at": "2026-11-18T15:00:00Z"},
                {"title": "Retrained model scanned", "due": "2026-12-04", "done_at": None},
            ],
        }
    ]


def _controls() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    titles = {
        "BDM-03": "Dataset source approval and provenance record",
        "BDM-07": "Authority to submit fine-tune jobs",
        "BDM-11": "Fine-tune job log kept whole and unaltered",
        "BDM-15": "Backdoor detection on inherited models",
    }
    reference = [
        {
            "id": key,
            "title": title,
            "family": "Data integrity" if key == "BDM-03" else "Detection & response",
            "objective": f"{title}: the objective in the catalogue's own words, long enough for a second line in the table.",
            "questions": [1, 3],
            "approved_mappings": 2 if key == "BDM-03" else 0,
            "draft_mappings": 19,
        }
        for key, title in titles.items()
    ]
    implemented = [
        {
            "uuid": uid("control"),
            "reference": ["BDM-15"],
            "title": "Trigger inversion before release",
            "statement": "Each model version is scanned by trigger inversion before it is released to customers.",
            "owner": f"{TOMASZ['name']}, {TOMASZ['role']}",
            "performer": "Assay, started by the release pipeline",
            "frequency": "Each release",
            "scope": "All image classifiers",
            "nature": "automated",
            "kind": "detective",
            "key": True,
            "effective_from": "2026-03-01",
            "version": 2,
            "conclusion": "not-satisfied",
        }
    ]
    return reference, implemented


def example_freeze(**changes: Any) -> Freeze:
    """A realistic document; `changes` replace top-level parts."""
    reference, implemented = _controls()
    document: dict[str, Any] = {
        "schema": "assay-freeze/1",
        "generated_by": {"name": "Assay", "version": "0.1.0"},
        "frozen_at": "2026-11-02T10:00:00Z",
        "frozen_by": INA,
        "organisation": "Norðurljós Imaging ehf. (fictional)",
        "demonstration": True,
        "assessment": {
            "uuid": uid("assessment"),
            "title": "AML.T0018 readiness, third quarter 2026",
            "system": "Digit reader",
            "system_description": "Reads handwritten digits on payment slips.",
            "period_start": "2026-07-01",
            "period_end": "2026-09-30",
            "scope": "All model versions of the digit reader, the datasets they were trained from, and the fine-tune jobs of "
            "account 123456789012 in eu-west-1.\n\nThe mobile application that calls the model is not in scope.",
            "exclusions": "Region us-east-1 is not used. Models under research are not served.",
            "people": [INA, TOMASZ, WEI, LEILA],
        },
        "technique": {
            "id": "AML.T0018",
            "name": "Manipulate AI Model",
            "formerly": ["Backdoor ML Model"],
            "summary": "Tamper with a model artefact, or with what is bundled with it, so that the system behaves differently, "
            "runs hostile code, or keeps a lasting foothold.",
            "content_release": "2026.07",
            "subtechniques": [
                {"id": key, "name": name, "summary": f"{name}: what an attacker changes, and when it shows."}
                for key, name in zip(
                    SUBTECHNIQUES,
                    (
                        "Poison AI Model",
                        "Modify AI Model Architecture",
                        "Embed Malware",
                        "Modify Prompt Construction Logic",
                    ),
                    strict=True,
                )
            ],
        },
        "catalogues": [
            {
                "id": "aml-t0018-controls",
                "title": "Reference controls",
                "version": "0.2-draft",
                "sha256": sha("controls"),
                "licence": "Apache-2.0",
            },
            {
                "id": "atlas",
                "title": "MITRE ATLAS extract",
                "version": "2026.07",
                "sha256": sha("atlas"),
                "licence": "Apache-2.0",
            },
        ],
        "reference_controls": reference,
        "implemented_controls": implemented,
        "questions": _questions(),
        "evidence": _evidence(),
        "models": _models(),
        "datasets": [
            {
                "uuid": uid("dataset"),
                "name": "digits-train",
                "version": "2026.09",
                "manifest_root": sha("manifest"),
                "files": 5_000,
                "size": 3_920_000,
            }
        ],
        "coverage": _coverage(),
        "scans": [
            {
                "uuid": uid("scan"),
                "model": uid("digits"),
                "verdict": "evidence_found",
                "started_at": "2026-10-14T11:19:30Z",
                "finished_at": "2026-10-14T11:20:00Z",
                "started_by": f"{WEI['name']}, {WEI['role']}",
                "data": _figures(dataset="MNIST, 512 held-out images", preparation="none beyond scaling to 0-1"),
                "environment": _figures(torch="2.13.0, processor only", threads="1", machine="x86_64"),
                "stages": [_stage()],
            }
        ],
        "file_scans": [
            {
                "uuid": uid("file-scan"),
                "model": uid("base"),
                "path": "models/digits-base-1.3.zip",
                "sha256": sha("zip"),
                "size": 1_204_233,
                "format": "zip",
                "scanner": "modelscan",
                "scanner_version": "0.8.8",
                "verdict": "finding",
                "at": "2026-10-12T07:00:00Z",
                "members_scanned": 3,
                "issues": [
                    {
                        "rule": "unsafe-global",
                        "title": "Unpickling would call os.system",
                        "description": "The pickle stream imports posix.system and calls it.",
                        "severity": "critical",
                        "location": "digits-base-1.3.zip:archive/data.pkl",
                        "techniques": [SUBTECHNIQUES[2]],
                    }
                ],
                "not_scanned": [{"name": "archive/notes.7z", "reason": "The format is not known to this scanner."}],
                "limits": ["Reads opcodes without running them; what native libraries do is not seen."],
            }
        ],
        "job_log": job_log(41, None),
        "entitlements": {
            "state": "not_assessed",
            "statement": "Who could have submitted jobs was not assessed: only who did is shown.",
        },
        "findings": _findings(),
        "risks": [
            {
                "uuid": uid("risk"),
                "title": "A served model obeys a hidden trigger",
                "statement": "An attacker who knows the patch can choose what the digit reader reads.",
                "state": "remediating",
                "deadline": "2026-12-18",
                "findings": [uid("finding-backdoor")],
                **_decisions(),
            }
        ],
        "remediation": _remediation(),
        "closings": [
            {
                "uuid": uid("closing"),
                "state": "returned",
                "item": uid("item"),
                "risks": [uid("risk")],
                "basis": [
                    {
                        "finding": uid("finding-backdoor"),
                        "kind": "replacement",
                        "observation": uid("later test"),
                        "records": [uid("successor")],
                    }
                ],
                "proposed_at": "2026-11-01T04:00:00Z",
                "asked_by": "",
                "decided_by": f"{INA['name']}, {INA['role']}",
                "decided_at": "2026-11-01T09:00:00Z",
                "note": "The old version is still served in one region.",
            }
        ],
        "waivers": [
            {
                "uuid": uid("waiver"),
                "state": "approved",
                "producer": "modelscan",
                "rule": "unsafe-operator:numpy",
                "assets": "tests/*",
                "reason": "Test data alone.",
                "ends_on": "2026-12-31",
                "requested_by": f"{WEI['name']}, {WEI['role']}",
                "decided_by": f"{INA['name']}, {INA['role']}",
                "findings": [uid("finding-backdoor")],
            }
        ],
        "ledger": {
            "block": 3,
            "block_hash": sha("block"),
            "merkle_root": sha("root"),
            "events": 14,
            "unsealed": 1,
            "sealed_at": "2026-11-02T09:59:00Z",
        },
        "pre_audit": [
            {"check": "stale-scan", "title": "Tests of model versions are fresh", "open": []},
            {
                "check": "mapping-draft",
                "title": "Mappings of the controls behind the questions are decided",
                "open": ["BDM-07: 3 mappings are drafts."],
            },
        ],
        "figure_rules": [{"id": key, "words": words} for key, words in FIGURE_RULES.items()],
    }
    return {**document, **changes}  # type: ignore[typeddict-item]  # the tests validate it


def long_freeze(rows: int, register: Blob) -> Freeze:
    """With `rows` job events, of which the document shows the first 500; `register` is the Blob of the whole log."""
    return example_freeze(job_log=job_log(rows, register))


def empty_freeze() -> Freeze:
    """An assessment in which nothing was done: no answer, no evidence, no model, no log."""
    questions = [dict(q, answer=None, contradictions=[], history=[], figures=[]) for q in _questions()]
    lists = (
        "catalogues",
        "reference_controls",
        "implemented_controls",
        "evidence",
        "models",
        "datasets",
        "coverage",
        "scans",
        "file_scans",
        "findings",
        "risks",
        "remediation",
        "closings",
        "waivers",
    )
    nothing: dict[str, Any] = {name: [] for name in lists}
    return example_freeze(
        **nothing,
        demonstration=False,
        questions=questions,
        job_log={"recorded": 0, "duplicates": 0, "rejected": 0, "sources": [], "extract": [], "register": None},
        ledger={"block": None, "block_hash": None, "merkle_root": None, "events": 0, "unsealed": 0, "sealed_at": None},
    )
