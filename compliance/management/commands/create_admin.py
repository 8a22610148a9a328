"""`manage.py create_admin`: exit 0 made, 2 not."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.services import ledger, people
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from compliance.types.verdicts import ExitCode


class Command(BaseCommand):
    help = "Make an administrator. The password is asked for twice, or made with --generate and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--email", required=True, help="the address to sign in with")
        parser.add_argument("--name", required=True, help="the person's name")
        parser.add_argument("--generate", action="store_true", help="make a random password and print it once")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: object, **options: Any) -> None:
        """Make the person, tell how to sign in."""
        generated = secrets.token_urlsafe(18) if options["generate"] else None
        password = generated or _asked()
        try:
            user = people.create_user(
                email=options["email"], name=options["name"], role=Role.ADMINISTRATOR, password=password, actor=None
            )
        except RefusedError as error:
            raise CommandError(str(error), returncode=ExitCode.BAD_INPUT)
        ledger.seal()
        if options["json"]:
            document = {"uuid": str(user.uuid), "email": user.email, "role": user.role}
            self.stdout.write(json.dumps(document | ({"password": generated} if generated else {})))
            return
        self.stdout.write(f"{user.name} <{user.email}> is an administrator.")
        if generated:
            self.stdout.write(f"Password, shown once: {generated}")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for a password: add --generate.", returncode=ExitCode.BAD_INPUT)
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("The same again: "):
        raise CommandError("The two passwords differ; nobody was made.", returncode=ExitCode.BAD_INPUT)
    return first
