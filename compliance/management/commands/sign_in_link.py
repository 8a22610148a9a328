"""`manage.py sign_in_link`: exit 0 made, 2 not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.models import User
from compliance.services import ledger, people
from compliance.services.errors import RefusedError
from compliance.types.verdicts import ExitCode


class Command(BaseCommand):
    help = (
        "Print the address at which a person sets a new password, once and within a day. For a lost password or phone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--email", required=True, help="the person's address")
        parser.add_argument(
            "--remove-factors", action="store_true", help="remove authenticator app, passkeys and codes"
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Make the link; it is told in the trail."""
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.", returncode=ExitCode.BAD_INPUT)
        try:
            link = people.sign_in_link(user=user, remove_factors=options["remove_factors"], actor=None)
        except RefusedError as error:
            raise CommandError(str(error), returncode=ExitCode.BAD_INPUT)
        ledger.seal()
        self.stdout.write(link)
