"""The Celery application. Loaded by `compliance.apps`, never by `compliance/__init__.py`."""

from __future__ import annotations

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")

app = Celery("assay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["compliance", "scanning"])
app.conf.beat_schedule = {
    "reap-jobs": {"task": "compliance.tasks.reap_jobs", "schedule": settings.JOB_REAP_SECONDS},
    "seal-ledger": {"task": "compliance.tasks.seal_ledger", "schedule": settings.SEAL_SECONDS},
}
