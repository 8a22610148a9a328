"""Which reference control an observation speaks to, and what follows where it is not satisfied. A fixed table."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from compliance.models import Observation
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.verdicts import StageVerdict

DETECTION, FILES, TEMPLATES = "BDM-15", "BDM-14", "BDM-16"
AUTHORITY, LOG_CONTENT, LOG_INTEGRITY = "BDM-07", "BDM-10", "BDM-11"
SIGNING, REGISTRY, TRAINING, RED_TEAM = "BDM-17", "BDM-18", "BDM-20", "BDM-24"
INVENTORY, MANIFEST, DUTIES, CREDENTIALS = "BDM-01", "BDM-04", "BDM-08", "BDM-09"
LOG_REVIEW, INTAKE = "BDM-12", "BDM-13"
PROMPT_LOGIC = "AML.T0018.003"
CLOUD_RESOURCE = "cloud_resource"
AUDITOR = "auditor"
"""Producer of what auditors find in tests of controls; the observation names the control in its facts."""

_OF_PRODUCER = {
    "in_toto": SIGNING,
    "in-toto": SIGNING,
    "model_signing": SIGNING,
    "model-signing": SIGNING,
    "garak": RED_TEAM,
}
# Checks on job events. A test holds it to the list of rules.
_OF_CHECK = {
    CheckRule.SUBMITTER_NOT_APPROVED: AUTHORITY,
    CheckRule.SUBMITTER_CANNOT_BE_TOLD: CREDENTIALS,
    CheckRule.APPROVED_OWN_JOB: DUTIES,
    CheckRule.JOB_WITHOUT_APPROVAL: DUTIES,
    CheckRule.APPROVAL_AFTER_START: DUTIES,
    CheckRule.APPROVAL_WITHOUT_DIGESTS: DUTIES,
    CheckRule.DATASET_NOT_VERIFIED: MANIFEST,
    CheckRule.DATASET_CHANGED: MANIFEST,
    CheckRule.BASE_UNKNOWN: INVENTORY,
    CheckRule.BASE_NOT_SCANNED: INTAKE,
    CheckRule.BASE_CHANGED: INTAKE,
    CheckRule.OUTPUT_NOT_SIGNED: SIGNING,
    CheckRule.DENIED_BURST: LOG_REVIEW,
    CheckRule.ENTITLED_UNUSED: AUTHORITY,
    CheckRule.USED_NOT_ENTITLED: AUTHORITY,
    CheckRule.LOG_GAP: LOG_INTEGRITY,
    CheckRule.OUTSIDE_CHANGE_WINDOW: LOG_REVIEW,
}
# Checks of cloud settings, by their names; the first that fits.
_OF_CLOUD_CHECK = (
    (re.compile(r"log_file_validation|bucket_requires_mfa|logs_s3_bucket|log.*(?:retention|encrypt)"), LOG_INTEGRITY),
    (re.compile(r"cloudtrail|logging|audit|dataevents"), LOG_CONTENT),
    (re.compile(r"iam|access_policy|api_key|privilege|sso|role|user_access"), AUTHORITY),
    (re.compile(r"registry"), REGISTRY),
)
EFFECT = {
    DETECTION: _(
        "Whoever knows the trigger can steer the model's answer on inputs of their choice while ordinary tests show nothing."
    ),
    FILES: _("Loading the file may run code of whoever made it, with the rights of the process that loads it."),
    TEMPLATES: _("Hidden instructions may reach the model with every prompt, without a change of its weights."),
    AUTHORITY: _("More people or machines than intended may be able to submit or change fine-tune jobs."),
    LOG_CONTENT: _("Fine-tune jobs may run without leaving a record that can be reviewed."),
    LOG_INTEGRITY: _("Records of fine-tune jobs may be changed or lost without anybody noticing."),
    SIGNING: _("Nothing shows that the model is the one that was built and tested."),
    REGISTRY: _("A model may be replaced between test and use."),
    TRAINING: _("Training data, code or model may be read or changed from where training runs."),
    INVENTORY: _("A model of unknown origin may carry a backdoor into everything that is made from it."),
    MANIFEST: _("Training data may be changed between approval and training without anybody noticing."),
    DUTIES: _("One person alone may bring a manipulated model into use."),
    CREDENTIALS: _("Nobody can be asked about a job, because no person stands behind it in the log."),
    LOG_REVIEW: _("Unusual jobs may go unnoticed until after the model is in use."),
    INTAKE: _("A model of others may be trained on and used although nobody looked into it."),
    RED_TEAM: _("The model was brought to behave in a way that it should not."),
}


def control_for(observation: Observation) -> str:
    """Id of the reference control that an observation speaks to."""
    if observation.verdict in {StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER}:
        return DETECTION
    if observation.producer == AUDITOR:
        return str(observation.facts["control"])
    if observation.producer == PRODUCER:
        return _OF_CHECK[CheckRule(observation.rule)]
    if observation.producer in _OF_PRODUCER:
        return _OF_PRODUCER[observation.producer]
    if observation.asset_kind == CLOUD_RESOURCE:
        check = observation.rule.lower()
        return next((control for pattern, control in _OF_CLOUD_CHECK if pattern.search(check)), TRAINING)
    return TEMPLATES if PROMPT_LOGIC in observation.techniques else FILES
