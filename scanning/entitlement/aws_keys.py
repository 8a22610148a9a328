"""Long-lived credentials of IAM users: whether a user can sign in at all, and keys that whoever holds them can use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.entitlements import Entitled, EntitlementDocument, PathStep, Reach
from scanning.entitlement.aws_accounts import Identity
from scanning.entitlement.parts import objects_of, of_kind, step, text_of

CREDENTIALS, BEDROCK_KEYS = "aws-credential-report", "aws-service-specific-credentials"
BEARER = "bedrock:CallWithBearerToken"
NO_CREDENTIAL = "a password or an active access key"
_BEDROCK = "bedrock.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Key:
    """One active key of a user. bedrock: it opens Bedrock alone."""

    name: str
    bedrock: bool
    place: PathStep


@dataclass(slots=True)
class Keys:
    """Rows of credential reports by ARN, and Bedrock keys by (account, user name)."""

    reports: dict[str, tuple[JSON, str]] = field(default_factory=dict)
    bedrock: dict[tuple[str, str], list[Key]] = field(default_factory=dict)
    report_scopes: set[str] = field(default_factory=set)
    bedrock_scopes: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument]) -> Keys:
        """From credential reports and lists of service-specific credentials."""
        found, documents = cls(), list(documents)
        for document in of_kind(documents, CREDENTIALS):
            found.report_scopes.add(document.scope)
            for index, one in objects_of(document.content.get("users")):
                found.reports[text_of(one.get("arn"))] = (one, f"/users/{index}")
        for document in of_kind(documents, BEDROCK_KEYS):
            found.bedrock_scopes.add(document.scope)
            for index, one in objects_of(document.content.get("credentials")):
                if one.get("ServiceName") == _BEDROCK and one.get("Status") == "Active":
                    user = text_of(one.get("UserName"))
                    name = f"Bedrock API key {text_of(one.get('ServiceSpecificCredentialId'))} of {user}"
                    key = Key(name, True, step("shared key", name, BEDROCK_KEYS, f"/credentials/{index}"))
                    found.bedrock.setdefault((document.scope, user), []).append(key)
        return found

    def lacks_credentials(self, identity: Identity) -> bool:
        """Whether a report says that a user has neither a password nor an active access key, so that it cannot act itself."""
        row, _ = self.reports.get(identity.arn, ({}, ""))
        if not row or identity.is_role:
            return False
        return text_of(row.get("password_enabled")).lower() == "false" and not self._access_keys(identity)

    def _access_keys(self, identity: Identity) -> list[Key]:
        row, place = self.reports.get(identity.arn, ({}, ""))
        return [
            Key(name, False, step("shared key", name, CREDENTIALS, place))
            for number in ("1", "2")
            if text_of(row.get(f"access_key_{number}_active")).lower() == "true"
            for name in (f"access key {number} of {identity.name}",)
        ]

    def holders(self, identity: Identity, ways: Iterable[Entitled], *, bearer: bool) -> Iterator[Entitled]:
        """Whoever holds a key of a user, by each way that is open to the user. bearer: the user may use Bedrock API keys."""
        bedrock = self.bedrock.get((identity.account, identity.name), []) if bearer else []
        open_ways = [way for way in ways if set(way.missing) <= {NO_CREDENTIAL}]
        for key in (*self._access_keys(identity), *bedrock):
            holder = PrincipalDraft(
                identifier=f"key:{identity.arn}/{key.name}", display=f"whoever holds {key.name}", kind="SharedKey"
            )
            for way in open_ways:
                if not key.bedrock or (way.action.startswith("bedrock:") and not _assumes(way)):
                    path = (key.place, *way.path)
                    yield replace(way, principal=holder, reach=Reach.SHARED_KEY, path=path, missing=())


def _assumes(way: Entitled) -> bool:
    return any(one.kind == "trust" for one in way.path)
