"""Names that ``from module import *`` brings from modules outside the project."""

from __future__ import annotations

import math
from typing import Any

from kt_translate.evaluate import applications, array_functions, standard
from kt_translate.evaluate.callers import CALLING
from kt_translate.evaluate.external import outside
from kt_translate.evaluate.values import Scope
from kt_translate.layers.layer import REGISTRY
from kt_translate.layers.legacy import GONE, RENAMED
from kt_translate.ops.op import OPS
from kt_translate.source.names import MERGE_FUNCTIONS, VERSION_1, canonical

_NAMES: dict[str, frozenset[str]] = {
    "keras": frozenset({"Input", "Model", "Sequential"}),
    "keras.models": frozenset(
        {
            "Input",
            "Layer",
            "Model",
            "Sequential",
            "load_model",
            "clone_model",
            "model_from_json",
            "model_from_yaml",
        }
    ),
    "keras.optimizers": frozenset(
        {
            "Adam",
            "AdamW",
            "Adamax",
            "Adadelta",
            "Adagrad",
            "Ftrl",
            "Lion",
            "Nadam",
            "RMSprop",
            "SGD",
            "Optimizer",
        }
    ),
    "keras.regularizers": frozenset(
        {"L1", "L2", "L1L2", "l1", "l2", "l1_l2", "Regularizer", "OrthogonalRegularizer"}
    ),
    "keras.constraints": frozenset(
        {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "max_norm", "non_neg", "unit_norm"}
    ),
    "keras.initializers": frozenset(
        {
            *(
                "Constant",
                "Ones",
                "Zeros",
                "Identity",
                "Orthogonal",
                "VarianceScaling",
                "Initializer",
            ),
            *("RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotNormal", "GlorotUniform"),
            *("HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
            *(
                "glorot_normal",
                "glorot_uniform",
                "he_normal",
                "he_uniform",
                "lecun_normal",
                "lecun_uniform",
            ),
        }
    ),
    "keras.callbacks": frozenset(
        {
            *(
                "Callback",
                "CSVLogger",
                "EarlyStopping",
                "History",
                "LambdaCallback",
                "LearningRateScheduler",
            ),
            *(
                "ModelCheckpoint",
                "ReduceLROnPlateau",
                "RemoteMonitor",
                "TensorBoard",
                "TerminateOnNaN",
            ),
        }
    ),
    "keras.utils": frozenset(
        {
            "to_categorical",
            "plot_model",
            "get_file",
            "Sequence",
            "normalize",
            "get_source_inputs",
            "multi_gpu_model",
        }
    ),
    "keras.datasets": frozenset(
        {"mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "boston_housing"}
    ),
    "keras.losses": frozenset(
        {
            *(
                "binary_crossentropy",
                "categorical_crossentropy",
                "sparse_categorical_crossentropy",
                "mse",
                "mae",
            ),
            *(
                "mean_squared_error",
                "mean_absolute_error",
                "hinge",
                "kullback_leibler_divergence",
                "cosine_similarity",
            ),
            *(
                "BinaryCrossentropy",
                "CategoricalCrossentropy",
                "SparseCategoricalCrossentropy",
                "Huber",
            ),
            *("MeanSquaredError", "MeanAbsoluteError", "KLDivergence", "Loss"),
        }
    ),
    "keras.layers": frozenset(
        {
            "Input",
            "Layer",
            "Lambda",
            "InputLayer",
            "InputSpec",
            "Wrapper",
            "merge",
            *MERGE_FUNCTIONS,
            *RENAMED,
            *GONE,
        }
    ),
}
_KERAS_ROOT: tuple[str, ...] = (
    "layers",
    "models",
    "optimizers",
    "regularizers",
    "initializers",
    "backend",
    "losses",
    "utils",
    "ops",
)
_KERAS_ROOT += (
    "callbacks",
    "constraints",
    "activations",
    "applications",
    "datasets",
    "metrics",
    "preprocessing",
)


def has(module: str, name: str) -> bool:
    """Whether a module from outside brings a name along."""
    module = module.replace(VERSION_1, "keras")
    if name in _NAMES.get(module, ()):
        return True
    if module == "keras":
        return name in _KERAS_ROOT
    if module == "keras.layers":
        return name in REGISTRY
    if module == "keras.applications":
        folder = applications.installed()
        return folder is not None and name in applications.names(folder)
    if module == "math":
        return hasattr(math, name)
    if module == "numpy" and name in array_functions.NAMES:
        return True
    path = f"{module}.{name}"
    return any(path in table for table in (OPS, CALLING, standard.FUNCTIONS, standard.CONSTANTS))


def starred(scope: Scope, name: str) -> Any:
    """What a name means by a star import of a module's scope, the last of them first; None if none has it."""
    for module in reversed(scope.module.names.get("*", [])):
        if has(module, name):
            return outside(canonical(f"{module}.{name}"))
    return None
