"""The instruments as a Django app."""

from django.apps import AppConfig


class ScanningConfig(AppConfig):
    """Turns files, models, logs and accounts into observations."""

    name = "scanning"
    default_auto_field = "django.db.models.BigAutoField"
