"""Facts for checks, made by hand: jobs of ann, an hour apart, from a base model and a data set that are in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from compliance.types.states import ActionClass, ModelOrigin, Outcome
from compliance.types.verdicts import FileScanVerdict
from scanning.checks.base import (
    Actor,
    Approval,
    Coverage,
    DataSet,
    Entitled,
    Event,
    Facts,
    Model,
    NamedData,
    NamedModel,
    Sighting,
    Verified,
    Window,
)

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
END = START + timedelta(days=30)
NINE = START + timedelta(hours=9)
BASE_DIGEST, DATA_DIGEST, OUTPUT_DIGEST = "b" * 64, "d" * 64, "0" * 64
RIGHT = Sighting(at=START, verdict=FileScanVerdict.NOTHING_FOUND.value)
BASE = Model(name="base 1", digest=BASE_DIGEST, origin=ModelOrigin.INHERITED, scans=(RIGHT,))
DATA = DataSet(name="digits 1", digest=DATA_DIGEST, verifications=(Verified(at=START, matches=True),))
OUTPUT = Model(name="tuned 1", digest=OUTPUT_DIGEST, origin=ModelOrigin.OWN, signatures=(RIGHT,))


def actor(name: str, kind: str = "IAMUser") -> Actor:
    return Actor(key=f"key of {name}", display=name, kind=kind, names=frozenset({name, f"arn:user/{name}"}))


def event(n: int = 0, **changes: Any) -> Event:
    """The submission of job-N, n hours after nine."""
    made = Event(
        uuid=f"event-{n}",
        raw_sha256=f"{n:064x}",
        at=NINE + timedelta(hours=n),
        source="aws-cloudtrail",
        account="1111",
        action_class=ActionClass.SUBMIT,
        outcome=Outcome.SUCCESS,
        job_id=f"arn:job/{n}",
        job_name=f"job-{n}",
        actor=actor("ann"),
        bases=(NamedModel(name="s3://base", digest=BASE_DIGEST, model=BASE),),
        data=(NamedData(name="s3://digits", digest=DATA_DIGEST, data=DATA),),
        outputs=(NamedModel(name="s3://out", digest="", model=OUTPUT),),
    )
    return replace(made, **changes)


def approval(n: int = 0, **changes: Any) -> Approval:
    """Bob's approval of job-N, a day before, naming both digests."""
    made = Approval(
        job=f"JOB-{n}", approver=actor("bob"), at=NINE - timedelta(days=1), dataset_digest=DATA_DIGEST,
        base_digest=BASE_DIGEST,
    )  # fmt: skip
    return replace(made, **changes)


def facts(*events: Event, **changes: Any) -> Facts:
    """A period in which every check has its input and finds nothing, but for what is changed."""
    window = Window(
        days=frozenset(range(7)), opens=NINE.time(), closes=NINE.replace(hour=23).time(), time_zone="UTC",
        effective_from=START,
    )  # fmt: skip
    made = Facts(
        start=START,
        end=END,
        events=events or (event(0), event(1)),
        approved=frozenset({"ann"}),
        approvals=(approval(0), approval(1)),
        windows=(window,),
        silences={"aws-cloudtrail": timedelta(hours=30)},
        coverage=(Coverage(source="aws-cloudtrail", until=NINE + timedelta(days=1)),),
        can_now=(Entitled(actor=actor("ann"), scope="1111"),),
        ever_entitled=frozenset({"key of ann"}),
        scopes_read=frozenset({"1111"}),
    )
    return replace(made, **changes)
