"""Who serves which queue: packs have workers of their own, so that imports and scans never wait for one."""

from __future__ import annotations

from django.conf import settings

from compliance.management.commands.serve import _parts


def queues_by_worker() -> dict[str, tuple[set[str], str]]:
    parts = _parts(host="127.0.0.1", port=8000, workers=3, pack_workers=2, web_workers=2, threads=4)
    found = {}
    for part in parts:
        given = dict(word.lstrip("-").split("=", 1) for word in part.command if word.startswith("--") and "=" in word)
        if "queues" in given:
            found[part.name] = (set(given["queues"].split(",")), given["concurrency"])
    return found


def test_packs_are_made_by_workers_that_do_nothing_else() -> None:
    assert queues_by_worker() == {
        "The worker": ({"default", "scan"}, "3"),
        "The pack worker": ({"pdf"}, "2"),
    }


def test_every_queue_that_tasks_are_sent_to_is_served_by_one_worker() -> None:
    served = [queue for queues, _count in queues_by_worker().values() for queue in queues]
    sent = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}
    assert sorted(served) == sorted(set(served))
    assert sent <= set(served)
