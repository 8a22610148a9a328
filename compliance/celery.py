"""The Celery application. Loaded by `compliance.apps`, never by `compliance/__init__.py`."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")

app = Celery("assay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # else threads of the web server, which did not make the app, would reach for an unconfigured one
app.autodiscover_tasks(["compliance", "scanning"])
for folder in ("data_folder_in", "processed_folder", "control_folder"):
    if folder in app.conf.broker_transport_options:
        Path(app.conf.broker_transport_options[folder]).mkdir(parents=True, exist_ok=True)
