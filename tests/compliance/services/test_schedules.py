"""What recurs: seeded into the scheduler's tables, put back where it was changed, and really begun by the scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from pytest_django.fixtures import Settings

from compliance.celery import app
from compliance.models import RowChange
from compliance.services import schedules
from compliance.web.time_limits import RECURRING
from tests.installations import ROOT, Installation

SECONDS = 60
FASTER = """
from django.conf import settings
from compliance.services import schedules
settings.SEAL_SECONDS = 1
schedules.seed()
"""


@pytest.mark.django_db
def test_everything_that_is_planned_is_there_after_migrating() -> None:
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {f"assay: {name}" for name in schedules.planned()}
    assert schedules.seed() == 0


@pytest.mark.django_db
def test_every_planned_task_is_one_that_workers_know() -> None:
    app.loader.import_default_modules()
    assert {task for task, _when in schedules.planned().values()} <= set(app.tasks)


@pytest.mark.django_db
def test_what_was_switched_off_or_changed_is_put_back_and_noted() -> None:
    before = RowChange.objects.count()
    PeriodicTask.objects.filter(name="assay: seal ledger").update(enabled=False)
    every, _ = IntervalSchedule.objects.get_or_create(every=9, period="days")
    PeriodicTask.objects.filter(name="assay: nightly run").update(interval=every, crontab=None)
    assert RowChange.objects.filter(table_name="django_celery_beat_periodictask").count() >= 2
    assert RowChange.objects.count() > before
    assert schedules.seed() == 2
    assert PeriodicTask.objects.get(name="assay: seal ledger").enabled
    nightly = PeriodicTask.objects.select_related("crontab").get(name="assay: nightly run")
    assert nightly.interval is None
    assert (nightly.crontab.hour, nightly.crontab.minute) == ("1", "5")


@pytest.mark.django_db
def test_entries_of_people_are_left_alone_and_ours_that_are_no_longer_planned_go() -> None:
    noon = CrontabSchedule.objects.create(minute="0", hour="12")
    for name in ("Ours at noon", "assay: something of an older version"):
        PeriodicTask.objects.create(name=name, task="compliance.tasks.remind", crontab=noon)
    assert schedules.seed() == 1
    assert PeriodicTask.objects.filter(name="Ours at noon").exists()
    assert not PeriodicTask.objects.filter(name__contains="older version").exists()


@pytest.mark.django_db
def test_another_interval_counts_from_the_next_start(settings: Settings) -> None:
    settings.SEAL_SECONDS = 0.5
    schedules.seed()
    interval = PeriodicTask.objects.select_related("interval").get(name="assay: seal ledger").interval
    assert (interval.every, interval.period) == (500_000, "microseconds")


def test_the_scheduler_begins_what_is_due(installation: Installation) -> None:
    environment = {**os.environ, **installation.env, "SEAL_SECONDS": "1"}
    installation.python(FASTER)
    command = [sys.executable, "-m", "celery", "--app", "compliance.celery", "--quiet", "beat", "--pidfile="]
    beat = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        messages, until = installation.var / "broker" / "messages", time.monotonic() + SECONDS
        while time.monotonic() < until:
            if any("compliance.tasks.seal_ledger" in found.read_text() for found in messages.glob("*")):
                return
            time.sleep(0.5)
        pytest.fail("the scheduler began nothing")
    finally:
        beat.terminate()
        beat.wait(30)


def test_everything_that_recurs_has_words_for_people() -> None:
    named = {f"assay: {name}" for name in schedules.planned()}
    assert named == set(RECURRING)
