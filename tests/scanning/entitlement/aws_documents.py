"""AWS documents for tests: an account written in a few words, as its parser hands it on."""

from __future__ import annotations

from datetime import UTC, datetime

from compliance.types.drafts import JSON
from compliance.types.entitlements import Entitled, EntitlementAnswer, EntitlementDocument
from scanning.entitlement.aws import evaluate

HERE, THERE, MANAGEMENT = "111122223333", "444455556666", "999900001111"
TRAIN, TUNE, PASS = "sagemaker:CreateTrainingJob", "bedrock:CreateModelCustomizationJob", "iam:PassRole"
SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}
JOBS = {"Effect": "Allow", "Action": [TRAIN, PASS], "Resource": "*"}


def arn(name: str, account: str = HERE) -> str:
    """user/ada, role/Training, policy/X as an ARN."""
    return f"arn:aws:iam::{account}:{name}"


def allow(*actions: str, on: str | list[str] = "*", **more: object) -> JSON:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def deny(*actions: str, on: str | list[str] = "*", **more: object) -> JSON:
    return {"Effect": "Deny", "Action": list(actions), "Resource": on, **more}


def policy(*statements: JSON) -> JSON:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inline(*statements: JSON) -> list[JSON]:
    return [{"PolicyName": "own", "PolicyDocument": policy(*statements)}] if statements else []


def user(name: str, *statements: JSON, account: str = HERE, groups: tuple[str, ...] = (), **more: object) -> JSON:
    told = {"UserName": name, "Arn": arn(f"user/{name}", account), "GroupList": list(groups)}
    return told | {"UserPolicyList": inline(*statements)} | more


def group(name: str, *statements: JSON, account: str = HERE, **more: object) -> JSON:
    return {"GroupName": name, "Arn": arn(f"group/{name}", account), "GroupPolicyList": inline(*statements)} | more


def role(
    name: str, *statements: JSON, trust: JSON | list[JSON], account: str = HERE, path: str = "", **more: object
) -> JSON:
    """trust: a principal that may assume it, or whole statements."""
    trusted = trust if isinstance(trust, list) else [trusting(trust)]
    told = {"RoleName": name, "Arn": arn(f"role/{path}{name}", account), "RolePolicyList": inline(*statements)}
    return told | {"AssumeRolePolicyDocument": policy(*trusted)} | more


def trusting(principal: object, action: str = "sts:AssumeRole", **more: object) -> JSON:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def managed(name: str, *statements: JSON, account: str = HERE) -> JSON:
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": policy(*statements)}
    told = {"PolicyName": name, "Arn": arn(f"policy/{name}", account), "DefaultVersionId": "v1"}
    return told | {"PolicyVersionList": [version]}


def attached(*names: str, account: str = HERE) -> list[JSON]:
    return [{"PolicyName": name, "PolicyArn": arn(f"policy/{name}", account)} for name in names]


def bounded(name: str, account: str = HERE) -> JSON:
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn(f"policy/{name}", account)}


def document(kind: str, scope: str = HERE, **content: object) -> EntitlementDocument:
    taken = datetime(2026, 6, 1, tzinfo=UTC)
    return EntitlementDocument(kind=f"aws-{kind}", platform="aws", scope=scope, taken_at=taken, content=content)


# The role that jobs run as: without one nobody can submit.
TRAINING = role("Training", trust=SAGEMAKER)


def account(*parts: JSON, number: str = HERE, policies: tuple[JSON, ...] = ()) -> EntitlementDocument:
    """An account of users, groups and roles, told apart by their names' members."""
    listed: dict[str, list[JSON]] = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": []}
    kinds = {"UserName": "UserDetailList", "GroupName": "GroupDetailList", "RoleName": "RoleDetailList"}
    for one in parts:
        listed[next(kinds[name] for name in kinds if name in one)].append(one)
    return document("account-authorization", number, **listed, Policies=list(policies))


def answer(
    *parts: JSON, policies: tuple[JSON, ...] = (), beside: tuple[EntitlementDocument, ...] = ()
) -> EntitlementAnswer:
    """What is read off one account that has a role for training, and the documents beside it."""
    return evaluate([account(TRAINING, *parts, policies=policies), *beside])


def rows(found: EntitlementAnswer, who: str, *actions: str) -> list[Entitled]:
    """The ways of one, by its display, for the actions (training if none is given)."""
    return [one for one in found.entitled if one.principal.display == who and one.action in (actions or (TRAIN,))]


def reaches(found: EntitlementAnswer, who: str, *actions: str) -> list[str]:
    return [one.reach.value for one in rows(found, who, *actions)]


def ada(
    *statements: JSON,
    policies: tuple[JSON, ...] = (),
    beside: tuple[EntitlementDocument, ...] = (),
    **more: object,
) -> list[Entitled]:
    """How a user with these statements may train."""
    return rows(answer(user("ada", *statements, **more), policies=policies, beside=beside), "ada")  # type: ignore[arg-type] # members of a user
