"""Settings of mail, notices, webhooks and what recurs, from the environment; README.md lists them."""

from __future__ import annotations

from typing import Any

import environ


def read(env: environ.Env) -> dict[str, Any]:
    """Every setting of this part, by name."""
    return _mail(env) | _webhooks(env) | _schedule(env)


def _mail(env: environ.Env) -> dict[str, Any]:
    server: dict[str, Any] = env.email_url("EMAIL_URL", default="consolemail://")
    kept_here = {"console", "locmem", "dummy", "filebased"}
    return server | {
        "DEFAULT_FROM_EMAIL": env.str("DEFAULT_FROM_EMAIL", default="assay@localhost"),
        "EMAIL_TIMEOUT": env.int("EMAIL_TIMEOUT", default=20),
        "MAIL_LEAVES": server["EMAIL_BACKEND"].rsplit(".", 2)[-2] not in kept_here,
    }


def _webhooks(env: environ.Env) -> dict[str, Any]:
    """Where webhooks may go besides public networks, how long a request may take, and how often the outbox is looked into."""
    return {
        "WEBHOOK_NETWORKS": env.list("WEBHOOK_NETWORKS", default=[]),
        "WEBHOOK_SECONDS": env.float("WEBHOOK_SECONDS", default=10.0),
        "WEBHOOK_EVERY_SECONDS": env.float("WEBHOOK_EVERY_SECONDS", default=10.0),
    }


def _schedule(env: environ.Env) -> dict[str, Any]:
    return {
        "REMIND_SECONDS": env.float("REMIND_SECONDS", default=600.0),
        "NIGHTLY_HOUR": env.int("NIGHTLY_HOUR", default=1),
        # Its entries are seeded from compliance/services/schedules.py.
        "CELERY_BEAT_SCHEDULER": "django_celery_beat.schedulers:DatabaseScheduler",
        "CELERY_RESULT_EXPIRES": None,  # no results are kept, so that none need to be removed
    }
