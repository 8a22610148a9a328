"""The schedule: what recurs is listed here and kept in the tables of django-celery-beat, from which the scheduler reads.

`seed` brings the tables in line with the list, after every migration and whenever `serve` starts, so that nothing that the
record needs stays switched off. Entries that people add under other names are theirs and left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.apps import AppConfig
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

_OURS = "assay: "


@dataclass(frozen=True, slots=True)
class Every:
    """So many seconds apart."""

    seconds: float


@dataclass(frozen=True, slots=True)
class At:
    """Once a day, at a time of UTC; days: of the month, where not on all."""

    hour: int
    minute: int
    days: str = "*"


def planned() -> Mapping[str, tuple[str, Every | At]]:
    """What recurs: by name, the task and when."""
    return {
        "reap jobs": ("compliance.tasks.reap_jobs", Every(settings.JOB_REAP_SECONDS)),
        "seal ledger": ("compliance.tasks.seal_ledger", Every(settings.SEAL_SECONDS)),
        "checkpoint ledger": ("compliance.tasks.checkpoint_ledger", At(0, 15)),
        "deliver webhooks": ("compliance.tasks.deliver_webhooks", Every(settings.WEBHOOK_EVERY_SECONDS)),
        "remind": ("compliance.tasks.remind", Every(settings.REMIND_SECONDS)),
        "sweep staging": ("scanning.tasks.sweep_staging", Every(3600)),
        "propose disposal": ("compliance.tasks.propose_disposal", At(1, 20)),
        "nightly run": ("compliance.tasks.run_nightly", At(settings.NIGHTLY_HOUR, 5)),
        "summarise month": ("compliance.tasks.summarise_month", At(3, 30, "1-7")),
        "renew stamps": ("compliance.tasks.renew_stamps", At(4, 10)),
        "begin rehash": ("compliance.tasks.begin_rehash", At(2, 40)),
    }


@transaction.atomic
def seed() -> int:
    """Brings the tables in line with the list; how many entries were made or changed."""
    changed = 0
    plan = {f"{_OURS}{name}": entry for name, entry in planned().items()}
    for name, (task, when) in plan.items():
        wanted = {"task": task, "enabled": True, **_times(when)}
        known = PeriodicTask.objects.filter(name=name).first()
        if known is None:
            PeriodicTask.objects.create(name=name, **wanted)
        elif any(getattr(known, field) != value for field, value in wanted.items()):
            for field, value in wanted.items():
                setattr(known, field, value)
            known.save()
        else:
            continue
        changed += 1
    gone = PeriodicTask.objects.filter(name__startswith=_OURS).exclude(name__in=plan)
    for entry in gone:
        entry.delete()
        changed += 1
    return changed


def seed_after_migrate(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_: object) -> None:
    """Receiver of post_migrate. A half-way migration may stand before the tables."""
    if sender.name == "compliance" and PeriodicTask._meta.db_table in connections[using].introspection.table_names():
        seed()


def _times(when: Every | At) -> dict[str, IntervalSchedule | CrontabSchedule | None]:
    if isinstance(when, At):
        at, _ = CrontabSchedule.objects.get_or_create(
            minute=str(when.minute),
            hour=str(when.hour),
            day_of_week="*",
            day_of_month=when.days,
            month_of_year="*",
            timezone="UTC",
        )
        return {"interval": None, "crontab": at}
    # Intervals are whole numbers there; what is set in fractions of a second is kept in microseconds.
    period, every = (
        (IntervalSchedule.SECONDS, int(when.seconds))
        if float(when.seconds).is_integer()
        else (IntervalSchedule.MICROSECONDS, int(when.seconds * 1_000_000))
    )
    interval, _ = IntervalSchedule.objects.get_or_create(every=max(1, every), period=period)
    return {"interval": interval, "crontab": None}
