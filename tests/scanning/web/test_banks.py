"""Reference banks on pages and over the API."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from compliance.models import User
from scanning.detectors import banks
from scanning.detectors.base import SeedScores
from scanning.detectors.references import BankedModel, BankedStage, Family, ReferenceBank, write_bank
from scanning.models import ReferenceBank as Registered
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World

LIST, NEW = reverse("reference-bank-list"), reverse("reference-bank-new")
FAMILY = Family(
    name="Small networks on digits", architecture="small-cnn", architecture_digest="a" * 64, classes=3,
    image_shape=(1, 8, 8), images_sha256="b" * 64, recipe="ten passes over all images",
)  # fmt: skip


def measured(top: float, place: int = 0) -> dict[str, BankedStage]:
    """Scores of three classes in two stages, the largest at `place`."""
    scores = [0.1, 0.2, 0.3]
    scores[place] = top
    run = (SeedScores(seed=0, scores=tuple(scores)),)
    return {name: BankedStage(settings_digest="c" * 64, runs=run) for name in ("head_statistics", "max_margin")}


def bank(found: int = 3) -> ReferenceBank:
    """Twenty references and four planted models, of which so many stand out with their true class."""
    references = [BankedModel(name=f"r{n}", sha256=f"{n:064x}", stages=measured(1 + n / 20)) for n in range(20)]
    planted = [
        BankedModel(
            name=f"p{n}", sha256=f"f{n:063x}", attack="BadNets 4×4", target=1, accuracy=0.71, attack_success=0.98,
            stages=measured(50.0, place=1) if n < found else measured(1.5),
        )
        for n in range(4)
    ]  # fmt: skip
    return ReferenceBank(family=FAMILY, models=(*references, *planted))


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = tmp_path / "bank.json"
    write_bank(bank(), path)
    return path.read_bytes()


def sent(world: World, content: bytes, name: str = "") -> dict[str, object]:
    upload = SimpleUploadedFile("bank.json", content)
    return {"system": world.assessment.system.pk, "file": upload, "name": name}


def test_an_officer_registers_a_bank_and_reads_its_worth(
    world: World, browse: Browse, officer: User, auditor: User, content: bytes
) -> None:
    client = browse(officer)
    assert client.post(NEW, sent(world, content)).status_code == 303
    made = Registered.objects.get()
    text = " ".join(browse(auditor).get(LIST).text.split())
    for words in ("Small networks on digits", "0.04762", "BadNets 4×4: 3 of 4 (19.4 % – 99.4 %)"):
        assert words in text
    detail = browse(auditor).get(reverse("reference-bank-detail", args=[made.evidence.sha256])).text
    for words in ("ten passes over all images", "Max-margin (MM-BD)", "BadNets 4×4, class 1", "98 %"):
        assert words in detail


@pytest.mark.parametrize("wrong", [b"{}", b"not JSON", b'{"format": "assay-reference-bank/1"}'])
def test_what_is_no_bank_is_refused_beside_the_field(world: World, browse: Browse, officer: User, wrong: bytes) -> None:
    answer = browse(officer).post(NEW, sent(world, wrong))
    assert answer.status_code == 200
    assert answer.context["form"].errors["file"]
    assert not Registered.objects.exists()


def test_only_officers_and_administrators_register(
    world: World, browse: Browse, contributor: User, administrator: User, content: bytes
) -> None:
    assert browse(contributor).post(NEW, sent(world, content)).status_code == 403
    assert "Register reference models" not in browse(contributor).get(LIST).text
    assert browse(administrator).post(NEW, sent(world, content)).status_code == 303


def test_a_bank_that_cannot_be_read_says_so(world: World, browse: Browse, officer: User) -> None:
    Registered.objects.create(name="Old", architecture="cnn", evidence=world.log, size=9)
    text = browse(officer).get(reverse("reference-bank-detail", args=[world.log.sha256])).text
    assert "The content cannot be read" in text
    assert browse(officer).get(reverse("reference-bank-detail", args=["f" * 64])).status_code == 404


def test_shipped_banks_stand_beside_registered_ones(
    world: World, browse: Browse, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = replace(bank(found=4), family=replace(FAMILY, name="Shipped family"))
    monkeypatch.setattr(banks, "shipped", lambda: ((Path("resnet8.json"), "d" * 64, named),))
    text = browse(auditor).get(LIST).text
    assert "shipped with Assay" in text
    assert "Shipped family" in browse(auditor).get(reverse("reference-bank-detail", args=["d" * 64])).text


def test_banks_over_the_api(world: World, api: Api, officer: User, auditor: User, content: bytes) -> None:
    upload = io.BytesIO(content)
    upload.name = "bank.json"
    system = str(world.assessment.system.uuid)
    made = api(officer).post("/api/v1/reference-banks/", {"system": system, "file": upload}, format="multipart")
    assert (made.status_code, made.json()["size"]) == (201, 20)
    known = api(auditor).get("/api/v1/reference-banks/known/").json()
    (line,) = [row for row in known if not row["is_shipped"]]
    assert (line["uuid"], line["power"][0]["found"]) == (made.json()["uuid"], 3)
    assert line["architecture_digest"] == "a" * 64


def test_what_is_no_bank_is_refused_over_the_api(world: World, api: Api, officer: User) -> None:
    upload = io.BytesIO(b"{}")
    upload.name = "bank.json"
    system = str(world.assessment.system.uuid)
    answer = api(officer).post("/api/v1/reference-banks/", {"system": system, "file": upload}, format="multipart")
    assert answer.status_code in {400, 409}
    assert "reference bank" in str(answer.json())


def test_the_list_takes_the_same_queries_however_long(
    world: World, browse: Browse, officer: User, content: bytes, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)
    client.post(NEW, sent(world, content, "first"))
    few = count_queries(lambda: client.get(LIST))
    for n in range(6):
        client.post(NEW, sent(world, content.replace(b'"r1"', f'"other{n}"'.encode()), f"bank {n}"))
    assert Registered.objects.count() == 7
    assert count_queries(lambda: client.get(LIST)) == few
