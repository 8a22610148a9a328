"""The progress line of commands: how far, and how long it may still take."""

from __future__ import annotations

import io
from typing import Any

import pytest

from compliance.management.base import Answer, AssayCommand
from compliance.management.progress import ProgressLine, in_words
from compliance.types.drafts import Progress
from compliance.types.verdicts import ExitCode

pytestmark = pytest.mark.sqlite_only


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True

    def last(self) -> str:
        return self.getvalue().rsplit("\x1b[K", 1)[-1]


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_bar_share_and_remaining_time() -> None:
    terminal, clock = Terminal(), Clock()
    line = ProgressLine(terminal, clock)
    line.show(Progress(stage="searching", done=0, total=200))
    assert terminal.last() == "searching [....................] 0%"
    clock.now += 30
    line.show(Progress(stage="searching", done=50, total=200))
    assert terminal.last() == "searching [#####...............] 25%, about 2 min left"
    clock.now += 90
    line.show(Progress(stage="searching", done=200, total=200))
    assert terminal.last() == "searching [####################] 100%"


def test_the_pace_is_that_of_the_present_stage() -> None:
    terminal, clock = Terminal(), Clock()
    line = ProgressLine(terminal, clock)
    line.show(Progress(stage="reading", done=10, total=100))
    clock.now += 500
    line.show(Progress(stage="searching", done=10, total=100))
    clock.now += 10
    line.show(Progress(stage="searching", done=20, total=100))
    assert terminal.last().endswith("about 1 min left")


def test_resumed_work_is_not_taken_for_fast_work() -> None:
    terminal, clock = Terminal(), Clock()
    line = ProgressLine(terminal, clock)
    line.show(Progress(stage="training", done=30, total=40))
    clock.now += 60
    line.show(Progress(stage="training", done=32, total=40))
    assert terminal.last().endswith("about 4 min left")


def test_without_a_total_the_count_is_shown_and_nothing_is_promised() -> None:
    terminal = Terminal()
    ProgressLine(terminal, Clock()).show(Progress(stage="reading", done=12_000))
    assert terminal.last() == "reading 12,000"


def test_nothing_is_written_where_nobody_looks() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, Clock())
    line.show(Progress(stage="reading", done=1, total=2))
    line.hide()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59, "59 s"), (89, "1 min"), (3540, "59 min"), (7500, "2 h 5 min")]
)
def test_spans_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


class Stopped(AssayCommand):
    """A command whose work somebody stops."""

    after_stop = "What is done is kept."

    def answer(self, options: dict[str, Any]) -> Answer:
        self.show_progress(Progress(stage="searching", done=1, total=2))
        raise KeyboardInterrupt


def test_a_command_that_somebody_stops_says_so_in_one_sentence() -> None:
    heard = io.StringIO()
    with pytest.raises(SystemExit) as end:
        Stopped(stderr=heard).handle(json=False)
    assert end.value.code == ExitCode.UNDECIDED
    assert heard.getvalue().strip() == "Stopped before the end. What is done is kept."
