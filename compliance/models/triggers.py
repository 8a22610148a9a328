"""Triggers that make the ledger insert-only. Installed after every migration (see `install_after_migrate`)."""

from __future__ import annotations

from typing import Any


def install_after_migrate(sender: object, **_rest: Any) -> None:  # noqa: ANN401 - signature of Django's signal
    """Placeholder replaced by the ledger part."""
