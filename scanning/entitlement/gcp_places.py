"""Google Cloud resources: what a policy is attached to, and which service accounts lie at or below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDocument
from scanning.entitlement.parts import objects_of, of_kind, text_of, texts_of

_MANAGER = "//cloudresourcemanager.googleapis.com/"
_ACCOUNTS = "/serviceAccounts/"
UNSTATED = "the project of the policy (not stated)"


@dataclass(slots=True)
class Places:
    """above: project (id and number alike) -> folders and organization; same: project id -> number;
    alone: whether policies of projects came without those above them."""

    above: dict[str, set[str]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    alone: bool = False

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument], kinds: Sequence[str]) -> Places:
        """From the policies that the documents hold."""
        found = cls()
        for document in (one for kind in kinds for one in of_kind(documents, kind)):
            for _, row in objects_of(document.content.get("policies")):
                found._add(row)
        return found

    def _add(self, row: JSON) -> None:
        resource, number = text_of(row.get("resource")), text_of(row.get("project"))
        self.alone = self.alone or not text_of(row.get("organization"))
        project = resource.removeprefix(_MANAGER)
        if resource.startswith(_MANAGER + "projects/") and number:
            self.same[project] = number
        parents = {*texts_of(row.get("folders")), text_of(row.get("organization"))} - {""}
        for name in {number, project if project.startswith("projects/") else ""} - {""}:
            self.above.setdefault(name, set()).update(parents)

    def resource_of(self, row: JSON, scope: str) -> str:
        """Full name of what a policy is attached to; `gcloud projects get-iam-policy` does not say it."""
        return text_of(row.get("resource")) or (f"{_MANAGER}{scope}" if scope.startswith("projects/") else UNSTATED)

    def project_of(self, row: JSON, scope: str) -> str:
        """Project, folder or organization that a policy belongs to."""
        resource = self.resource_of(row, scope)
        if resource.startswith(_MANAGER):
            return resource.removeprefix(_MANAGER)
        return text_of(row.get("project")) or scope

    def covers(self, resource: str, email: str) -> bool:
        """Whether a policy on a resource speaks of a service account. A policy whose project is not stated may: it counts."""
        if _ACCOUNTS in resource:
            return resource.rpartition(_ACCOUNTS)[2].lower() == email.lower()
        if resource == UNSTATED:
            return True
        if not resource.startswith(_MANAGER):
            return False
        place, home = resource.removeprefix(_MANAGER), _home(email)
        names = {home, self.same.get(home, home)} | {project for project, number in self.same.items() if number == home}
        if place in names:
            return True
        parents = [self.above[name] for name in names if name in self.above]
        # Where no document says what lies above its project, a folder or organization may: it counts.
        return not place.startswith("projects/") and (not parents or any(place in one for one in parents))


def _home(email: str) -> str:
    name, _, domain = email.lower().partition("@")
    if domain.endswith(".iam.gserviceaccount.com"):
        return f"projects/{domain.removesuffix('.iam.gserviceaccount.com')}"
    if domain == "developer.gserviceaccount.com":
        return f"projects/{name.partition('-')[0]}"
    return f"projects/{name}" if domain == "appspot.gserviceaccount.com" else ""
