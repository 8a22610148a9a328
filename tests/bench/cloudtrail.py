"""CloudTrail logs of any length for benches and load tests: seeded, distinct, with the shapes of the shipped samples."""

from __future__ import annotations

import gzip
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-central-1"
_PEOPLE = ("ada", "grace", "alan", "edsger", "barbara", "donald")
_START = datetime(2026, 7, 1, tzinfo=UTC)


def training_job(n: int, chance: random.Random) -> dict[str, Any]:
    """One `CreateTrainingJob` record as CloudTrail writes it, about 2 KB; every eleventh was denied."""
    person = chance.choice(_PEOPLE)
    name = f"fraud-model-{n:06d}"
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/TrainingSubmitter/{person}"
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{person}",
            "arn": role,
            "accountId": ACCOUNT,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/TrainingSubmitter",
                    "userName": "TrainingSubmitter",
                },
                "attributes": {"mfaAuthenticated": "true", "creationDate": "2026-07-01T08:00:00Z"},
            },
        },
        "eventTime": (_START + timedelta(seconds=37 * n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "sagemaker.amazonaws.com",
        "eventName": "CreateTrainingJob",
        "awsRegion": REGION,
        "sourceIPAddress": f"198.51.100.{n % 250}",
        "userAgent": "aws-sdk-python/1.40",
        "requestParameters": {
            "trainingJobName": name,
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/SageMakerExecution",
            "algorithmSpecification": {"trainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/train:1"},
            "inputDataConfig": [
                {
                    "channelName": "train",
                    "dataSource": {"s3DataSource": {"s3Uri": f"s3://example-training/sets/{n % 97}/"}},
                }
            ],
            "outputDataConfig": {"s3OutputPath": "s3://example-models/out/"},
            "hyperParameters": {"epochs": "3", "learning_rate": "0.0005", "seed": str(n)},
        },
        "responseElements": {"trainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"},
        "requestID": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "eventID": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    if n % 11 == 10:
        record |= {"errorCode": "AccessDenied", "errorMessage": "User is not authorized", "responseElements": None}
    return record


def other_record(n: int, chance: random.Random) -> dict[str, Any]:
    """A record of another service, 1.2 to 2 kB, with nested parameters."""
    record = training_job(n, chance)
    return record | {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "requestParameters": {
            "filterSet": {"items": [{"name": f"tag:{n}", "valueSet": {"items": [{"value": str(n)}]}}] * 4}
        },
        "responseElements": None,
        "userAgent": "aws-sdk-go-v2/1.30 os/linux lang/go#1.22 md/GOOS#linux api/ec2#1.160.0",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"ec2.{REGION}",
        },
        "userIdentity": record["userIdentity"]
        | {"accessKeyId": "ASIAEXAMPLE", "principalId": f"AROAEXAMPLE:{uuid.UUID(int=n)}"},
        "recipientAccountId": ACCOUNT,
        "errorCode": "",
    }


def unrelated(n: int) -> dict[str, Any]:
    """A record of another service, as most records of a log are."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSService", "invokedBy": "storage.amazonaws.com"},
        "eventTime": (_START + timedelta(seconds=37 * n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": REGION,
        "sourceIPAddress": "storage.amazonaws.com",
        "requestParameters": {"bucketName": "example-training", "key": f"sets/{n % 97}/part-{n}.parquet"},
        "responseElements": None,
        "eventID": str(uuid.UUID(int=n, version=4)),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data",
    }


def write_log(path: Path, *, events: int, seed: int = 7, relevant_every: int = 1) -> Path:
    """Write a CloudTrail log file of this many events, of which every `relevant_every`-th is a fine-tune event.

    gzip where the name ends in `.gz`.
    """
    chance = random.Random(seed)
    with gzip.open(path, "wt", compresslevel=1) if path.suffix == ".gz" else path.open("w") as log:
        log.write('{"Records":[')
        for n in range(events):
            record = unrelated(n) if n % relevant_every else training_job(n, chance)
            log.write(("," if n else "") + json.dumps(record, separators=(",", ":")))
        log.write("]}")
    return path


def write_folder(
    folder: Path, *, records: int, records_a_file: int = 200, seed: int = 7, relevant_every: int = 1000
) -> list[Path]:
    """Many small log files (gzip) as CloudTrail delivers them; every `relevant_every`-th record is a fine-tune event."""
    chance = random.Random(seed)
    files = []
    for start in range(0, records, records_a_file):
        made = (
            other_record(n, chance) if n % relevant_every else training_job(n, chance)
            for n in range(start, min(start + records_a_file, records))
        )
        joined = ",".join(json.dumps(record, separators=(",", ":")) for record in made)
        path = folder / f"{ACCOUNT}_CloudTrail_{REGION}_{start:08d}.json.gz"
        path.write_bytes(gzip.compress(('{"Records":[' + joined + "]}").encode(), 6, mtime=0))
        files.append(path)
    return files
