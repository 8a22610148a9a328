"""One line on a terminal that says how far the work is and how long it may still take; nothing where nobody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from compliance.types.drafts import Progress

_WIDTH = 20
_BEFORE_FORECAST = 3.0
"""Seconds of a stage after which its pace is worth a forecast."""


class ProgressLine:
    """Draws over itself on one line. Pace and forecast are those of the present stage."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._stage, self._since, self._from = "", 0.0, 0

    def show(self, progress: Progress) -> None:
        """Draw the state of the work."""
        if not self._stream.isatty():
            return
        if progress.stage != self._stage or progress.done < self._from:
            self._stage, self._since, self._from = progress.stage, self._clock(), progress.done
        self._stream.write(f"\r\x1b[K{progress.stage}{self._share(progress)}")
        self._stream.flush()

    def hide(self) -> None:
        """Take the line away before something else is written."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _share(self, progress: Progress) -> str:
        if not progress.total:
            return f" {progress.done:,}" if progress.done else ""
        share = min(1.0, progress.done / progress.total)
        filled = int(share * _WIDTH)
        return f" [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:.0%}{self._left(progress.done, progress.total)}"

    def _left(self, done: int, total: int) -> str:
        spent = self._clock() - self._since
        if spent < _BEFORE_FORECAST or done <= self._from or done >= total:
            return ""
        return f", about {in_words(spent / (done - self._from) * (total - done))} left"


def in_words(seconds: float) -> str:
    """A span as people say it: "40 s", "7 min", "2 h 5 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
