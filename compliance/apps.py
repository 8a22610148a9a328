"""The record as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ComplianceConfig(AppConfig):
    """Keeps the record; makes sure its append-only triggers stand after every migration."""

    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance import celery, checks, signin_events  # noqa: F401, PLC0415 - registered by being imported
        from compliance.models import triggers  # noqa: PLC0415 - needs the app registry
        from compliance.services import schedules  # noqa: PLC0415 - needs the app registry

        pre_migrate.connect(triggers.clear_before_migrate, dispatch_uid="assay-triggers")
        post_migrate.connect(triggers.install_after_migrate, dispatch_uid="assay-triggers")
        post_migrate.connect(schedules.seed_after_migrate, dispatch_uid="assay-schedule")
