"""What a question of the catalogue may ask the record: the computed sides that its content names. No Django."""

from __future__ import annotations

from enum import StrEnum

FIRST_TECHNIQUE = "AML.T0018"
SUBMITTERS_CLAIM = "approved_submitters"


class ComputedSide(StrEnum):
    """What the evidence says, computed beside an answer. The value is the name under `computed` in a content file."""

    TRAINING_DATA = "training_data"
    SUBMITTERS = "submitters"
    ACCESS_REVIEW = "access_review"
    INHERITED_MODELS = "inherited_models"
    JOB_LOG = "job_log"
