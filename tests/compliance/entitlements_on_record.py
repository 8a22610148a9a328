"""Entitlement documents and readings as an import records them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from compliance.models import AISystem, EntitlementReading, Evidence
from compliance.services import entitlements
from compliance.services.entitlements import Answered
from compliance.types.canonical import digest_of
from compliance.types.drafts import PrincipalDraft
from compliance.types.entitlements import (
    Entitled,
    EntitlementAnswer,
    EntitlementDraft,
    NotAssessed,
    PathStep,
    Reach,
)

TAKEN = datetime(2026, 6, 1, tzinfo=UTC)
CREATE, PASS = "sagemaker:CreateTrainingJob", "iam:PassRole"


def draft(*, scope: str = "111122223333", taken_at: datetime | None = TAKEN, tag: str = "") -> EntitlementDraft:
    kind = "aws-account-authorization"
    return EntitlementDraft(
        kind=kind, platform="aws", scope=scope, taken_at=taken_at, content={"tag": tag}, locator="document",
        fingerprint=digest_of([kind, scope, str(taken_at), tag]), raw_sha256=digest_of([tag]),
    )  # fmt: skip


def way(name: str, *, reach: Reach = Reach.NOW, action: str = CREATE, policy: str = "FineTune") -> Entitled:
    """A way by which arn:aws:iam::1111:user/NAME can submit."""
    return Entitled(
        principal=PrincipalDraft(identifier=f"arn:aws:iam::1111:user/{name}", display=name, kind="IAMUser"),
        platform="aws",
        scope="111122223333",
        action=action,
        reach=reach,
        path=(
            PathStep(kind="group", name="ml-team", document="aws-account-authorization", locator="/GroupDetailList/0"),
            PathStep(kind="policy", name=policy, document="aws-account-authorization", locator="/Policies/0"),
        ),
        conditions=('{"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}',),
        runs_as=("arn:aws:iam::1111:role/training",),
    )


def answer(*ways: Entitled) -> EntitlementAnswer:
    gap = NotAssessed(document="service control policies", scope="111122223333", effect="A denial by them is not seen.")
    return EntitlementAnswer(
        entitled=ways, not_assessed=(gap,), principals=12, limits=("Conditions are not evaluated.",)
    )


def recorded(
    system: AISystem,
    evidence: Evidence,
    *ways: Entitled,
    taken_at: datetime | None = TAKEN,
    tag: str = "",
    scope: str = "111122223333",
) -> EntitlementReading:
    """One document and its reading on record."""
    source = uuid4()
    made = entitlements.unsaved(
        system=system, evidence=evidence, source_uuid=source, drafts=[draft(scope=scope, taken_at=taken_at, tag=tag)]
    )
    chosen = entitlements.latest([*entitlements.current(system=system), *made])
    answered = Answered(fingerprints=frozenset(one.fingerprint for one in chosen), answers=(answer(*ways),))
    assert entitlements.record(snapshots=made, answered=answered, source_uuid=source, system=system, actor=None)
    return EntitlementReading.objects.get(source_uuid=source)
