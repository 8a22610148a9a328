"""The Celery application. Loaded by `compliance.apps`, never by `compliance/__init__.py`."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")

app = Celery("assay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # else threads of the web server, which did not make the app, would reach for an unconfigured one
app.autodiscover_tasks(["compliance", "scanning"])
app.conf.beat_schedule = {
    "reap-jobs": {"task": "compliance.tasks.reap_jobs", "schedule": settings.JOB_REAP_SECONDS},
    "seal-ledger": {"task": "compliance.tasks.seal_ledger", "schedule": settings.SEAL_SECONDS},
    "propose-disposal": {"task": "compliance.tasks.propose_disposal", "schedule": crontab(hour=1, minute=20)},
    "begin-rehash": {"task": "compliance.tasks.begin_rehash", "schedule": crontab(hour=2, minute=40)},
    "summarise-month": {
        "task": "compliance.tasks.summarise_month",
        "schedule": crontab(hour=3, minute=30, day_of_month="1-7"),
    },
    "remind-of-requests": {"task": "compliance.tasks.remind_of_requests", "schedule": settings.REMIND_SECONDS},
    "sweep-staging": {"task": "scanning.tasks.sweep_staging", "schedule": 3600.0},
}
for folder in ("data_folder_in", "processed_folder", "control_folder"):
    if folder in app.conf.broker_transport_options:
        Path(app.conf.broker_transport_options[folder]).mkdir(parents=True, exist_ok=True)
