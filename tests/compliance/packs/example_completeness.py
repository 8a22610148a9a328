"""Completeness of a job log, as a freeze holds it."""

from __future__ import annotations

from compliance.types.completeness import Integrity, Part
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_completeness import COMPLETENESS_ROWS, Completeness, CompletenessLine


def completeness_lines(count: int) -> list[CompletenessLine]:
    """So many exceptions, every third of each figure."""
    figures = tuple(Part)
    states = {Part.COVERAGE: "not_delivering", Part.INTEGRITY: "no_digest", Part.RECONCILIATION: "not_in_log"}
    return [
        CompletenessLine(
            figure=figures[n % 3],
            state=states[figures[n % 3]],
            platform="aws",
            place=f"{111122223333 + n}/eu-central-1",
            name=f"job-{n:03}" if n % 3 == 2 else "org-trail",
            starts_at="2026-07-01T00:00:00Z" if n % 3 else None,
            ends_at="2026-07-01T02:00:00Z" if n % 3 == 1 else None,
            sentence=f"Exception {n}: the platform lists it, and no log on record tells of it.",
        )
        for n in range(count)
    ]


def measured(lines: list[CompletenessLine], register: Blob) -> Completeness:
    """The part of a freeze document."""
    return {
        "state": "assessed",
        "statement": "Coverage: 3 of 4 accounts. Integrity: consistent, with holes. Reconciliation: 40 of 42 jobs.",
        "reading": {
            "as_of": "2026-09-30T08:00:00Z",
            "read_at": "2026-10-01T08:00:00Z",
            "rule_version": "0.1.0",
            "coverage": "deliver logs: 3 of 4 accounts",
            "integrity": "consistent as far as it goes; not independently confirmed",
            "reconciliation": "40 of 42 jobs in the lists are in the log; 3 exceptions",
            "units": [
                {
                    "platform": "aws", "unit": "account", "in_scope": 4, "delivering": 3, "not_assessed": 0, "seen": 3
                }
            ],
            "gaps": ["Which projects of Google Cloud there are was not handed in."],
            "digests": {
                "verdict": Integrity.INCOMPLETE, "chains": 2, "digests": 4416, "verified": 4410, "seconds": 15897600,
                "seconds_consistent": 15876000, "logs_listed": 9100, "logs_matching": 9098, "logs_altered": 0,
                "logs_absent": 2, "files_on_record": 9100, "files_unlisted": 2,
                "keys": [
                    {
                        "sha256": "ab" * 32, "fingerprint": "cd" * 16, "region": "eu-central-1", "file": "keys.json",
                        "fetched_by": "Carl Contributor", "fetched_at": "2026-09-30T08:00:00Z", "comparison": None,
                    },
                    {
                        "sha256": "ef" * 32, "fingerprint": "01" * 16, "region": "us-east-1", "file": "keys-us.json",
                        "fetched_by": "Carl Contributor", "fetched_at": None,
                        "comparison": {
                            "by": "Aya Auditor", "at": "2026-10-02T08:00:00Z", "matches": True, "seen": "01" * 16,
                            "way": "aws cli from her own account",
                        },
                    },
                ],
            },
            "families": [
                {
                    "platform": "aws", "kind": "sagemaker-training-jobs", "listed": 42, "matched": 40, "logged": 41,
                    "not_in_log": 2, "not_listed": 1, "vanished": 0, "not_assessed": 5,
                }
            ],
            "not_logged": [
                {"source": "HyperPod cluster hp-1", "what": "jobs inside the cluster", "instead": "Slurm accounting"}
            ],
            "blind_spots": [{"source": "cloudtrail", "what": "Jobs that start inside a cluster.", "instead": ""}],
            "exceptions": len(lines),
            "extract": lines[:COMPLETENESS_ROWS],
            "lines": register["rows"],
            "rows_root": "cd" * 32,
            "register": register,
            "limits": ["Only CloudTrail signs its log files."],
        },
    }  # fmt: skip
