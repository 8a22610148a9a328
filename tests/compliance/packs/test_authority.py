"""Packs stamped by an authority over HTTP: issued and verified, or refused whole."""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import pem, tsp, x509

from compliance.isolation import BadInput, ChildFailed
from compliance.packs.authority import Authority, AuthorityError, StampQuestion, read_roots
from compliance.packs.issue import verify_isolated
from compliance.packs.questions import Answers
from compliance.packs.report import CheckName, CheckState, VerificationReport
from compliance.packs.signers import SignerFiles
from compliance.packs.stamper import AskedTimeStamper, StampError
from compliance.packs.verify import verify_bytes
from tests.compliance.packs.authority_server import REPLY, Answer, Chain, make_chain, serving, tls_identity
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.in_process import sealed, stamper_of

QUESTION: StampQuestion = {"sha256": "ab" * 32, "nonce": 7}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain("Harbour Time")


@pytest.fixture(scope="module")
def other_chain() -> Chain:
    return make_chain("Somebody Else")


def _ordered(example: Example, host: str | None) -> Example:
    return dataclasses.replace(example, order={**example.order, "time_stamp_authority": host})


def _time_check(report: VerificationReport) -> tuple[CheckState, str]:
    return next((check.state, check.words) for check in report.checks if check.name is CheckName.TIME_STAMP)


@pytest.fixture(scope="module")
def stamped(example: Example, chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack issued in the child, stamped by the authority."""
    with serving(chain.answer) as (url, asked):
        issued = _ordered(example, "127.0.0.1").issue(
            tmp_path_factory.mktemp("stamped"), authority=Authority(url=url, roots=chain.root_pem)
        )
    assert len(asked) == 2
    return issued.pack


def test_a_pack_stamped_by_an_authority_is_genuine_and_says_who_stamped(
    stamped: Path, example: Example, chain: Chain
) -> None:
    report = verify_isolated(
        pack=stamped, receipt=None, trust_roots=[example.keys.root.read_text()], time_roots=[chain.root_pem]
    )
    assert report.is_genuine
    state, words = _time_check(report)
    assert state is CheckState.PASSED
    assert "by the time-stamp authority Harbour Time, whose root was named as trusted" in words
    assert report.time_stamper == "Harbour Time"


def test_the_authority_s_host_stands_in_the_manifest(stamped: Path) -> None:
    with pikepdf.open(stamped) as pdf:
        manifest = json.loads(pdf.attachments["manifest.json"].get_file().read_bytes())
    assert manifest["time_stamp_authority"] == "127.0.0.1"


def test_an_authority_unknown_here_fails_the_time_stamp_alone(
    stamped: Path, example: Example, other_chain: Chain
) -> None:
    own = [example.keys.root.read_bytes()]
    for roots in ([], [other_chain.root_pem.encode()]):
        report = verify_bytes(stamped.read_bytes(), receipt=None, trust_roots=own, time_roots=roots)
        assert {check.name for check in report.checks if check.state is CheckState.FAILED} == {CheckName.TIME_STAMP}
        assert _time_check(report)[1].startswith("Time-stamp authority not trusted: Harbour Time leads to no root")


def test_a_root_for_time_stamps_vouches_for_no_signer(stamped: Path, example: Example, chain: Chain) -> None:
    roots = [example.keys.root.read_bytes(), chain.root_pem.encode()]
    report = verify_bytes(stamped.read_bytes(), receipt=None, trust_roots=[], time_roots=roots)
    assert {check.name for check in report.checks if check.state is CheckState.FAILED} == {CheckName.SIGNER}
    assert verify_bytes(stamped.read_bytes(), receipt=None, trust_roots=roots).is_genuine


def test_the_installation_s_own_clock_is_called_so(example: Example, unsigned: bytes) -> None:
    content = sealed(unsigned, example.keys)
    state, words = _time_check(verify_bytes(content, receipt=None, trust_roots=[example.keys.root.read_bytes()]))
    assert state is CheckState.PASSED
    assert "by the installation's own clock: Assay time stamper stands under the signer's root" in words


def test_a_stamp_by_another_than_the_manifest_says_fails(
    example: Example, chain: Chain, unsigned: bytes, tmp_path: Path
) -> None:
    from compliance.packs.child import render_unsigned

    own, times = [example.keys.root.read_bytes()], [chain.root_pem.encode()]
    by_authority = sealed(unsigned, example.keys, stamper=chain.stamper)
    state, words = _time_check(verify_bytes(by_authority, receipt=None, trust_roots=own, time_roots=times))
    assert (state, "installation stamps itself" in words) == (CheckState.FAILED, True)
    promised = render_unsigned(
        freeze=example.freeze,
        canonical=example.document.read_bytes(),
        order=_ordered(example, "tsa.example.org").order,
        keys=example.keys.folder,
        attachments=example.attachments,
    )
    by_signer = sealed(promised, example.keys)
    state, words = _time_check(verify_bytes(by_signer, receipt=None, trust_roots=own, time_roots=times))
    assert (state, "names tsa.example.org as time-stamp authority" in words) == (CheckState.FAILED, True)


def _answers_500(_request: bytes) -> Answer:
    return 500, REPLY, b""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_answers_500, "answered with HTTP status 500"),
        (lambda _request: (302, REPLY, b""), "answered with HTTP status 302"),
        (lambda _request: (200, "text/html", b"<p>hello"), "something that is not called a time stamp"),
        (lambda _request: (200, REPLY, b"x" * 70_000), "answered with more than 64 KiB"),
    ],
)
def test_an_answer_out_of_order_is_one_sentence_with_the_host(answer: Callable[[bytes], Answer], words: str) -> None:
    with serving(answer) as (url, asked):
        with pytest.raises(AuthorityError, match=words) as caught:
            Authority(url=url).stamp(QUESTION)
        assert len(asked) == 1
    assert str(caught.value).startswith("The time-stamp authority 127.0.0.1 (TSA_URL) ")
    assert str(caught.value).endswith(", so the pack was not issued.")


def test_a_silent_authority_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(AuthorityError, match=r"did not answer within 0\.5 s"):
            Authority(url=url, seconds=0.5).stamp(QUESTION)


def test_an_authority_that_answers_in_drops_is_given_up_in_time(chain: Chain) -> None:
    with serving(chain.answer, drip_seconds=0.2) as (url, _asked):
        start = time.monotonic()
        with pytest.raises(AuthorityError, match="did not answer within 1 s"):
            Authority(url=url, seconds=1).stamp(QUESTION)
        assert time.monotonic() - start < 5


def test_over_https_the_server_s_certificate_decides(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = tls_identity(tmp_path)
    with serving(chain.answer, tls=identity) as (url, asked):
        with pytest.raises(AuthorityError, match=r"could not be asked \(self-signed certificate\)"):
            Authority(url=url).stamp(QUESTION)
        assert asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(identity))
        assert tsp.TimeStampResp.load(Authority(url=url).stamp(QUESTION))["status"]["status"].native == "granted"


def test_an_authority_over_https_that_answers_in_drops_is_given_up_in_time(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = tls_identity(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    with (
        serving(chain.answer, drip_seconds=0.2, tls=identity) as (url, _asked),
        pytest.raises(AuthorityError, match="did not answer within 1 s"),
    ):
        Authority(url=url, seconds=1).stamp(QUESTION)


def test_nobody_at_the_address_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(AuthorityError, match="could not be asked"):
        Authority(url=f"http://127.0.0.1:{port}/").stamp(QUESTION)


@pytest.mark.parametrize(
    "url", ["ftp://tsa.example.org", "tsa.example.org", "https://", "http://[::1", "http://a:b@c/"]
)
def test_an_address_that_cannot_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(AuthorityError, match="TSA_URL"):
        Authority(url=url)


def test_roots_that_are_none_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "roots.pem"
    empty.write_text("no certificate")
    for path in (empty, tmp_path / "nowhere.pem"):
        with pytest.raises(AuthorityError, match=f"TSA_ROOTS names {path}"):
            read_roots(str(path))


@pytest.mark.parametrize(
    "question",
    [{}, {"sha256": "short", "nonce": 1}, {**QUESTION, "more": "text"}, {**QUESTION, "nonce": 1 << 64}],
)
def test_a_child_gets_nothing_out_but_digests(question: dict[str, object], chain: Chain) -> None:
    with serving(chain.answer) as (url, asked):
        with pytest.raises(ChildFailed, match="time stamp"):
            Answers(stamper=Authority(url=url))(question)
        assert asked == []


def test_a_child_gets_no_more_stamps_than_a_pack_needs(chain: Chain) -> None:
    with serving(chain.answer) as (url, _asked):
        answer = Answers(stamper=Authority(url=url))
        for _ in range(4):
            answer(dict(QUESTION))
        with pytest.raises(ChildFailed, match="more time stamps than a pack needs"):
            answer(dict(QUESTION))


def _certificate(text: bytes) -> x509.Certificate:
    return x509.Certificate.load(pem.unarmor(text)[2])


def _stamper(answer: Callable[[bytes], Answer], keys: SignerFiles, root_pem: str) -> AskedTimeStamper:
    """As in the child, without its walls: the judgement of answers is the same."""

    def ask(question: dict[str, object]) -> dict[str, object]:
        with serving(answer) as (url, _asked):
            return Answers(stamper=Authority(url=url))(question)

    return AskedTimeStamper(
        ask,
        host="tsa.example.org",
        roots=[_certificate(root_pem.encode())] if root_pem else [],
        own_root=_certificate(keys.root.read_bytes()),
    )


def _altered(chain: Chain, change: Callable[[tsp.TimeStampReq], None]) -> Callable[[bytes], Answer]:
    def answer(request: bytes) -> Answer:
        asked = tsp.TimeStampReq.load(request)
        change(asked)
        return chain.answer(asked.dump(force=True))

    return answer


def _other_digest(request: tsp.TimeStampReq) -> None:
    request["message_imprint"]["hashed_message"] = b"\x00" * 32


def _other_nonce(request: tsp.TimeStampReq) -> None:
    request["nonce"] = 1


def _rejected(_request: bytes) -> Answer:
    return 200, REPLY, bytes.fromhex("30053003020102")  # PKIStatus 2 and no token


def _wrongly_signed(chain: Chain) -> Callable[[bytes], Answer]:
    def answer(request: bytes) -> Answer:
        status, media_type, content = chain.answer(request)
        response = tsp.TimeStampResp.load(content)
        signer = response["time_stamp_token"]["content"]["signer_infos"][0]
        signer["signature"] = bytes(256)
        return status, media_type, response.dump(force=True)

    return answer


def test_a_wrong_stamp_never_gets_into_a_pack(
    unsigned: bytes, example: Example, chain: Chain, other_chain: Chain
) -> None:
    own = Chain(example.keys.root.read_text(), stamper_of(example.keys))
    wrong: list[tuple[Callable[[bytes], Answer], str]] = [
        (_rejected, "no time stamp (its status is rejection)"),
        (_altered(chain, _other_digest), "a time stamp for something else"),
        (_altered(chain, _other_nonce), "a time stamp that was asked for before"),
        (_wrongly_signed(chain), "a time stamp that its certificate did not sign"),
        (other_chain.answer, "a time stamp that leads to no root in TSA_ROOTS"),
        (own.answer, "a time stamp from under the seal's own root, which is no third party's word"),
        (lambda _request: (200, REPLY, b"junk"), "an answer that cannot be read"),
    ]
    for answer, words in wrong:
        stamper = _stamper(answer, example.keys, chain.root_pem)
        with pytest.raises(StampError) as caught:
            sealed(unsigned, example.keys, stamper=stamper)
        assert f"the time-stamp authority tsa.example.org (TSA_URL) gave {words}" in str(caught.value)


def test_without_known_roots_a_sound_stamp_is_taken(unsigned: bytes, example: Example, chain: Chain) -> None:
    content = sealed(unsigned, example.keys, stamper=_stamper(chain.answer, example.keys, ""))
    own = [example.keys.root.read_bytes()]
    assert _time_check(verify_bytes(content, receipt=None, trust_roots=own))[1].startswith("Time-stamp authority not")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (_answers_500, AuthorityError, "127.0.0.1 .* HTTP status 500, so the pack was not issued"),
        (_rejected, BadInput, "the pack cannot be made: the time-stamp authority 127.0.0.1 .* gave no time stamp"),
    ],
)
def test_without_a_stamp_no_pack_is_issued(
    example: Example, tmp_path: Path, answer: Callable[[bytes], Answer], error: type[Exception], words: str
) -> None:
    with serving(answer) as (url, _asked), pytest.raises(error, match=words):
        _ordered(example, "127.0.0.1").issue(tmp_path, authority=Authority(url=url))
    assert list(tmp_path.iterdir()) == []


def test_an_order_that_names_another_authority_is_refused(example: Example, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another time-stamp authority"):
        _ordered(example, "tsa.example.org").issue(tmp_path)
