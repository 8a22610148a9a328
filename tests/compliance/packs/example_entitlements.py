"""Who could submit, as a freeze holds it."""

from __future__ import annotations

from compliance.types.freeze_blob import Blob
from compliance.types.freeze_entitlements import ENTITLEMENT_ROWS, AccessReviewed, Entitlements, EntitlementWay


def entitlement_ways(count: int) -> list[EntitlementWay]:
    """Ways of so many principals; every third after a step, one by a key."""
    return [
        EntitlementWay(
            principal=f"person-{n:03}" if n else "key of account ml-west",
            principal_kind="IAMUser" if n else "shared key",
            platform="aws",
            scope="111122223333",
            reach="shared_key" if n == 0 else "after_step" if n % 3 == 0 else "now",
            permissions=["sagemaker:CreateTrainingJob", "bedrock:CreateModelCustomizationJob"],
            path="group ml-team → policy FineTune → statement 2",
            conditions=["StringEquals aws:RequestedRegion eu-central-1"] if n % 7 == 1 else [],
            runs_as=["arn:aws:iam::111122223333:role/training"],
            missing=[],
        )
        for n in range(count)
    ]


def access_reviewed(register: Blob) -> AccessReviewed:
    """A completed review of as many principals as the register has lines."""
    return {
        "completed_at": "2026-10-12T14:05:00Z",
        "reading_as_of": "2026-09-30T08:00:00Z",
        "reviewer": "Mira Manager",
        "due_on": "2026-10-15",
        "removals_due_on": "2026-10-31",
        "population": register["rows"],
        "kept": register["rows"] - 3,
        "removed": 3,
        "confirmed": 2,
        "still_entitled": 1,
        "not_yet_read": 0,
        "late_removals": 1,
        "is_late": False,
        "population_root": "12" * 32,
        "decisions_root": "34" * 32,
        "register": register,
    }


def assessed(ways: list[EntitlementWay], register: Blob) -> Entitlements:
    """The part of a freeze document."""
    return {
        "state": "assessed",
        "statement": "Principals who could submit as things stood: 153; after one more step: 76; keys: 1.",
        "reading": {
            "as_of": "2026-09-30T08:00:00Z",
            "principals": 412,
            "now": 153,
            "after_step": 76,
            "shared_key": 1,
            "unused": 140,
            "unentitled": 0,
            "ways": len(ways),
            "rows_root": "ab" * 32,
            "documents": [
                {
                    "kind": "aws-account-authorization",
                    "platform": "aws",
                    "scope": "111122223333",
                    "taken_at": "2026-09-30T08:00:00Z",
                    "dated_by": "importer",
                    "sha256": "cd" * 32,
                }
            ],
            "extract": ways[:ENTITLEMENT_ROWS],
            "register": register,
            "not_assessed": [
                {
                    "document": "service control policies",
                    "scope": "111122223333",
                    "effect": "A denial by the organisation is not seen, so fewer people may be able to submit than listed.",
                }
            ],
            "limits": ["Conditions are shown and not evaluated."],
        },
    }
