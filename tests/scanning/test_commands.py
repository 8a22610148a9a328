"""The commands that other people's pipelines rely on: one JSON document, the exit code, one sentence for bad input."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from safetensors.numpy import save_file

from compliance.types.checks import CheckRule
from tests.bench.cloudtrail import training_job, write_folder, write_log
from tests.installations import Installation
from tests.scanning.ingest.signing import envelope, pem_of, statement


def refusal(installation: Installation, *arguments: str) -> str:
    """The sentence on stderr of a command that exits 2 and prints nothing else."""
    answer = installation.manage(*arguments)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    lines = answer.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


class Payload:
    """Pickles to a call that is named and never made: nothing here is ever unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("never run",))


def test_ingest_records_and_says_what(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = write_log(folder / "log.json.gz", events=12)
    first = installation.json("ingest", str(log), "--system", "Fraud model")
    (document,) = first["documents"]
    assert (first["system"], document["state"], document["recorded"]) == ("Fraud model", "succeeded", 12)
    (again,) = installation.json("ingest", str(folder))["documents"]  # the only system, and a folder
    assert (again["recorded"], again["duplicates"]) == (0, 12)
    assert installation.rows("SELECT COUNT(*) FROM compliance_jobevent") == [(12,)]
    assert installation.rows(
        "SELECT COUNT(*) FROM compliance_ledgerevent e LEFT JOIN compliance_ledgerposition p ON p.event_id = e.id "
        "WHERE p.position IS NULL"
    ) == [(0,)]


def test_ingest_does_what_follows_an_import_of_the_page(installation: Installation, tmp_path: Path) -> None:
    """Events are bound and checked, and the completeness of the log is read: once, however many files there are."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for n in range(3):
        write_log(folder / f"log-{n}.json.gz", events=4, seed=n)
    told = installation.json("ingest", str(folder), "--system", "Fraud model")
    verdicts = {result["rule"]: result["verdict"] for result in told["checks"]["results"]}
    assert (len(verdicts), told["checks"]["stood_on"]["events"]) == (len(CheckRule), told["totals"]["recorded"])
    assert told["completeness"]["integrity"] == "not_verified"
    ((bound,),) = installation.rows("SELECT COUNT(*) FROM compliance_jobbinding")
    assert bound > 0
    jobs = "SELECT kind, COUNT(*) FROM compliance_job WHERE kind <> 'import' GROUP BY kind ORDER BY kind"
    assert installation.rows(jobs) == [("checks", 1), ("completeness", 1)]
    again = installation.json("ingest", str(folder))
    assert again["checks"] is None  # nothing new was recorded
    assert again["completeness"] == {"unchanged": True}


def test_ingest_leaves_the_checks_where_it_is_told_to(installation: Installation, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json.gz", events=4)
    told = installation.json("ingest", str(log), "--system", "Fraud model", "--without-checks")
    assert (told["checks"], told["completeness"]) == (None, None)
    assert installation.rows("SELECT COUNT(*) FROM compliance_job") == [(1,)]


def test_ingest_says_in_short_what_the_checks_found(installation: Installation, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json.gz", events=4)
    lines = installation.succeed("ingest", str(log), "--system", "Fraud model").splitlines()
    assert any(line.startswith(f"checks: {len(CheckRule)} run, ") for line in lines)
    assert "completeness: integrity not_verified" in lines


def test_ingest_of_a_folder_keeps_matches_in_one_import_and_counts(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "AWSLogs"
    (folder / "eu").mkdir(parents=True)
    write_folder(folder / "eu", records=90, records_a_file=30, relevant_every=10)
    ask = ["ingest", str(folder), "--system", "Fraud model", "--keep", "matches"]
    assert "--original-held-at" in refusal(installation, *ask)
    told = installation.json(*ask, "--original-held-at", "bucket acme-trail, prefix AWSLogs")
    (document,) = told["documents"]
    assert (document["kept"], document["original_held_at"]) == ("matches", "bucket acme-trail, prefix AWSLogs")
    assert told["totals"] == {
        "read": 90, "relevant": 9, "recorded": 9, "duplicates": 0, "rejected": 0, "redacted": 0, "refused": 0,
    }  # fmt: skip
    ((locator,),) = installation.rows("SELECT MIN(locator) FROM compliance_jobevent")
    assert locator.startswith("eu/111122223333_CloudTrail")
    whole = installation.json("ingest", str(folder))
    assert len(whole["documents"]) == 3
    assert (whole["totals"]["recorded"], whole["totals"]["duplicates"]) == (0, 9)


def test_ingest_counts_what_secrets_were_taken_out_of(installation: Installation, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    chance = random.Random(1)
    records = [training_job(n, chance) for n in range(4)]
    records[1]["requestParameters"]["environment"] = {"API_KEY": "geheim"}
    records[2]["eventTime"] = "yesterday"
    log.write_text(json.dumps({"Records": records}))
    told = installation.json("ingest", str(log), "--system", "Fraud model")
    assert (told["totals"]["recorded"], told["totals"]["rejected"], told["totals"]["redacted"]) == (3, 1, 1)


def test_ingest_of_bad_input_is_one_sentence(installation: Installation, tmp_path: Path) -> None:
    bad, missing = tmp_path / "bad.json", tmp_path / "missing.json"
    bad.write_bytes(b"\0\1\2")
    assert "no AI system is on record" in refusal(installation, "ingest", str(bad))
    assert "missing.json: no such file" in refusal(installation, "ingest", str(missing), "--system", "Fraud model")
    assert "bad.json is of no format" in refusal(installation, "ingest", str(bad), "--system", "Fraud model")
    assert "parquet" in refusal(installation, "ingest", str(bad), "--format", "parquet")
    assert installation.rows("SELECT state FROM compliance_evidence") == [("rejected",)]
    document = installation.json("ingest", str(bad), code=2)["documents"][0]
    assert (document["state"], document["recorded"]) == ("failed", 0)


@pytest.mark.sqlite_only
def test_scan_file_answers_by_its_exit_code(installation: Installation, tmp_path: Path) -> None:
    hostile, harmless, text = tmp_path / "hostile.pkl", tmp_path / "harmless.safetensors", tmp_path / "notes.txt"
    hostile.write_bytes(pickle.dumps(Payload()))
    save_file({"weight": np.zeros((2, 2), "float32")}, harmless)
    text.write_text("not a model")
    found = installation.json("scan_file", str(hostile), code=1)
    assert (found["verdict"], found["path"]) == ("finding", "hostile.pkl")
    assert installation.json("scan_file", str(harmless), code=0)["verdict"] == "nothing_found"
    assert installation.json("scan_file", str(text), code=3)["verdict"] == "nothing_scanned"
    assert "missing.bin: no such file" in refusal(installation, "scan_file", str(tmp_path / "missing.bin"))


@pytest.mark.sqlite_only
def test_scan_model_answers_without_a_database(installation: Installation, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    tensors = {
        "1.weight": np.ones((4, 16), "float32"), "1.bias": np.zeros(4, "float32"),
        "3.weight": np.ones((3, 4), "float32"), "3.bias": np.zeros(3, "float32"),
    }  # fmt: skip
    save_file(tensors, model, metadata={"architecture": "assay-small-mlp"})
    nowhere = Installation(installation.var, installation.env | {"DATABASE_URL": "sqlite:////nonexistent/db.sqlite3"})
    report = nowhere.json("scan_model", str(model), "--detector", "neural_cleanse", code=3)
    assert (report["verdict"], report["stages"][0]["verdict"]) == ("not_applicable", "not_applicable")
    whole = nowhere.json("scan_model", str(model), code=3)
    assert whole["verdict"] == "inconclusive"  # what compares has no references to be compared with
    assert {stage["verdict"] for stage in whole["stages"]} <= {"inconclusive", "not_applicable"}
    model.write_bytes(model.read_bytes()[:40])
    assert "model.safetensors" in refusal(nowhere, "scan_model", str(model))
    assert "magic" in refusal(nowhere, "scan_model", str(model), "--detector", "magic")


@pytest.mark.sqlite_only
def test_data_set_is_hashed_and_verified(installation: Installation, tmp_path: Path) -> None:
    folder, manifest = tmp_path / "set", tmp_path / "manifest.json"
    folder.mkdir()
    (folder / "a.csv").write_text("1,2\n")
    (folder / "b.csv").write_text("3,4\n")
    made = installation.json("hash_dataset", str(folder))
    manifest.write_text(json.dumps(made))
    assert installation.json("verify_dataset", str(folder), str(manifest))["matches"] is True
    (folder / "b.csv").write_text("3,5\n")
    difference = installation.json("verify_dataset", str(folder), str(manifest), code=1)
    assert (difference["matches"], difference["changed"]) == (False, ["b.csv"])
    assert "b.csv is not JSON" in refusal(installation, "verify_dataset", str(folder), str(folder / "b.csv"))
    made["entries"][0]["size"] += 1
    manifest.write_text(json.dumps(made))
    assert "contradicts itself" in refusal(installation, "verify_dataset", str(folder), str(manifest))


def test_ingest_registers_a_key_and_verifies_by_it(installation: Installation, tmp_path: Path) -> None:
    key, foreign = ec.generate_private_key(ec.SECP256R1()), tmp_path / "foreign.pem"
    signed, pem = tmp_path / "signed.json", tmp_path / "build.pem"
    signed.write_text(json.dumps(envelope(statement(), key)), encoding="utf-8")
    pem.write_bytes(pem_of(key))
    foreign.write_text("hello", encoding="utf-8")
    assert "PEM form" in refusal(installation, "ingest", str(signed), "--system", "Fraud model", "--key", str(foreign))
    (document,) = installation.json("ingest", str(signed), "--system", "Fraud model", "--key", str(pem))["documents"]
    assert (document["format"], document["recorded"]) == ("in_toto", 1)


def test_ingest_refuses_a_threshold_that_is_no_probability(installation: Installation, tmp_path: Path) -> None:
    result = tmp_path / "id-3.txt"
    result.write_text("0.7", encoding="utf-8")
    arguments = ("ingest", str(result), "--system", "Fraud model", "--threshold")
    assert "from 0 to 1" in refusal(installation, *arguments, "50")
    (document,) = installation.json(*arguments, "0.5")["documents"]
    assert document["format"] == "trojai"


def test_ingest_takes_the_file_that_a_report_is_about(installation: Installation, tmp_path: Path) -> None:
    result = tmp_path / "safety_results.json"
    result.write_text(
        json.dumps({"severity": "LIKELY_UNSAFE", "analysis": "", "detailed_results": {}}), encoding="utf-8"
    )
    arguments = ("ingest", str(result), "--system", "Fraud model", "--about")
    assert "64 hexadecimal digits" in refusal(installation, *arguments, "abc")
    (document,) = installation.json(*arguments, "AB" * 32)["documents"]
    assert (document["format"], document["recorded"]) == ("fickling", 1)


def test_ingest_reads_an_unknown_log_by_a_named_mapping(installation: Installation) -> None:
    samples = Path(__file__).parents[1] / "samples" / "generic_log"
    log = str(samples / "gateway.csv")
    assert "say what its columns mean" in refusal(installation, "ingest", log, "--system", "Fraud model")
    assert installation.rows("SELECT state FROM compliance_evidence") == [("received",)]
    assert "no column mapping named “Gateway”; none has been made" in refusal(
        installation, "ingest", log, "--mapping", "Gateway"
    )
    installation.python(
        "import json; from scanning.ingest.log_mapping import mapping_from_json; from scanning.services import column_mappings;"
        f"given = json.load(open({str(samples / 'mapping_csv.json')!r}));"
        "column_mappings.make(name='Gateway', mapping=mapping_from_json(given), columns=[], actor=None)"
    )
    (document,) = installation.json("ingest", log, "--mapping", "Gateway")["documents"]
    assert (document["state"], document["format"], document["recorded"], document["rejected"]) == (
        *("succeeded", "generic_log", 4, 5),
    )
    assert document["rejects"][0]["place"] == "line 7"
