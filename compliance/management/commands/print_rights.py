"""`manage.py print_rights > docs/rights.md`: who may do what, and which verb guards each address."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management.base import BaseCommand

from compliance.choices import label
from compliance.management.routes import Gate, Route, routes
from compliance.rights import TABLE
from compliance.types.states import Role

_INTRODUCTION = """\
# Rights

Printed by `manage.py print_rights` from `compliance/rights.py` and the URL configuration; a test keeps it in step.
Everything that is not granted here is refused.

Administrator, compliance officer and manager see every AI system. A contributor sees the systems they are a member of,
in person or by team. An auditor sees what their engagements name, until these expire. A collector is a machine that
holds a token: it may hand in documents for the systems it is a member of, and reads nothing. Whatever somebody may not
see answers as if it did not exist (404); an act without the right to it answers 403.

## Role × verb
"""


class Command(BaseCommand):
    """Prints the table of rights as Markdown."""

    help = "Print who may do what as Markdown, for docs/rights.md."

    def handle(self, *_arguments: object, **_options: object) -> None:
        """Print the document."""
        self.stdout.write(rights_document(), ending="")


def rights_document() -> str:
    """The whole document, with a line feed at its end."""
    return "\n".join([_INTRODUCTION, *_table(), "", "## Address × verb", "", *_addresses(), ""])


def _table() -> Iterator[str]:
    yield "| verb | " + " | ".join(str(label(role)) for role in Role) + " |"
    yield "| --- |" + " :-: |" * len(Role)
    for verb, granted in TABLE.items():
        yield f"| {verb.value} | " + " | ".join("yes" if role in granted else "" for role in Role) + " |"


def _addresses() -> Iterator[str]:
    yield "| address | method | verb |"
    yield "| --- | --- | --- |"
    for route in routes():
        for methods, guard in _guards(route):
            yield f"| `/{route.path}` | {methods} | {guard} |"


def _guards(route: Route) -> list[tuple[str, str]]:
    if route.gate is Gate.PUBLIC:
        return [("any", "*anybody*")]
    by_verb: dict[str, list[str]] = {}
    for method, verb in route.verbs.items():
        if method not in {"HEAD", "OPTIONS"}:
            by_verb.setdefault(verb.value if verb else "*nobody*", []).append(method)
    return [(", ".join(methods), guard) for guard, methods in by_verb.items()]
