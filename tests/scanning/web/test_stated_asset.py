"""Reports that name no file: what they are about is what the importer states, on the page, by the API and by the command."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from compliance.models import Finding, ModelVersion, Observation, User
from compliance.services import leases
from scanning.models import Import
from tests.compliance.conftest import Browse, World

RESULT = json.dumps({"severity": "LIKELY_UNSAFE", "analysis": "bad", "detailed_results": {}}).encode()


def sent(world: World, about: str) -> dict[str, object]:
    upload = SimpleUploadedFile("safety_results.json", RESULT)
    return {"system": world.assessment.system.pk, "about_sha256": about, "file": upload}


def read(document: Import) -> Observation:
    leases.run_here(job=document.job)
    return Observation.objects.get(producer="fickling")


def test_the_stated_file_is_the_asset_and_bound_to_its_version(world: World, browse: Browse, contributor: User) -> None:
    version: ModelVersion = world.tuned
    answer = browse(contributor).post(reverse("import-new"), sent(world, version.digest.upper()))
    assert answer.status_code == 303
    document = Import.objects.get()
    seen = read(document)
    assert document.about_sha256 == version.digest
    assert (seen.asset_digest, seen.model_version, seen.asset_name) == (version.digest, version, str(version))
    assert Finding.objects.get(observations=seen).model_version == version


def test_a_file_that_is_not_registered_is_named_by_its_digest(world: World, browse: Browse, contributor: User) -> None:
    browse(contributor).post(reverse("import-new"), sent(world, "ab" * 32))
    seen = read(Import.objects.get())
    assert (seen.asset_name, seen.model_version) == ("SHA-256 abababababab", None)


def test_without_a_stated_file_none_is_made_up(world: World, browse: Browse, contributor: User) -> None:
    browse(contributor).post(reverse("import-new"), sent(world, ""))
    seen = read(Import.objects.get())
    assert seen.asset_name.startswith("not recorded by this source")
    assert "asset" in seen.facts["unknown_fields"]


@pytest.mark.parametrize("about", ["abc", "g" * 64, "ab" * 33])
def test_what_is_no_digest_is_refused_with_the_reason(
    world: World, browse: Browse, contributor: User, about: str
) -> None:
    answer = browse(contributor).post(reverse("import-new"), sent(world, about))
    assert answer.status_code in (200, 422)
    assert "about_sha256" in answer.content.decode()
    assert not Import.objects.exists()
