"""STRIP for a model that one can only query: a numbered list of inputs to send, and what the answers mean. No torch here.

The plan holds ordinary and suspicious images as they are and blended with other ordinary images, as bytes, so that
they can be sent as pictures without loss. Whoever owns the access to the model sends them and brings back one answer
each: probabilities, or the class alone. See strip.py for the method and suspects.py for how scores are judged.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors.heldout import MAX_BYTES, LabelledImages
from scanning.detectors.suspects import (
    LIMITS,
    MOST_SUSPECTS,
    RULE,
    ScoredInputs,
    SuspectRule,
    decide,
    facts_of,
    ranked,
    split_rows,
)

FORMAT = "assay-query-plan/1"
_HELPERS = 64
_FEWEST_IMAGES = 60
_SUM_TOLERANCE = 0.01
PROBABILITIES, LABELS = "probabilities", "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPlan:
    """queries: bytes [Q, C, H, W]; the first `ordinary + suspects` are the images as they are, ordinary ones first, then
    for each of them in that order its blends with each of `overlays` pictures. sources: digests of the images used."""

    queries: NDArray[np.uint8]
    ordinary: int
    suspects: int
    overlays: int
    weight: float
    seed: int
    sources: JSON

    @property
    def inputs(self) -> int:
        """Images that get a score."""
        return self.ordinary + self.suspects

    @property
    def settings(self) -> JSON:
        """Everything but the pixels."""
        return {
            "format": FORMAT,
            "shape": list(self.queries.shape),
            "ordinary": self.ordinary,
            "suspects": self.suspects,
            "overlays": self.overlays,
            "weight": self.weight,
            "seed": self.seed,
            "sources": self.sources,
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the settings and the pixels."""
        digest = hashlib.sha256(canonical_json(self.settings))
        digest.update(self.queries.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Answers:
    """kind: PROBABILITIES with rows [Q, K], or LABELS with rows [Q, 1] of whole numbers."""

    kind: str
    rows: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each answer [Q]."""
        return self.rows[:, 0].astype(np.int64) if self.kind == LABELS else self.rows.argmax(axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputReport:
    """What the answers say of the suspicious images."""

    verdict: StageVerdict
    statement: str
    facts: JSON

    def to_json(self) -> JSON:
        """With the method and its limits."""
        return {
            "test": "strip by query",
            "verdict": self.verdict.value,
            "statement": self.statement,
            "limits": list(LIMITS),
            "facts": self.facts,
        }


def make_plan(
    images: LabelledImages,
    suspects: LabelledImages,
    *,
    ordinary: int = 300,
    overlays: int = 10,
    weight: float = 0.6,
    seed: int = 0,
) -> QueryPlan:
    """Which inputs to send. Raises BadInputError for images that do not fit together or are too few.

    ordinary: images that suspicious ones are ranked among; overlays: blends of each image; weight: of the image in one.
    """
    if images.images.shape[1:] != suspects.images.shape[1:]:
        raise BadInputError(
            f"{suspects.name}: the images have shape {list(suspects.images.shape[1:])} and the ordinary ones "
            f"{list(images.images.shape[1:])}; hand in both as the model takes them"
        )
    if len(images.labels) < _FEWEST_IMAGES:
        raise BadInputError(
            f"{images.name}: holds {len(images.labels)} images, and at least {_FEWEST_IMAGES} are needed"
        )
    if len(suspects.labels) > MOST_SUSPECTS:
        raise BadInputError(f"{suspects.name}: holds more than {MOST_SUSPECTS} images; hand in fewer")
    if ordinary < 1 or overlays < 1 or not 0 < weight < 1:
        raise BadInputError("a plan needs at least one ordinary image, one overlay and a weight between 0 and 1")
    helpers, others = split_rows(len(images.labels), _HELPERS)
    draws = np.random.default_rng(seed)
    over = images.images[draws.permutation(helpers)[:overlays]]
    known = images.images[np.sort(draws.permutation(others)[:ordinary])]
    return QueryPlan(
        queries=_queries(np.concatenate((known, suspects.images)), over, weight),
        ordinary=len(known), suspects=len(suspects.labels), overlays=len(over), weight=weight, seed=seed,
        sources={"images": images.sha256, "suspects": suspects.sha256},
    )  # fmt: skip


def save_plan(plan: QueryPlan, path: Path) -> None:
    """Write the plan as .npz without pickles, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        np.savez_compressed(
            stream, queries=plan.queries, settings=np.array(json.dumps(plan.settings)), digest=np.array(plan.digest)
        )
    partial.replace(path)


def read_plan(path: Path) -> QueryPlan:
    """Read what `save_plan` wrote. Raises BadInputError, also where the plan was changed since."""
    arrays = _arrays(path, ("queries", "settings", "digest"))
    try:
        settings = json.loads(str(arrays["settings"]))
        plan = QueryPlan(
            queries=np.ascontiguousarray(arrays["queries"]).astype(np.uint8, casting="no"),
            ordinary=int(settings["ordinary"]), suspects=int(settings["suspects"]), overlays=int(settings["overlays"]),
            weight=float(settings["weight"]), seed=int(settings["seed"]), sources=dict(settings["sources"]),
        )  # fmt: skip
        same = settings["format"] == FORMAT and plan.digest == str(arrays["digest"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path.name}: not a query plan as `{FORMAT}` describes it") from error
    if not same or len(plan.queries) != plan.inputs * (1 + plan.overlays):
        raise BadInputError(f"{path.name}: the plan is not as it was written; make it again and send its inputs anew")
    return plan


def read_answers(path: Path, plan: QueryPlan) -> Answers:
    """Answers to a plan, from .npz (`probabilities` [Q, K] or `labels` [Q], and `plan` with its digest where one likes) or
    .csv (a header `query,label` or `query,` and one column per class; a first line `# plan DIGEST` where one likes).
    Raises BadInputError."""
    read = {".npz": _from_npz, ".csv": _from_csv}.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"{path.name}: answers are read from .npz or .csv")
    answers, digest = read(path)
    if digest and digest != plan.digest:
        raise BadInputError(
            f"{path.name}: these are answers to another plan ({digest[:16]}…); send the inputs of this one"
        )
    if len(answers.rows) != len(plan.queries):
        raise BadInputError(
            f"{path.name}: holds {len(answers.rows)} answers where the plan asks {len(plan.queries)} queries"
        )
    _check(answers, path.name)
    return answers


def score_answers(plan: QueryPlan, answers: Answers, rule: SuspectRule = RULE) -> InputReport:
    """Rank the suspicious images by how little the answers to their blends differ, and decide."""
    count = plan.inputs
    predicted = answers.labels[:count]
    if answers.kind == PROBABILITIES:
        scores = -entropies(answers.rows[count:]).reshape(count, plan.overlays).mean(axis=1)
        statistic = "minus the mean entropy of the answers to the blends, in nats"
    else:
        scores = (answers.labels[count:].reshape(count, plan.overlays) == predicted[:, None]).mean(axis=1)
        statistic = "share of the blends that keep the class of the image; answers held no probabilities"
    ordinary = ScoredInputs(scores[: plan.ordinary], predicted[: plan.ordinary])
    suspects = ScoredInputs(scores[plan.ordinary :], predicted[plan.ordinary :])
    judged = ranked(suspects, ordinary, rule)
    verdict, statement = decide(judged, "keep their class under blending", rule)
    facts: JSON = {
        "plan": {**plan.settings, "sha256": plan.digest},
        "answers": answers.kind,
        "statistic": statistic,
        **facts_of(judged, suspects, ordinary, rule),
    }
    return InputReport(verdict=verdict, statement=statement, facts=facts)


def entropies(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in nats of each row of probabilities [N, K] -> [N]; rows are brought to sum 1."""
    shares = rows / rows.sum(axis=1, keepdims=True)
    logs = np.log(np.where(shares > 0, shares, 1.0))
    result: NDArray[np.float64] = -(shares * logs).sum(axis=1)
    return result


def _queries(inputs: NDArray[np.float32], overlays: NDArray[np.float32], weight: float) -> NDArray[np.uint8]:
    """Images [N, C, H, W] as they are, then their blends [N·P, C, H, W], as bytes."""
    shape = inputs.shape[1:]
    queries = np.empty((len(inputs) * (1 + len(overlays)), *shape), dtype=np.uint8)
    queries[: len(inputs)] = _bytes(inputs)
    for place, image in enumerate(inputs):  # one image at a time: all blends as floats would take four times the memory
        first = len(inputs) + place * len(overlays)
        queries[first : first + len(overlays)] = _bytes(weight * image + (1 - weight) * overlays)
    return queries


def _bytes(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(pixels * 255).astype(np.uint8)


def _from_npz(path: Path) -> tuple[Answers, str]:
    arrays = _arrays(path, ())
    digest = str(arrays["plan"]) if "plan" in arrays else ""
    kind = next((name for name in (PROBABILITIES, LABELS) if name in arrays), None)
    if kind is None:
        raise BadInputError(f"{path.name}: needs an array `probabilities` [queries, classes] or `labels` [queries]")
    rows = arrays[kind]
    if rows.ndim != (2 if kind == PROBABILITIES else 1) or rows.dtype.kind not in "fiu":
        raise BadInputError(f"{path.name}: `{kind}` has shape {list(rows.shape)} or is not made of numbers")
    return Answers(kind, rows.astype(np.float64).reshape(len(rows), -1)), digest


def _from_csv(path: Path) -> tuple[Answers, str]:
    if not path.is_file():
        raise BadInputError(f"{path.name}: no such file of answers")
    if path.stat().st_size > MAX_BYTES:
        raise BadInputError(f"{path.name}: larger than {MAX_BYTES // 1024**2} MiB")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path.name}: not a text file of comma-separated values in UTF-8") from error
    digest = ""
    if lines and lines[0].startswith("#"):
        digest = lines.pop(0).lstrip("# ").removeprefix("plan").strip(" :")
    return _table(csv.reader(lines), path.name), digest


def _table(rows: Iterable[list[str]], name: str) -> Answers:
    """Rows in the order of their query numbers, which must be 0, 1, 2 … each once."""
    reader = iter(rows)
    header = [cell.strip().lower() for cell in next(reader, [])]
    if len(header) < 2 or header[0] != "query":
        raise BadInputError(f"{name}: the first line must read `query,label` or `query,` and one column per class")
    answers: dict[int, list[float]] = {}
    for number, row in enumerate((row for row in reader if row), start=1):
        try:
            query, values = int(row[0]), [float(cell) for cell in row[1:]]
        except ValueError as error:
            raise BadInputError(f"{name}: answer {number} holds something that is no number") from error
        if len(values) != len(header) - 1:
            raise BadInputError(f"{name}: answer {number} has {len(values)} values where {len(header) - 1} are named")
        if query in answers:
            raise BadInputError(f"{name}: query {query} is answered twice")
        answers[query] = values
    if sorted(answers) != list(range(len(answers))):
        missing = next(query for query in range(len(answers)) if query not in answers)
        raise BadInputError(f"{name}: query {missing} is not answered; the numbers start at 0")
    table = np.array([answers[query] for query in range(len(answers))], dtype=np.float64)
    return Answers(LABELS if header[1:] == ["label"] else PROBABILITIES, table.reshape(len(answers), len(header) - 1))


def _check(answers: Answers, name: str) -> None:
    rows = answers.rows
    _refuse(~np.isfinite(rows).all(axis=1), name, "holds something that is not a finite number")
    _refuse(np.any(rows < 0, axis=1), name, "holds a negative number")
    if answers.kind == LABELS:
        _refuse(np.any(rows != np.rint(rows), axis=1), name, "is not a whole number, as a class must be")
        return
    if rows.shape[1] < 2:
        raise BadInputError(f"{name}: one probability per query; at least two classes are needed")
    _refuse(
        np.abs(rows.sum(axis=1) - 1) > _SUM_TOLERANCE, name, "does not sum to 1; hand in probabilities, or labels alone"
    )


def _refuse(wrong: NDArray[np.bool_] | np.bool_, name: str, what: str) -> None:
    if np.any(wrong):
        raise BadInputError(f"{name}: the answer to query {int(np.flatnonzero(wrong)[0])} {what}")


def _arrays(path: Path, needed: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """The arrays of an .npz, never unpickled. Raises BadInputError."""
    if not path.is_file():
        raise BadInputError(f"{path.name}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise BadInputError(f"{path.name}: unpacks to more than {MAX_BYTES // 1024**2} MiB")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except BadInputError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadInputError(f"{path.name}: not an .npz archive that can be read without pickle") from error
    if missing := [name for name in needed if name not in found]:
        raise BadInputError(f"{path.name}: lacks the array `{missing[0]}` of a query plan")
    return found
