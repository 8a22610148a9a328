"""What a Keras configuration may name without bringing code of its own, and rules for everything else.

Names: the public classes and functions of Keras 2 and 3 (keras.io, API). What is not among them is a finding: loading looks
it up in whatever program loads the model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import EMBEDDED_MALWARE

_CODE_CLASSES = frozenset({"Lambda", "__lambda__"})
_LAYER_WORDS = """
Layer InputLayer Input InputSpec Dense EinsumDense Activation Embedding Masking Conv1D Conv2D Conv3D SeparableConv1D
SeparableConv2D DepthwiseConv1D DepthwiseConv2D Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1D
Convolution2D Convolution3D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D
GlobalAveragePooling3D MaxPool1D MaxPool2D MaxPool3D AvgPool1D AvgPool2D AvgPool3D AdaptiveAveragePooling1D
AdaptiveAveragePooling2D AdaptiveMaxPooling2D LSTM LSTMCell GRU GRUCell LSTMV2 GRUV2 CuDNNLSTM CuDNNGRU SimpleRNN
SimpleRNNCell TimeDistributed Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D RNN StackedRNNCells BatchNormalization
BatchNormalizationV1 BatchNormalizationV2 LayerNormalization UnitNormalization GroupNormalization RMSNormalization
SpectralNormalization Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout AlphaDropout
GaussianNoise ActivityRegularization MultiHeadAttention GroupQueryAttention Attention AdditiveAttention Reshape
Flatten RepeatVector Permute Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
ZeroPadding2D ZeroPadding3D Concatenate Average Maximum Minimum Add Subtract Multiply Dot Merge ReLU Softmax LeakyReLU
PReLU ELU ThresholdedReLU LocallyConnected1D LocallyConnected2D Rescaling Resizing CenterCrop RandomCrop RandomFlip
RandomTranslation RandomRotation RandomZoom RandomContrast RandomBrightness RandomHeight RandomWidth CategoryEncoding
Hashing HashedCrossing Discretization Normalization StringLookup IntegerLookup TextVectorization Wrapper Identity
TFOpLambda SlicingOpLambda ClassMethod InstanceMethod InstanceProperty TensorFlowOpLayer DenseFeatures MelSpectrogram
STFTSpectrogram Functional Sequential Model GetItem Solarization RandomHue RandomSaturation RandomShear
RandomPosterization AutoContrast Equalization MixUp CutMix RandAugment AugMix RandomGrayscale RandomInvert
RandomPerspective RandomGaussianBlur RandomSharpness RandomColorJitter RandomColorDegeneration RandomErasing
RandomElasticTransform Pipeline FlaxLayer JaxLayer LayerScale StochasticDepth
"""
_OTHER_WORDS = """
SGD RMSprop Adam AdamW Adadelta Adagrad Adamax Adafactor Nadam Ftrl Lion Lamb Muon LossScaleOptimizer ExponentialDecay
PiecewiseConstantDecay PolynomialDecay InverseTimeDecay CosineDecay CosineDecayRestarts Zeros Ones Constant
RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal OrthogonalInitializer IdentityInitializer
GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform STFT L1 L2 L1L2 OrthogonalRegularizer MaxNorm
NonNeg UnitNorm MinMaxNorm DTypePolicy DTypePolicyMap FloatDTypePolicy QuantizedDTypePolicy QuantizedFloat8DTypePolicy
Policy AbsMaxQuantizer BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy Poisson KLDivergence
KullbackLeiblerDivergence MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError
CosineSimilarity Huber LogCosh Hinge SquaredHinge CategoricalHinge BinaryFocalCrossentropy
CategoricalFocalCrossentropy Dice Tversky Circle CTC CategoricalGeneralizedCrossEntropy Accuracy BinaryAccuracy
CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy SparseTopKCategoricalAccuracy
RootMeanSquaredError LogCoshError AUC Precision Recall TruePositives TrueNegatives FalsePositives FalseNegatives
F1Score FBetaScore R2Score PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity
MeanIoU IoU BinaryIoU OneHotIoU OneHotMeanIoU Mean MeanMetricWrapper MeanTensor Sum ConcordanceCorrelation
PearsonCorrelation SeedGenerator CompileMetrics CompileLoss TensorShape TypeSpec KerasTensor
"""
_SHORT_WORDS = """
mse mae mape msle acc ce bce kld kl_divergence cosine cosine_proximity logcosh crossentropy linear relu relu6 sigmoid
tanh softmax log_softmax softplus softsign selu elu gelu silu swish mish exponential hard_sigmoid hard_silu hard_swish
hard_tanh hard_shrink soft_shrink tanh_shrink threshold sparse_plus squareplus celu glu leaky_relu log_sigmoid
sparsemax sparse_sigmoid identity uniform normal zero one he_normal loss
"""
_MARK_WORDS = "__tuple__ __tensor__ __numpy__ __typespec__ __bytes__ __ellipsis__ keras_tensor slice"
_MARKS = frozenset(_MARK_WORDS.split())


def _plain(name: str) -> str:
    """A name as Keras compares it: mean_squared_error is MeanSquaredError."""
    return name.replace("_", "").lower()


_KNOWN = (
    frozenset(_plain(word) for words in (_LAYER_WORDS, _OTHER_WORDS, _SHORT_WORDS) for word in words.split()) | _MARKS
)
_ROOTS = (
    "keras.src.",
    "tensorflow.python.keras.",
    "tensorflow.keras.",
    "tf_keras.src.",
    "tf_keras.",
    "keras_core.",
    "keras.",
)
_FAMILY_WORDS = """
layers models activations losses metrics optimizers initializers regularizers constraints dtype_policies quantizers
random ops engine applications mixed_precision backend trainers api feature_column premade_models
"""
_FAMILIES = frozenset(_FAMILY_WORDS.split())
_BARE_MODULES = frozenset({"keras", "builtins", "tf_keras", "keras.src", "keras_core", "tensorflow.keras"})
_IDENTIFIED = ("loss", "metrics", "weighted_metrics", "activation", "recurrent_activation")
_PATH = re.compile(r"[a-z][a-z0-9+.-]{1,20}://|^[/~]|\.\./|^[A-Za-z]:[\\/]", re.IGNORECASE)
_PATH_KEY_WORDS = "vocabulary origin fname file filename filepath url path idf_weights weights_path"
_PATH_KEYS = frozenset(_PATH_KEY_WORDS.split())
_TEXT_START = re.compile(rb'\{\s*"(?:class_name|module|loss|name|layers|build_input_shape|optimizer)"')
_MOST_DECODED = 64 << 20
_LONGEST_TEXT = 32 << 20


def foreign_issue(location: str, name: str, path: str, severity: Severity = Severity.MEDIUM) -> FileIssue:
    """A class or function from outside Keras."""
    return FileIssue(
        rule="keras.foreign_class",
        title=f"The model needs {name[:200]}",
        description="Loading looks it up outside Keras, and its code then runs. Review that code, and pin it.",
        severity=severity,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"path": path[:300], "class": name[:300]},
    )


def lambda_issue(location: str, where: str) -> FileIssue:
    """A layer that is Python bytecode."""
    return FileIssue(
        rule="keras.lambda",
        title="The model has a Lambda layer",
        description=(
            f"{where} is a Lambda layer: Python bytecode stored in the file. It runs when the model is loaded in unsafe "
            "mode, and whenever it predicts. Replace it by a named layer whose source is reviewed."
        ),
        severity=Severity.HIGH,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
    )


def _path_issue(location: str, key: str, value: str, path: str) -> FileIssue:
    return FileIssue(
        rule="keras.outside_file",
        title="Loading the model reads a file or address from outside it",
        description=f"The setting {key!r} names {value[:150]!r}: loading reads or fetches it. Have it stored inside.",
        severity=Severity.HIGH,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"path": path[:300], "value": value[:300]},
    )


def is_own(registered: str) -> bool:
    """Whether a registered name is one that Keras gives its own classes, such as `Keras>Dense`; most of them have none."""
    return registered.lower().startswith(("keras>", "keras."))


def _is_own_module(module: str) -> bool:
    """Whether a module holds layers, losses and the like of Keras. Its utilities, which can fetch files, do not count."""
    if module in _BARE_MODULES:
        return True
    for root in _ROOTS:
        if module.startswith(root):
            return module[len(root) :].split(".", maxsplit=1)[0] in _FAMILIES
    return False


def _nodes(value: object, path: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Every object in the configuration with the path it stands at."""
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        here, found = waiting.pop()
        if isinstance(found, dict):
            yield here, found
            waiting += [(f"{here}.{key}"[-300:], member) for key, member in found.items()]
        elif isinstance(found, list):
            waiting += [(f"{here}[{index}]"[-300:], member) for index, member in enumerate(found)]


def _named(value: object) -> Iterator[str]:
    """Names of losses, metrics or activations, alone or in lists and by output."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, list):
            waiting += found
        elif isinstance(found, dict) and "class_name" not in found:
            waiting += found.values()


def _class_issue(node: dict[str, object], kind: str, path: str, location: str) -> FileIssue | None:
    module, registered, config = node.get("module"), node.get("registered_name"), node.get("config")
    if kind in _CODE_CLASSES:
        return lambda_issue(location, path)
    if isinstance(module, str) and not _is_own_module(module):
        return foreign_issue(location, f"{module}.{kind}", path, Severity.HIGH)
    if kind == "function":
        name = config if isinstance(config, str) else str(registered)
        return None if _plain(name) in _KNOWN else foreign_issue(location, f"the function {name}", path, Severity.HIGH)
    if isinstance(registered, str) and registered and not is_own(registered) and _plain(registered) not in _KNOWN:
        return foreign_issue(location, registered, path)
    is_operation = isinstance(module, str) and ".ops" in module
    if _plain(kind) not in _KNOWN and not is_operation:
        return foreign_issue(location, kind, path)
    return None


def config_issues(config: object, location: str) -> list[FileIssue]:
    """What in a configuration brings code of its own, or reads from outside the file."""
    issues: list[FileIssue] = []
    for path, node in _nodes(config, "config"):
        kind = node.get("class_name")
        if isinstance(kind, str):
            found = _class_issue(node, kind, path, location)
            issues += [found] if found is not None else []
        for key in _IDENTIFIED:
            unknown = [name for name in _named(node.get(key)) if _plain(name) not in _KNOWN and len(name) < 300]
            issues += [foreign_issue(location, name, f"{path}.{key}") for name in unknown[:10]]
        for key in _PATH_KEYS & node.keys():
            value = node[key]
            if isinstance(value, str) and _PATH.search(value[:1000]):
                issues.append(_path_issue(location, key, value, path))
        if len(issues) > 200:
            break
    return issues


def texts_in(content: bytes) -> Iterator[tuple[int, object]]:
    """Offset and value of JSON texts of Keras within other bytes; what is no JSON, or beyond a limit, is passed over."""
    decoder, at, left = json.JSONDecoder(), 0, _MOST_DECODED
    while left > 0 and (found := _TEXT_START.search(content, at)) is not None:
        start = found.start()
        end = content.find(b"\0", start, start + min(_LONGEST_TEXT, left))
        text = content[start : end if end > 0 else start + min(_LONGEST_TEXT, left)].decode("utf-8", "replace")
        left -= 1 + len(text) // 8
        at = start + 1
        try:
            value, length = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            continue
        yield start, value
        at = start + len(text[:length].encode())
        left -= length


def texts_issues(contents: Iterable[bytes], location: str) -> list[FileIssue]:
    """Rules for configurations that stand as text in a file of another kind."""
    return [
        issue for content in contents for _, value in texts_in(content) for issue in config_issues(value, location)
    ][:200]
