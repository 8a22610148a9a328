"""How a pack on its way is told: chapter by chapter while it is composed, page by page while it is drawn, and not more often
than people can read."""

from __future__ import annotations

import time

import pytest

from compliance.models import Job, User
from compliance.packs.compose import compose
from compliance.packs.render import html_of, render_pdf
from compliance.services import freezes, leases, packs
from compliance.types.canonical import canonical_json
from compliance.types.drafts import Progress
from compliance.types.pack_layouts import Layout
from compliance.types.states import JobState
from tests.compliance.conftest import Browse, World
from tests.compliance.packs.example_audit import audited, later, statement
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.test_pages import _context
from tests.compliance.services.test_freezes import approve_all

FULL = 16


@pytest.mark.parametrize(("layout", "chapters"), [(Layout.FULL, FULL), (Layout.SUMMARY, 6), (Layout.CHANGES, 4)])
def test_each_chapter_is_told_once_in_the_order_of_its_number(example: Example, layout: Layout, chapters: int) -> None:
    told: list[Progress] = []
    order = {**example.order, "layout": layout, "later": later(), "statement": statement()}
    page = html_of(_context(audited(), order), on_progress=told.append)  # type: ignore[arg-type]  # of the same shape
    assert [(one.done, one.total) for one in told] == [(n, chapters) for n in range(1, chapters + 1)]
    for one in told:
        head, title = one.stage.split(": ", 1)
        assert head == f"Chapter {one.done} of {chapters}"
        assert f">{one.done}&ensp;{title.replace(chr(39), '&#x27;')}</h" in page


def test_pages_are_counted_and_the_writing_is_told(example: Example) -> None:
    told: list[Progress] = []
    freeze = empty_freeze()
    composed = compose(
        freeze=freeze, canonical=canonical_json(freeze), order={**example.order, "layout": Layout.CHANGES,
        "statement": statement(), "later": later()}, keys=example.keys.folder, attachments=example.attachments,
    )  # fmt: skip
    render_pdf(composed, on_progress=told.append)
    assert told[0] == Progress(stage="Pages", done=0)
    assert told[-1] == Progress(stage="Writing the PDF", done=0)
    pages = [one for one in told if one.stage == "Pages"]
    assert [one.done for one in pages[:3]] == [0, 1, 2]
    assert all(one.total is None or one.done < one.total for one in pages)


@pytest.mark.django_db
def test_page_api_and_command_tell_it_and_the_database_is_written_twice_a_second_at_most(
    world: World, officer: User, manager: User, browse: Browse
) -> None:
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False)
    client, seen, shown = browse(officer), list[Progress](), list[str]()

    def watch(progress: Progress) -> None:
        seen.append(progress)  # what a command shows; it is told when the row was written
        if progress.stage.startswith("Chapter") and not shown:
            row = Job.objects.get(pk=job.pk)
            shown.extend((row.stage, client.get(f"/jobs/{job.uuid}/progress/").content.decode()))
            shown.append(client.get(f"/api/v1/jobs/{job.uuid}/").json()["stage"])

    begun = time.monotonic()
    job = leases.run_here(job=job, on_progress=watch)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    stages = list(dict.fromkeys(one.stage for one in seen))
    for stage in (f"Chapter {FULL} of {FULL}: List of attachments", "Pages", "Writing the PDF", "Seal"):
        assert stage in stages
    assert shown[0] == shown[2]
    assert shown[0] in shown[1]
    assert "a second" not in shown[1]
    ends = sum(one.done in (0, one.total) for one in seen)
    assert ends <= 12
    assert len(seen) - ends <= 2 * (time.monotonic() - begun) + 1
