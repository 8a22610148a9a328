"""`manage.py erase_principal WHO --by EMAIL [--json]`: destroys name and key of somebody whom logs name."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.management.subjects import find_person
from compliance.models import Principal, User
from compliance.rights import Verb, may
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Erase one principal."""

    help = "Erase somebody whom logs name: name and key are destroyed, a pseudonym stays, every chain stays as it was."

    def arguments(self, parser: ArgumentParser) -> None:
        """Who, and by whom."""
        parser.add_argument("who", help="identifier or pseudonym")
        parser.add_argument("--by", required=True, help="e-mail address of who erases: an administrator or officer")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Erase, and say what stays."""
        person = find_person(options["who"])
        if not isinstance(person, Principal):
            raise RefusedError(_("Users are deactivated, never erased; what they did stays theirs."))
        actor = User.objects.filter(email=options["by"].lower()).first()
        if actor is None or not may(actor, Verb.ERASE_SUBJECT):
            raise RefusedError(_("“%s” may not erase anybody.") % options["by"])
        erased = people.erase_principal(principal=person, actor=actor)
        document = {"pseudonym": erased.pseudonym, "erased_at": str(erased.erased_at)}
        return Answer(code=ExitCode.POSITIVE, document=document, lines=[f"erased; the pseudonym is {erased.pseudonym}"])
