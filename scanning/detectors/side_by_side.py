"""Several models, or several classes of one, at a time: one CPU thread each.

Quicker than one search on all threads, above all on a busy machine where threads that share every sum wait for each
other; and the sums of one job are always made by one thread, in one order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import torch

from compliance.types.drafts import Progress
from scanning.detectors.base import OnProgress, ignore_progress

T = TypeVar("T")


def side_by_side(
    jobs: Sequence[Callable[[], T]], *, threads: int, stage: str = "", on_progress: OnProgress = ignore_progress
) -> list[T]:
    """Results of `jobs` in their order. Progress counts finished jobs. The first error ends the wait."""
    before = torch.get_num_threads()
    on_progress(Progress(stage=stage, done=0, total=len(jobs)))
    try:
        with ThreadPoolExecutor(max_workers=threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    on_progress(Progress(stage=stage, done=done, total=len(jobs)))
            finally:
                for future in futures:
                    future.cancel()
            return [future.result() for future in futures]
    finally:
        torch.set_num_threads(before)


def shared_progress(on_progress: OnProgress, sharers: int) -> list[OnProgress]:
    """One callback for each of `sharers` threads that do the same kind of steps; reports their mean."""
    lock, done = threading.Lock(), [0] * sharers

    def of(place: int) -> OnProgress:
        def report(progress: Progress) -> None:
            with lock:
                done[place] = progress.done
                on_progress(Progress(stage=progress.stage, done=sum(done) // sharers, total=progress.total))

        return report

    return [of(place) for place in range(sharers)]
