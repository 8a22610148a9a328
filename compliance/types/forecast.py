"""When open work will be done, by Monte-Carlo over past weekly throughput. Pure: the same input gives the same dates.

One trial lives through the weeks to come: each closes as many items as one past week did, drawn with replacement, until
none is left. Over all trials, half are done within the weeks of the first figure and 85 of 100 within those of the second.
It supposes that weeks to come are like weeks past and that nothing new is opened; it knows no plan, no person and no date.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

SEED = 18
TRIALS = 2_000
FEWEST_CLOSURES = 20
FEWEST_WEEKS = 8
MOST_WEEKS = 520  # ten years: whatever lies beyond is no forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the trials say. median, likely: weeks within which 50 and 85 of 100 trials are done; None beyond MOST_WEEKS,
    and both where the history is too short. weeks, closures: the history that was drawn from."""

    backlog: int
    weeks: int
    closures: int
    median: int | None = None
    likely: int | None = None

    @property
    def has_history(self) -> bool:
        """Whether there is enough to draw from."""
        return self.closures >= FEWEST_CLOSURES and self.weeks >= FEWEST_WEEKS


def forecast(throughput: Sequence[int], *, backlog: int, seed: int = SEED, trials: int = TRIALS) -> Forecast:
    """Forecast from items closed in each past week, weeks without any included."""
    if backlog < 0 or trials < 1 or any(closed < 0 for closed in throughput):
        raise ValueError("backlog and throughput are counts, and there is at least one trial")
    found = Forecast(backlog=backlog, weeks=len(throughput), closures=sum(throughput))
    if not found.has_history:
        return found
    ends = sorted(_weeks_needed(throughput, backlog, random.Random(f"{seed}:{n}")) for n in range(trials))
    return Forecast(
        backlog=backlog,
        weeks=found.weeks,
        closures=found.closures,
        median=_within(ends, 50),
        likely=_within(ends, 85),
    )


def _weeks_needed(throughput: Sequence[int], backlog: int, luck: random.Random) -> int:
    """Weeks of one trial; one more than MOST_WEEKS where it is not done by then."""
    left, weeks, draw, count = backlog, 0, luck.random, len(throughput)
    while left > 0 and weeks <= MOST_WEEKS:
        left -= throughput[int(draw() * count)]
        weeks += 1
    return weeks


def _within(ends: Sequence[int], share: int) -> int | None:
    """The smallest number of weeks within which at least `share` of 100 trials end."""
    weeks = ends[-(-share * len(ends) // 100) - 1]
    return weeks if weeks <= MOST_WEEKS else None


def day_after(today: date, weeks: int | None) -> date | None:
    """The day so many weeks from today."""
    return None if weeks is None else today + timedelta(weeks=weeks)
