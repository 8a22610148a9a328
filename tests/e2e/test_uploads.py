"""Large uploads on a running site: hashed while received, answered at once, refused early, gone when they break off."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import NewInstallation
from tests.e2e import uploads
from tests.e2e.test_responsive import LIMIT_SECONDS, PAUSE_SECONDS, SIGN_IN, seconds_of
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(300)]

MIB = 1024**2
LARGE = 600 * MIB
ANSWER_SECONDS = 1.0
GROWTH_MIB = 64
LIMIT = 48 * MIB
SET_UP = (
    SIGN_IN
    + """
from compliance.services import inventory, tokens
system = inventory.define_system(name="Fraud model", description="", owner=user, actor=user)
_scope, secret = tokens.create(owner=user, terms=tokens.TokenTerms(name="Program", days=1), actor=user)
print(system.pk, system.uuid, secret)
"""
)


@dataclass(frozen=True, slots=True)
class Sender:
    """A running site, and an officer with a session and a token."""

    site: Site
    session: str
    system: str
    system_uuid: str
    token: str

    def by_page(self, size: int) -> uploads.Answer:
        """Send evidence by the form."""
        fields = {"csrfmiddlewaretoken": uploads.TOKEN, "system": self.system, "title": "Large"}
        headers = uploads.session_headers(self.session)
        return uploads.send(self.site, "/evidence/new/", fields, size=size, headers=headers)

    def by_api(self, size: int, seed: bytes = b"") -> uploads.Answer:
        """Send evidence as a program does."""
        headers = {"Authorization": f"Token {self.token}"}
        fields = {"system": self.system_uuid}
        return uploads.send(self.site, "/api/v1/evidence/", fields, size=size, headers=headers, seed=seed)

    def kept(self) -> list[str]:
        """SHA-256 of every piece of evidence."""
        return [row[0] for row in self.site.installation.rows("SELECT sha256 FROM compliance_evidence ORDER BY id")]


@contextlib.contextmanager
def site_of(installation: Installation) -> Iterator[Sender]:
    session, *rest = installation.python(SET_UP).split()
    with running_site(installation) as site:
        seconds_of(f"{site.url}/evidence/", session)  # the first request of a process also loads it
        yield Sender(site, session, *rest)


@pytest.fixture
def sender(new_installation: NewInstallation) -> Iterator[Sender]:
    with site_of(new_installation("sqlite", "filesystem")) as one:
        yield one


@pytest.fixture
def small_limit(new_installation: NewInstallation) -> Iterator[Sender]:
    installation = new_installation("sqlite", "filesystem")
    limited = Installation(installation.var, installation.env | {"MAX_UPLOAD_BYTES": str(LIMIT)})
    with site_of(limited) as one:
        yield one


@contextlib.contextmanager
def pages_timed(sender: Sender) -> Iterator[list[float]]:
    """Another session reads a page all the while; the seconds of each answer."""
    taken: list[float] = []
    over = threading.Event()

    def read() -> None:
        while not over.wait(PAUSE_SECONDS):
            taken.append(seconds_of(f"{sender.site.url}/evidence/", sender.session))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield taken
    finally:
        over.set()
        reader.join()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 20 s"
        time.sleep(0.1)


@pytest.mark.alone
@pytest.mark.parametrize("way", ["by_page", "by_api"])
def test_six_hundred_megabytes_are_answered_within_a_second_of_their_last(sender: Sender, way: str) -> None:
    before = uploads.peak_mib(sender.site)
    with pages_timed(sender) as taken:
        started = time.perf_counter()
        answer = getattr(sender, way)(LARGE)
        together = time.perf_counter() - started
    growth = uploads.peak_mib(sender.site) - before
    print(
        f"{way}: {LARGE // MIB} MiB in {together:.2f} s, answer {answer.waited * 1000:.0f} ms after the last byte; "
        f"memory {before:.0f} MiB + {growth:.0f}; pages meanwhile: {len(taken)}, slowest {max(taken) * 1000:.0f} ms"
    )
    assert answer.status in {201, 302}, answer.head
    assert sender.kept() == [answer.sha256]
    stored = sender.site.installation.var / "evidence" / answer.sha256[:2] / answer.sha256
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == answer.sha256
    assert uploads.incoming(sender.site.installation) == []
    assert answer.waited < ANSWER_SECONDS
    assert growth < GROWTH_MIB
    assert max(taken) < LIMIT_SECONDS


def test_an_upload_that_breaks_off_leaves_nothing(sender: Sender) -> None:
    fields = {"csrfmiddlewaretoken": uploads.TOKEN, "system": sender.system}
    before, _after = uploads.form(fields, file="file", filename="large.bin")
    with uploads.connect(sender.site) as line:
        line.sendall(
            uploads.head(sender.site, "/evidence/new/", length=LARGE, headers=uploads.session_headers(sender.session))
            + before
        )
        for piece in uploads.pieces(32 * MIB):
            line.sendall(piece)
        until(lambda: uploads.open_spools(sender.site) == 1)
    until(lambda: uploads.open_spools(sender.site) == 0)
    assert uploads.incoming(sender.site.installation) == []
    assert sender.kept() == []


def test_a_length_that_is_too_small_keeps_nothing(sender: Sender) -> None:
    fields = {"csrfmiddlewaretoken": uploads.TOKEN, "system": sender.system}
    before, after = uploads.form(fields, file="file", filename="cut.bin")
    headers = uploads.session_headers(sender.session)
    with uploads.connect(sender.site) as line:
        line.sendall(uploads.head(sender.site, "/evidence/new/", length=len(before) + 100, headers=headers))
        line.sendall(before + b"x" * 5000 + after)
        assert b"This field is required" in b"".join(iter(lambda: line.recv(65536), b""))
    assert sender.kept() == []


def test_the_same_bytes_from_four_senders_at_once_are_kept_once(sender: Sender) -> None:
    answers: list[uploads.Answer] = []

    def post() -> None:
        answers.append(sender.by_api(24 * MIB, seed=b"same"))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} == {201}
    assert sender.kept() == [answers[0].sha256]
    assert uploads.incoming(sender.site.installation) == []


def test_what_says_that_it_is_too_large_is_refused_before_it_is_read(small_limit: Sender) -> None:
    headers = uploads.session_headers(small_limit.session)
    with uploads.connect(small_limit.site) as line:
        line.sendall(uploads.head(small_limit.site, "/evidence/new/", length=100 * LIMIT, headers=headers))
        said = line.recv(65536)  # although nothing of the body was sent
    assert b" 413 " in said.partition(b"\r\n")[0]


def test_the_limit_holds_while_more_is_sent(small_limit: Sender) -> None:
    answer = small_limit.by_api(LIMIT + 4 * MIB)  # within what a form of this limit may have around its file
    assert answer.status == 413
    assert b"larger than the 48 MiB that this installation takes" in answer.body
    assert uploads.open_spools(small_limit.site) == 0
    assert small_limit.kept() == []


@pytest.mark.e2e
def test_a_browser_shows_the_sentence(small_limit: Sender, browser: Browser, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(3 * LIMIT)
    with contextlib.closing(browser.new_context(locale="en-GB")) as context:
        context.add_cookies([{"name": "sessionid", "value": small_limit.session, "url": small_limit.site.url}])
        page = context.new_page()
        page.goto(f"{small_limit.site.url}/evidence/new/")
        page.get_by_label("Document").set_input_files(large)
        page.get_by_role("button", name="Keep as evidence").click()
        page.get_by_text("larger than the 48 MiB that this installation takes").wait_for()
