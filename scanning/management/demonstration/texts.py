"""What the fictional organisation of the demonstration says. Persons, systems and words are made up."""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.types.states import AnswerValue, Role, Severity

SYSTEM = "Claims triage (demonstration)"
SYSTEM_DESCRIPTION = (
    "Demonstration data. Reads digits on scanned claim forms of a fictional insurer and sorts the forms by urgency."
)
ASSESSMENT = "Model manipulation, autumn 2026 (demonstration)"
SCOPE = (
    "In scope: the fine-tuning account 111122223333 in eu-central-1, and every version of the digit reader in use.\n\n"
    "Out of scope: the insurer's language assistant, which is assessed on its own."
)
SUPPLIER = "Fictional Model Exchange"


@dataclass(frozen=True, slots=True)
class Person:
    """A fictional person: key, name, address and role."""

    key: str
    name: str
    email: str
    role: Role


PEOPLE = (
    Person("administrator", "Aino Virtanen", "aino.virtanen@example.org", Role.ADMINISTRATOR),
    Person("officer", "Mara Lindqvist", "mara.lindqvist@example.org", Role.OFFICER),
    Person("manager", "Tomasz Wieczorek", "tomasz.wieczorek@example.org", Role.MANAGER),
    Person("engineer", "Ines Okafor", "ines.okafor@example.org", Role.CONTRIBUTOR),
    Person("auditor", "Hana Sató", "hana.sato@example.org", Role.AUDITOR),
)


@dataclass(frozen=True, slots=True)
class Control:
    """An adopted control."""

    reference: str
    statement: str
    performer: str


CONTROLS = (
    Control(
        "BDM-04",
        "A manifest of SHA-256 digests is taken of each training set when it is approved. The launcher does not check it "
        "before a job yet.",
        "Data engineering",
    ),
    Control("BDM-07", "One list names who may submit fine-tune jobs; it is reviewed each quarter.", "Platform team"),
    Control(
        "BDM-10", "CloudTrail records every SageMaker and Bedrock fine-tune operation of the account.", "Platform team"
    ),
    Control("BDM-14", "Every model file is scanned before it enters the registry.", "ML engineering"),
    Control(
        "BDM-15", "Inherited image models are tested by detection stages beside a reference bank.", "ML engineering"
    ),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A finding that a person made by examining."""

    key: str
    reference: str
    title: str
    condition: str
    cause: str
    effect: str
    severity: Severity


GAPS = (
    Gap(
        "manifest",
        "BDM-04",
        "The manifest is not checked before a job reads the data",
        "A manifest exists for the digit training set. Nothing compares it with the data when a fine-tune job starts.",
        "The launcher was written before manifests were introduced.",
        "Data could be changed between its approval and the training without anybody noticing.",
        Severity.HIGH,
    ),
    Gap(
        "entitlements",
        "BDM-07",
        "Who could submit fine-tune jobs was not assessed",
        "The job log shows who did submit jobs. No entitlement document of the account was collected in the period.",
        "The account's authorization details are not exported regularly.",
        "A person or role beyond the approved list could hold the permission without ever having used it.",
        Severity.MEDIUM,
    ),
)


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """An answer; `evidence` names documents of the demonstration by key, `gaps` findings by key."""

    number: int
    value: AnswerValue
    statement: str
    reason: str
    claims: dict[str, str]
    evidence: tuple[str, ...]
    gaps: tuple[str, ...] = field(default=())


ANSWERS = (
    DemoAnswer(
        1,
        AnswerValue.PARTLY,
        "Each approved training set has a manifest of SHA-256 digests with one Merkle root. The set behind the insurer's "
        "own digit reader has one; the inherited digit reader came without any statement about its data.",
        "The manifest is taken on approval but not checked before a job, and the supplier's data is unknown.",
        {
            "verification_method": "manifest",
            "verification_point": "on approval only",
            "cadence": "yearly",
            "datasets_covered": "1",
            "process_owner": "Head of data engineering",
        },
        ("manifest",),
        ("manifest",),
    ),
    DemoAnswer(
        2,
        AnswerValue.PARTLY,
        "One engineer is approved to submit fine-tune jobs. Every job in the log of the period was submitted by that person; "
        "one attempt by somebody else was refused by the platform.",
        "The log shows who did submit. Who could submit was not assessed: no entitlement document was collected.",
        {"approved_submitters": "alice@example.test", "review_cadence": "quarterly"},
        ("cloudtrail",),
        ("entitlements",),
    ),
    DemoAnswer(
        3,
        AnswerValue.YES,
        "Every inherited version of the digit reader is scanned as a file and tested by trigger inversion against nine "
        "reference models before use. The test of the inherited version found a small trigger that works on images the "
        "search never saw; the version is withdrawn and the finding is being remediated.",
        "",
        {
            "inherited_models": "1",
            "models_tested": "1",
            "methods": "static file scan\ntrigger inversion (Neural Cleanse objective)",
            "sub_techniques": "AML.T0018.000\nAML.T0018.002",
        },
        ("scan-inherited", "inherited-model", "bank", "modelscan"),
    ),
    DemoAnswer(
        4,
        AnswerValue.YES,
        "The attached CloudTrail log holds the fine-tune operations of 20 November 2026 with actor, role, inputs, base model "
        "and outcome, refused attempts included.",
        "",
        {"log_sources": "AWS CloudTrail, account 111122223333, eu-central-1", "retention": "seven years"},
        ("cloudtrail",),
    ),
)

# By the number of the question that the record speaks against; an approval over any other contradiction is refused.
JUSTIFICATIONS = {
    3: "Both jobs of the period name a base model that is not registered here; the finding “Base model unknown” stays open for "
    "them. The answer is about the one inherited version that is registered, and that one was scanned and tested."
}

REMEDIATION_TITLE = "Withdraw the inherited digit reader and replace it by a tested version"
REMEDIATION_TEXT = (
    "Take the version out of service, find every model derived from it, ask the supplier for the training record, and put "
    "the insurer's own version in its place after a re-scan."
)
MILESTONES = (
    ("Version withdrawn from the registry, descendants listed", 7),
    ("Supplier asked for the training record", 14),
    ("Replacement trained on the approved set and scanned", 28),
)
EFFORT_DAYS, DUE_DAYS = "6.5", 35
