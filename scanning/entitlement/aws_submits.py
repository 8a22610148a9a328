"""Which AWS permissions submit fine-tune jobs, on what resources, and as which roles such jobs may run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from compliance.types.entitlements import Entitled, Reach
from scanning.entitlement.aws_accounts import Account, Identity
from scanning.entitlement.aws_decisions import Decisions
from scanning.entitlement.aws_policies import Statement
from scanning.entitlement.aws_trust import trusts_service

PLATFORM = "aws"
PASS_ROLE = "iam:PassRole"  # noqa: S105  # a permission, no password
SAGEMAKER, BEDROCK = "sagemaker.amazonaws.com", "bedrock.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Submit:
    """How a permission starts a job. resource: its resource within the account; service: to which a role must be passed, ""
    where the role was chosen before; optional: a job may do without a role."""

    resource: str
    service: str
    optional: bool = False


SUBMITS: Mapping[str, Submit] = {
    "sagemaker:CreateTrainingJob": Submit("training-job/*", SAGEMAKER),
    "sagemaker:CreateHyperParameterTuningJob": Submit("hyper-parameter-tuning-job/*", SAGEMAKER),
    "sagemaker:CreateAutoMLJob": Submit("automl-job/*", SAGEMAKER),
    "sagemaker:CreateAutoMLJobV2": Submit("automl-job/*", SAGEMAKER),
    "sagemaker:CreateProcessingJob": Submit("processing-job/*", SAGEMAKER),
    "sagemaker:CreatePipeline": Submit("pipeline/*", SAGEMAKER),
    "sagemaker:StartPipelineExecution": Submit("pipeline/*", ""),
    # Which kinds of resource Bedrock asks for has changed over time: any in the account counts.
    "bedrock:CreateModelCustomizationJob": Submit("*", BEDROCK),
    "bedrock:CreateCustomModel": Submit("*", BEDROCK, optional=True),
    "bedrock:CreateModelImportJob": Submit("*", BEDROCK),
}


def target_of(action: str, identity: Identity) -> str:
    """The pattern of what a submitting action makes in the identity's account."""
    service = action.partition(":")[0]
    return f"arn:{identity.partition}:{service}:*:{identity.account}:{SUBMITS[action].resource}"


@dataclass(slots=True)
class Submissions:
    """Who may submit by its own policies. `ways` are told once for each identity."""

    decisions: Decisions
    accounts: Mapping[str, Account]
    _roles: dict[tuple[str, str], list[Identity]] = field(default_factory=dict)
    _givable: dict[str, bool] = field(default_factory=dict)

    def ways(self, identity: Identity, *, lacking: Iterable[str] = ()) -> Iterator[Entitled]:
        """Each submitting action and each statement that allows it. lacking: what the identity has not whatever it may do."""
        for action, submit in SUBMITS.items():
            found = list(self.decisions.allowed(identity, action, target_of(action, identity)))
            if not found:
                continue
            runs_as, passing = self._passable(identity, submit.service)
            missing = [*lacking]
            if submit.service and not runs_as and not submit.optional:
                missing.append(f"{PASS_ROLE} on a role that trusts {submit.service}")
            for one in found:
                yield Entitled(
                    principal=identity.principal,
                    platform=PLATFORM,
                    scope=identity.account,
                    action=action,
                    reach=Reach.AFTER_STEP if missing else Reach.NOW,
                    path=one.path,
                    resources=one.resources,
                    conditions=tuple(dict.fromkeys((*one.conditions, *passing))),
                    runs_as=runs_as,
                    missing=tuple(missing),
                )

    def may_be_given(self, identity: Identity) -> bool:
        """Whether its denials, its boundary and the control policies would leave it a right to submit, if a policy gave it."""
        if identity.arn not in self._givable:
            everything = Statement(True, ("*",), False, ("*",), False, "", ())
            denials = [one for one in identity.statements if not one.allow]
            given = replace(identity, statements=(everything, *denials))
            found = (self.decisions.allowed(given, action, target_of(action, given)) for action in SUBMITS)
            self._givable[identity.arn] = any(any(ways) for ways in found)
        return self._givable[identity.arn]

    def _passable(self, identity: Identity, service: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(roles that the identity may pass to a service, what is checked beside)."""
        roles: list[str] = []
        beside: dict[str, None] = {}
        for role in self._trusting(identity.account, service) if service else ():
            ways = list(self.decisions.allowed(identity, PASS_ROLE, role.arn))
            if ways:
                roles.append(role.arn)
                least = min(ways, key=lambda one: len(one.conditions))
                beside |= dict.fromkeys(f"{PASS_ROLE}: {condition}" for condition in least.conditions)
        return tuple(sorted(roles)), tuple(beside)

    def _trusting(self, account: str, service: str) -> list[Identity]:
        if (account, service) not in self._roles:
            roles = self.accounts[account].roles if account in self.accounts else []
            self._roles[(account, service)] = [role for role in roles if trusts_service(role, service)]
        return self._roles[(account, service)]
