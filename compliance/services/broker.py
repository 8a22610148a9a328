"""The embedded broker's folders: kept whole, and free of messages to workers that are long gone."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def folders() -> list[Path]:
    """Folders of the filesystem transport; none with another broker."""
    if not settings.BROKER_URL.startswith("filesystem://"):
        return []
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    names = ("data_folder_in", "data_folder_out", "processed_folder", "control_folder")
    return [Path(options[name]) for name in names]


def prepare() -> int:
    """Make the folders and remove stale control messages (`*.pidbox*`); answers how many were removed.

    A control message is for one running worker; nobody will ever read one that is addressed to a worker that has ended.
    Call it before workers start.
    """
    removed = 0
    for folder in folders():
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob("*pidbox*"):
            stale.unlink(missing_ok=True)
            removed += 1
    return removed
