"""`manage.py reminders [--json]`: tells people what is due and mails what they are due, as the scheduler does by itself."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.management.base import Answer, AssayCommand
from compliance.services import reminders
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """What was told, mailed, and could not be mailed."""

    help = "Tell people what is due, and send the mail that they are due by their own choice. Safe to run at any time."

    def answer(self, options: dict[str, Any]) -> Answer:
        """Exit code 1 where a message could not be sent; it is tried again by itself."""
        done = reminders.remind(now=timezone.now())
        lines = [_("%(told)d told, %(sent)d messages sent.") % {"told": done.told, "sent": done.sent}]
        if done.failed:
            lines.append(
                ngettext(
                    "%d message could not be sent; it is tried again. Check the mail server and EMAIL_URL.",
                    "%d messages could not be sent; they are tried again. Check the mail server and EMAIL_URL.",
                    done.failed,
                )
                % done.failed
            )
        code = ExitCode.NEGATIVE if done.failed else ExitCode.POSITIVE
        return Answer(code=code, document={"told": done.told, "sent": done.sent, "failed": done.failed}, lines=lines)
