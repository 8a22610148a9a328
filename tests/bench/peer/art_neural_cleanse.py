"""ART 1.20.1's Neural Cleanse (Keras alone), run in its own environment on the weights of one of our ResNet-8 models.

    var/bench/peer-venv/keras/bin/python -m tests.bench.peer.art_neural_cleanse \
        MODEL.safetensors IMAGES.npz REFERENCE.npz [--steps 20] [--classes 3] [--as-shipped]

The network is built again in Keras 3 and must give the logits of REFERENCE.npz within 1e-3 before anything is measured
(`tests.bench.peer.resnet8 reference` writes that file).

The repair. ART's `KerasNeuralCleanse.reset()`, called before each class, sets every one of `opt._variables` to zero;
under Keras 3 the learning rate is among them, so the masks never move. Here `reset()` is called unchanged and then
`opt.learning_rate` is set back to the object's own `learning_rate` (0.1). Nothing else of ART is altered.

Settings are ART's standard ones: 1000 rounds over the images, batch 32, L2 norm of the mask, learning rate 0.1, early
stop on. Where that would pass --budget seconds, the rounds are cut for all classes alike and the cost of the whole is
projected from the seconds per image pass, with `projected` true. What ART prints at each batch goes to the null device.
A mask of ART has one value per pixel and channel: `norms` are its own sums, `norms_per_channel` those divided by C.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.peer.meter import Clock, finite, peak_mib

TOLERANCE = 1e-3
STANDARD_STEPS = 1000
BATCH = 32
_PROBE_ROUNDS = 2
_EPSILON = 1e-5  # torch's, in batch normalisation


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .safetensors file by name, floating ones as float32 (torch is not in this environment)."""
    loaded: dict[str, NDArray[Any]] = importlib.import_module("safetensors.numpy").load_file(path)
    return {name: a.astype(np.float32) if a.dtype.kind == "f" else a for name, a in loaded.items()}


def keras_resnet8(tensors: dict[str, NDArray[Any]], side: int) -> Any:
    """The network with its weights in Keras 3; images [B, side, side, C] in 0..1 -> logits [B, classes]."""
    keras = importlib.import_module("keras")
    layers = keras.layers
    weights: list[tuple[Any, list[NDArray[Any]]]] = []

    def convolution(x: Any, name: str, stride: int) -> Any:
        kernel = tensors[f"{name}.weight"].transpose(2, 3, 1, 0)
        uneven = stride > 1 and len(kernel) > 1  # there Keras would pad one side only, torch pads both
        x = layers.ZeroPadding2D(1)(x) if uneven else x
        padding = "valid" if uneven else "same"
        layer = layers.Conv2D(kernel.shape[3], len(kernel), strides=stride, padding=padding, use_bias=False)
        weights.append((layer, [kernel]))
        return layer(x)

    def normalised(x: Any, name: str) -> Any:
        layer = layers.BatchNormalization(epsilon=_EPSILON)
        parts = ("weight", "bias", "running_mean", "running_var")
        weights.append((layer, [tensors[f"{name}.{part}"] for part in parts]))
        return layer(x)

    def block(x: Any, name: str, stride: int) -> Any:
        inner = layers.ReLU()(normalised(convolution(x, f"{name}.conv1", stride), f"{name}.bn1"))
        inner = normalised(convolution(inner, f"{name}.conv2", 1), f"{name}.bn2")
        if f"{name}.shortcut.0.weight" in tensors:
            x = normalised(convolution(x, f"{name}.shortcut.0", stride), f"{name}.shortcut.1")
        return layers.ReLU()(layers.Add()([inner, x]))

    mean, spread = tensors["mean"].reshape(-1), tensors["spread"].reshape(-1)
    images = keras.Input((side, side, len(mean)))
    x = layers.Rescaling((1 / spread).tolist(), (-mean / spread).tolist())(images)
    x = layers.ReLU()(normalised(convolution(x, "stem", 2), "bn"))
    x = block(block(block(x, "block1", 1), "block2", 2), "block3", 2)
    head = layers.Dense(len(tensors["fc.bias"]))
    weights.append((head, [tensors["fc.weight"].T, tensors["fc.bias"]]))
    model = keras.Model(images, head(layers.GlobalAveragePooling2D()(x)))
    for layer, values in weights:
        layer.set_weights(values)
    return model


def check_same(model: Any, reference: Path) -> float:
    """Largest difference between this network's logits and those of torch. Ends the run above the tolerance."""
    with np.load(reference) as archive:
        given = np.asarray(model(archive["images"].transpose(0, 2, 3, 1), training=False))
        difference = float(np.abs(given - archive["logits"]).max())
    if not difference <= TOLERANCE:
        sys.exit(f"the network built in Keras differs from the reference by {difference:.2g}: nothing was measured")
    return difference


@dataclass(slots=True)
class Watched:
    """ART's object, with what it does counted from outside: batches and rounds per class, masks as they come."""

    detector: Any
    batches: int = 0
    per_class: list[int] = field(default_factory=list)
    masks: list[NDArray[np.float32]] = field(default_factory=list)


def neural_cleanse(model: Any, *, steps: int, seed: int, repair: bool) -> Watched:
    """ART's detector with its standard settings and `steps` rounds a class."""
    np.random.seed(seed)  # ART draws from NumPy's global generator
    module = importlib.import_module("art.estimators.poison_mitigation.neural_cleanse")
    detector = module.KerasNeuralCleanse(model, use_logits=True, clip_values=(0.0, 1.0), steps=steps, batch_size=BATCH)
    watched = Watched(detector)
    train, generate, reset = detector.train, detector.generate_backdoor, detector.reset

    def counted_train(x: Any, y: Any) -> Any:
        watched.batches += 1
        return train(x, y)

    def kept_generate(*given: Any) -> Any:
        before = watched.batches
        mask, pattern = generate(*given)
        watched.per_class.append(watched.batches - before)
        watched.masks.append(np.array(mask))
        return mask, pattern

    def repaired_reset() -> None:
        reset()
        detector.opt.learning_rate = detector.learning_rate

    detector.train, detector.generate_backdoor = counted_train, kept_generate
    if repair:
        detector.reset = repaired_reset
    return watched


def quietly(run: Callable[[], Any]) -> Any:
    """The result of `run`, with what ART prints at each batch thrown away."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        return run()


def search(watched: Watched, x: NDArray[np.float32], y: NDArray[np.float32], only: int | None) -> list[int] | None:
    """The flagged classes by ART's own rule; with `only` the first classes alone, and None since the rule wants all."""
    if only is None:
        return [int(label) for label, _, _ in quietly(partial(watched.detector.outlier_detection, x, y))]
    for label in range(only):
        target = np.eye(y.shape[1], dtype=np.float32)[label]
        quietly(partial(watched.detector.generate_backdoor, x, y, target))
    return None


def anomaly_indices(norms: list[float]) -> list[float | None]:
    """ART's index of each class: distance from the median in units of 1.4826 MAD."""
    values = np.array(norms)
    distance = np.abs(values - np.median(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        return [finite(float(index)) for index in distance / (1.4826 * np.median(distance))]


def warm_up(model: Any, x: NDArray[np.float32], y: NDArray[np.float32], *, seed: int) -> float:
    """CPU seconds of one round over the images, measured after TensorFlow's first batches, which trace and allocate."""
    probe = neural_cleanse(model, steps=_PROBE_ROUNDS, seed=seed, repair=True)
    search(probe, x[: BATCH * 2], y[: BATCH * 2], 1)
    clock, before = Clock.start(), probe.batches
    search(probe, x[: BATCH * 5], y[: BATCH * 5], 1)
    return clock.cpu / (probe.batches - before) * (len(x) // BATCH)


def measured(watched: Watched, clock: Clock, *, steps: int, classes: int, images: int, channels: int) -> dict[str, Any]:
    """What the search took, and what the whole would take."""
    cpu, wall, passes = clock.cpu, clock.wall, watched.batches * BATCH
    full = classes * STANDARD_STEPS * (images // BATCH) * BATCH
    norms = [float(np.abs(mask).sum()) for mask in watched.masks]
    rounds = [batches / (images // BATCH) for batches in watched.per_class]
    whole = len(rounds) == classes and steps >= STANDARD_STEPS
    return {
        "norms": norms,
        "norms_per_channel": [norm / channels for norm in norms],
        "anomaly_indices": anomaly_indices(norms),
        "smallest": int(np.argmin(norms)),
        "rounds": rounds,
        "stopped_early": [label for label, ran in enumerate(rounds) if ran < steps],
        "cpu_s": cpu,
        "wall_s": wall,
        "passes": passes,
        "cpu_us_per_pass": cpu / passes * 1e6,
        "verdict_passes": passes if whole else full,
        "verdict_cpu_s": cpu if whole else cpu / passes * full,
        "projected": not whole,
        "peak_mib": peak_mib(),
    }


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path, help=".npz with images [N, C, H, W] and labels [N]")
    parser.add_argument("reference", type=Path)
    parser.add_argument("--steps", type=int, help=f"rounds over the images; ART's standard is {STANDARD_STEPS}")
    parser.add_argument("--classes", type=int, help="search the first so many classes only")
    parser.add_argument("--budget", type=float, default=1200, help="CPU seconds a run may take before rounds are cut")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--as-shipped", action="store_true", help="leave the learning rate at what ART makes of it")
    chosen = parser.parse_args()
    config = importlib.import_module("tensorflow").config.threading
    config.set_intra_op_parallelism_threads(chosen.threads)
    config.set_inter_op_parallelism_threads(1)
    with np.load(chosen.images) as archive:
        images, labels = archive["images"], archive["labels"].astype(np.int64)
    x = images.transpose(0, 2, 3, 1).astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    model = keras_resnet8(read_tensors(chosen.weights), x.shape[1])
    difference = check_same(model, chosen.reference)
    classes = int(model.output_shape[-1])
    y = np.eye(classes, dtype=np.float32)[labels]
    a_round = warm_up(model, x, y, seed=chosen.seed)
    steps = chosen.steps or max(1, min(STANDARD_STEPS, int(chosen.budget / (a_round * classes))))
    watched = neural_cleanse(model, steps=steps, seed=chosen.seed, repair=not chosen.as_shipped)
    clock, only = Clock.start(), None if chosen.classes in (None, classes) else chosen.classes
    flagged = search(watched, x, y, only)
    facts = measured(watched, clock, steps=steps, classes=classes, images=len(x), channels=x.shape[3])
    names = ("adversarial-robustness-toolbox", "keras", "tensorflow-cpu", "numpy")
    run = {
        "versions": {name: importlib.metadata.version(name) for name in names},
        "logits_differ_by": difference,
        "repaired": not chosen.as_shipped,
        "learning_rate_at_end": float(np.asarray(watched.detector.opt.learning_rate)),
        "steps": steps,
        "images": len(x),
        "batch": BATCH,
        "seed": chosen.seed,
        "threads": chosen.threads,
        "flagged": flagged,
    }
    print(json.dumps(run | facts))


if __name__ == "__main__":
    main()
