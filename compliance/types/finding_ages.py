"""How long ago a finding was first seen, in ages that figures and lists share."""

from __future__ import annotations

from collections.abc import Mapping

# Name in addresses -> whole days, at least and below; None: any.
AGES: Mapping[str, tuple[int, int | None]] = {
    "0-30": (0, 30),
    "30-90": (30, 90),
    "90-180": (90, 180),
    "180-": (180, None),
}
