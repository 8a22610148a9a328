"""Who can submit fine-tune jobs on AWS: users, roles, groups, trust across roles and accounts, Identity Center, keys.

Allow, Deny, boundaries and control policies are evaluated; conditions are shown and never evaluated. A role that may submit is
shown as itself, and beside it everyone who gets to it. Who comes by an identity provider is not written anywhere in AWS: the
provider stands for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from compliance.types.drafts import PrincipalDraft
from compliance.types.entitlements import Entitled, EntitlementAnswer, EntitlementDocument, NotAssessed, Reach
from scanning.entitlement.aws_accounts import DETAILS, Account, Identity, accounts_of
from scanning.entitlement.aws_decisions import Decisions
from scanning.entitlement.aws_escalation import ESCALATIONS, TOLD, Stronger, targets
from scanning.entitlement.aws_identity_center import CENTER, IdentityCenter, permission_set_of
from scanning.entitlement.aws_keys import BEARER, BEDROCK_KEYS, CREDENTIALS, NO_CREDENTIAL, Keys
from scanning.entitlement.aws_organization import ORGANIZATION, RESOURCE_POLICIES, SERVICE_POLICIES, Organization
from scanning.entitlement.aws_submits import PLATFORM, Submissions
from scanning.entitlement.aws_trust import ASSUME, FEDERATED, Hop, Trusts, trusts_of
from scanning.entitlement.parts import named, of_kind, settled, step, text_of

LIMITS = (
    "Conditions are shown and not evaluated: an Allow under one counts, a Deny under one takes nothing away.",
    "A pipeline that is started runs as the role it was made with; which role that is is not read here.",
    "To each role that somebody gets to over other roles one shortest way is shown.",
    "Not followed: code that runs as a role (notebooks, functions, machines, builds), and session and endpoint policies.",
    "Resource-based policies are read of roles alone.",
    "Who holds an access key, and short-term keys made from a session, are not traced to persons.",
)
_MISSING = {
    DETAILS: "Users, roles and what their policies permit are not seen.",
    SERVICE_POLICIES: "A control policy of the organisation that takes a shown grant away is not seen.",
    RESOURCE_POLICIES: "A control policy of the organisation that keeps somebody from acting as a role is not seen.",
    CENTER: "Persons who sign in by IAM Identity Center are not seen; the roles that it made stand for them.",
}
_MISSING_OF_ACCOUNT = {
    CREDENTIALS: "Access keys, and users who have neither key nor password, are not seen.",
    BEDROCK_KEYS: "Long-term API keys of Amazon Bedrock are not seen.",
}


class _Reading:
    def __init__(self, documents: Sequence[EntitlementDocument]) -> None:
        self.accounts = accounts_of(documents)
        self.organization = Organization.of(documents)
        self.center = IdentityCenter.of(documents)
        self.keys = Keys.of(documents)
        self.decisions = Decisions(self.organization)
        self.roles = [role for account in self.accounts.values() for role in account.roles]
        self.trusts = Trusts(self.decisions, self.roles)
        self.submissions = Submissions(self.decisions, self.accounts)
        self.identities = [
            one
            for account in self.accounts.values()
            for one in (account.root, *account.users, *account.roles)
            if not one.is_service_linked
        ]
        self.direct = {one.arn: self._direct(one) for one in self.identities}
        self.stronger = {number: self._stronger(account) for number, account in self.accounts.items()}
        self.centers = _center_accounts(documents) | ({self.organization.management} - {""})
        self.own = {one.arn: [*self.direct[one.arn], *self._escalations(one)] for one in self.identities}
        self.standing_in: set[tuple[str, str]] = set()

    def _direct(self, identity: Identity) -> list[Entitled]:
        lacking = (NO_CREDENTIAL,) if self.keys.lacks_credentials(identity) else ()
        return list(self.submissions.ways(identity, lacking=lacking))

    def _stronger(self, account: Account) -> Stronger:
        def may(identity: Identity) -> bool:
            return any(set(way.missing) <= {NO_CREDENTIAL} for way in self.direct.get(identity.arn, ()))

        groups = {
            arn
            for arn, statements in account.group_statements.items()
            if any(self.submissions.ways(replace(account.root, statements=statements)))
        }
        users, roles = (frozenset(one.arn for one in listed if may(one)) for listed in (account.users, account.roles))
        return Stronger(users, frozenset(groups), roles)

    def _escalations(self, identity: Identity) -> Iterator[Entitled]:
        """By which permissions an identity could get the right to submit. The root user needs none."""
        if identity.principal.kind == "Root":
            return
        held = {action: kind for action, kind in ESCALATIONS.items() if identity.holds(action)}
        reached = (hop.role for hop in self.trusts.reached(identity)) if held else ()
        acts_as = [one for one in (identity, *reached) if self.submissions.may_be_given(one)] if held else []
        for action, kind in held.items():
            if kind == "identity center" and self.centers and identity.account not in self.centers:
                continue
            for target in targets(kind, identity, acts_as, self.stronger[identity.account]):
                for one in self.decisions.allowed(identity, action, target):
                    yield Entitled(
                        principal=identity.principal,
                        platform=PLATFORM,
                        scope=identity.account,
                        action=action,
                        reach=Reach.AFTER_STEP,
                        path=(*one.path, step("escalation", TOLD, DETAILS, "")),
                        resources=one.resources,
                        conditions=one.conditions,
                        missing=(NO_CREDENTIAL,) if self.keys.lacks_credentials(identity) else (),
                    )

    def entitled(self) -> Iterator[Entitled]:
        """Every way: of identities themselves, over roles, by keys, by Identity Center, and by those in no document."""
        for identity in self.identities:
            over_roles = list(self._over_roles(identity))
            yield from self.own[identity.arn]
            yield from over_roles
            bearer = any(self.decisions.allowed(identity, BEARER, "*"))
            ways = (*self.direct[identity.arn], *over_roles)
            yield from self.keys.holders(identity, ways, bearer=bearer)
        for arrival in self.center.arrivals(self.accounts):
            yield from self._arriving(arrival.principal, arrival.hop)
        for role in self.roles:
            yield from self._outsiders(role)

    def _over_roles(self, identity: Identity) -> Iterator[Entitled]:
        lacking = (NO_CREDENTIAL,) if self.keys.lacks_credentials(identity) else ()
        for hop in self.trusts.reached(identity):
            for way in self._of_role(hop.role):
                yield replace(_behind(way, identity.principal, hop, Reach.AFTER_STEP), missing=lacking)

    def _of_role(self, role: Identity) -> Iterator[Entitled]:
        """What is open to whoever acts as a role."""
        return (way for way in self.own.get(role.arn, ()) if not way.missing)

    def _arriving(self, principal: PrincipalDraft, hop: Hop) -> Iterator[Entitled]:
        """The ways of one who acts as a role by signing in, and those over further roles from there."""
        for way in self._of_role(hop.role):
            yield _behind(way, principal, hop, way.reach)
        for further in self.trusts.reached(hop.role):
            beyond = Hop(further.role, (*hop.path, *further.path), (*hop.conditions, *further.conditions))
            for way in self._of_role(further.role):
                yield _behind(way, principal, beyond, Reach.AFTER_STEP)

    def _outsiders(self, role: Identity) -> Iterator[Entitled]:
        """Those whom a role lets in and who stand in no document. Persons of Identity Center stand in its own."""
        if permission_set_of(role) and self.center.documents:
            return
        for kind, name, trust in self.trusts.outsiders(role, {*self.accounts}):
            action = next(one for one in (FEDERATED if kind == "Federated" else (ASSUME,)) if trust.speaks_of(one))
            beside = self.decisions.at_resource(role.account, action, role.arn)
            if beside is None:
                continue
            shown = (f"trust: {trust.condition}",) if trust.condition else ()
            hop = Hop(role, (trust.path,), (*shown, *beside))
            ways = list(self._arriving(_stand_in(kind, name), hop))
            if ways:
                self.standing_in.add((kind, name))
            yield from ways if kind == "Federated" else (replace(way, reach=Reach.AFTER_STEP) for way in ways)

    def gaps(self, documents: Sequence[EntitlementDocument]) -> Iterator[NotAssessed]:
        """What the documents leave open. To be asked after `entitled`."""
        present = {document.kind for document in documents}
        yield from _absent(present, _MISSING)
        for number, account in self.accounts.items():
            scopes = {CREDENTIALS: self.keys.report_scopes, BEDROCK_KEYS: self.keys.bedrock_scopes}
            for kind, effect in _MISSING_OF_ACCOUNT.items():
                if number not in scopes[kind]:
                    yield NotAssessed(document=kind, scope=number, effect=effect)
            yield from _gaps_of(account)
        if {SERVICE_POLICIES, RESOURCE_POLICIES} & present and ORGANIZATION not in present:
            effect = "Which account is the management account, and which units lie above the others, is not known."
            yield NotAssessed(document=ORGANIZATION, scope="", effect=effect)
        for kind, name in self.standing_in:
            yield NotAssessed(document=f"who is behind {name}", scope="", effect=_behind_it(kind, name))
        yield from self.organization.gaps
        yield from self.center.gaps


def _behind(way: Entitled, principal: PrincipalDraft, hop: Hop, reach: Reach) -> Entitled:
    """A role's way as the way of one who gets to the role first."""
    conditions = tuple(dict.fromkeys((*hop.conditions, *way.conditions)))
    return replace(way, principal=principal, reach=reach, path=(*hop.path, *way.path), conditions=conditions)


def _stand_in(kind: str, name: str) -> PrincipalDraft:
    if name == "*":
        return PrincipalDraft(identifier="aws:*", display="anyone in any AWS account", kind="Anyone")
    if kind == "Federated":
        return PrincipalDraft(identifier=name, display=f"whoever {name} lets in", kind="Federated")
    return PrincipalDraft(
        identifier=name, display=name, kind="AWSAccount" if ":root" in name or name.isdigit() else "AWS"
    )


def _behind_it(kind: str, name: str) -> str:
    if kind == "Federated":
        return "AWS does not record whom this provider lets act as a role; it stands for them."
    if name == "*":
        return "A role lets in principals of every AWS account; who would use that is not known."
    return "It belongs to an account that is not on record; it stands for whoever may use it."


def _absent(present: Iterable[str], effects: dict[str, str]) -> Iterator[NotAssessed]:
    for document, effect in effects.items():
        if document not in present:
            yield NotAssessed(document=document, scope="", effect=effect)


def _gaps_of(account: Account) -> Iterator[NotAssessed]:
    if account.unknown:
        effect = f"What these policies permit is not known: {named(account.unknown)}."
        yield NotAssessed(document=f"{DETAILS}: Policies", scope=account.number, effect=effect)
    for role in account.roles:
        if any(one.allow and one.all_but for one in trusts_of(role)):
            effect = f"Whom the role {role.name} lets in is not read: its trust policy allows all but those it names."
            yield NotAssessed(document=f"{DETAILS}: trust policy", scope=account.number, effect=effect)
    if account.unreadable:
        effect = f"What these policies say cannot be read: {named(account.unreadable)}."
        yield NotAssessed(document=DETAILS, scope=account.number, effect=effect)


def _center_accounts(documents: Iterable[EntitlementDocument]) -> set[str]:
    """Accounts in which Identity Center is run, as its instances say."""
    instances = (one.content.get("instances") for one in of_kind(documents, CENTER))
    listed = (one for value in instances if isinstance(value, list) for one in value if isinstance(one, dict))
    return {text_of(one.get("OwnerAccountId")) for one in listed} - {""}


def evaluate(documents: Sequence[EntitlementDocument]) -> EntitlementAnswer:
    """Who can submit now, after a step, and by a key, as these documents say; the rest is named as not assessed."""
    reading = _Reading(documents)
    entitled = list(reading.entitled())
    return settled(entitled, reading.gaps(documents), principals=len(reading.identities), limits=LIMITS)
