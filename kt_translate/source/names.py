"""What a dotted name of Keras means, whatever it was called in which version and wherever it was imported from."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_ROOTS = (
    "tensorflow.python.keras",
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.keras",
    "tf.keras",
    "tf_keras.src",
    "tf_keras.api",
    "tf_keras",
    "keras.src",
    "keras.api._v2.keras",
    "keras.api",
    "keras_core",
)
# Keras as TensorFlow 1 has it: a few layers start otherwise, and have declarations of their own.
VERSION_1 = "keras.compat.v1"
_ROOTS_OF_VERSION_1 = (
    VERSION_1,
    "tensorflow.compat.v1.keras",
    "tf.compat.v1.keras",
    "tf_keras.api._v1.keras",
    "keras.api._v1.keras",
)
_LAYERS_OF_VERSION_1 = {f"keras.layers.{name}" for name in ("LSTM", "LSTMCell", "GRU", "GRUCell")}
_FAMILIES = {
    "layers",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "callbacks",
    "datasets",
    "applications",
    "backend",
    "ops",
    "random",
    "utils",
    "preprocessing",
    "models",
    "config",
    "wrappers",
}
_OLD_FAMILIES = {
    "initializations": "initializers",
    "objectives": "losses",
    "engine": "layers",
    "legacy": "layers",
    "optimizer_v1": "optimizers",
    "optimizer_v2": "optimizers",
}
_INSIDE = ("src", "api", "python", "keras", "_impl", "experimental")  # keras.src.layers
_TF_FAMILIES = {"losses", "metrics", "optimizers"}  # whose classes TensorFlow has from Keras
_TOP = {
    "Input",
    "Model",
    "Sequential",
    "Layer",
    "Functional",
    "Network",
    "Variable",
    "KerasTensor",
    "AbstractRNNCell",
}
_SAME_CLASS = {"Functional": "Model", "Network": "Model", "AbstractRNNCell": "Layer"}
_KEEP_PATH = {"datasets", "preprocessing", "config", "wrappers"}
_SAME = {
    "applications._KERAS_BACKEND": "backend",
    "applications._KERAS_LAYERS": "layers",
    "applications._KERAS_MODELS": "models",
    "applications._KERAS_UTILS": "utils",
    "layers.get_source_inputs": "utils.get_source_inputs",
    "layers._Merge": "layers.Add",  # of those that say by themselves how they merge
    "utils.plot": "utils.plot_model",
    "regularizers.WeightRegularizer": "regularizers.L1L2",
    "regularizers.ActivityRegularizer": "regularizers.L1L2",
    "regularizers.l1l2": "regularizers.l1_l2",
    "regularizers.activity_l1": "regularizers.l1",
    "regularizers.activity_l2": "regularizers.l2",
    "regularizers.activity_l1l2": "regularizers.l1_l2",
    "constraints.maxnorm": "constraints.max_norm",
    "constraints.nonneg": "constraints.non_neg",
    "constraints.unitnorm": "constraints.unit_norm",
}


# Functions of ``tf.compat.v1`` that have the names of others in TensorFlow 2.
_OF_TENSORFLOW_1 = {"image.resize": "image.resize_images"}


# Keras 3's own code has there what it shows users as keras.ops.
_OF_KERAS_3_BACKEND = re.compile(r"keras\.backend\.(?:nn|numpy|math|core|linalg|image)\.(\w+)$")


@lru_cache(maxsize=4096)
def canonical(path: str) -> str:
    """``tensorflow.keras.layers.Conv2D``, ``keras.layers.convolutional.Conv2D`` -> ``keras.layers.Conv2D``.

    TensorFlow's own names start with ``tf.``; all else stays as it is.
    """
    below = of_version_1(path)
    if below in ("", "layers"):  # what is looked up in them is not known yet
        return f"{VERSION_1}.{below}".rstrip(".")
    if below is not None:
        name = canonical(f"keras.{below}")
        return f"{name}V1" if name in _LAYERS_OF_VERSION_1 else name
    for root in _ROOTS:
        if path == root or path.startswith(root + "."):
            path = "keras" + path[len(root) :]
            break
    if inner := _OF_KERAS_3_BACKEND.match(path):
        path = f"keras.ops.{inner[1]}"
    if path.startswith("keras.backend.tf."):  # what the backend itself imports
        path = path[len("keras.backend.") :]
    if path == "keras_applications" or path.startswith("keras_applications."):
        path = "keras.applications" + path[len("keras_applications") :]
    for old in ("tf.compat.v1.", "tf.compat.v2.", "tensorflow.compat.v1.", "tensorflow.compat.v2."):
        if path.startswith(old):
            name = path[len(old) :]
            if "v1" in old and any(other.startswith(f"{name}.") for other in _OF_TENSORFLOW_1):
                return f"tf.compat.v1.{name}"
            name = _OF_TENSORFLOW_1.get(name, name) if "v1" in old else name
            return canonical(f"tensorflow.{name}")
    for old in ("tensorflow.python.ops.init_ops_v2.", "tensorflow.python.ops.init_ops."):
        if path.startswith(old):
            return canonical(f"keras.initializers.{path[len(old) :].removesuffix('_initializer')}")
    if re.match(r"tensorflow\.(initializers|losses|metrics|optimizers|regularizers)\.[A-Z]", path):
        path = "keras" + path[len("tensorflow") :]  # TensorFlow 2 has Keras's classes there too
    if path == "tensorflow" or path.startswith("tensorflow."):
        path = "tf" + path[len("tensorflow") :]
    if path.startswith("tf."):
        family, _, last = path[len("tf.") :].rpartition(".")
        is_keras = family == "initializers" or (family in _TF_FAMILIES and last[:1].isupper())
        return canonical(f"keras.{family}.{last}") if is_keras else path
    if not path.startswith("keras."):
        return path
    name = _below_keras(path.split(".")[1:])
    return f"keras.{_SAME.get(name, name)}"


def _below_keras(parts: list[str]) -> str:
    while parts[0] in _INSIDE and len(parts) > 1:
        if parts[0] == "experimental" and parts[1].endswith(("Decay", "DecayRestarts")):
            return f"optimizers.schedules.{parts[1]}"
        parts = parts[1:]
    if parts[0] == "legacy" and len(parts) > 2 and parts[1] in _FAMILIES:
        parts = parts[1:]
    last = parts[-1]
    family = _OLD_FAMILIES.get(parts[0], parts[0])
    if last in _TOP:
        return _SAME_CLASS.get(last, last)
    if family not in _FAMILIES or len(parts) == 1 or family in _KEEP_PATH:
        return ".".join([family, *parts[1:]])
    return _OF_FAMILY.get(family, _flat)(family, parts)


def _flat(family: str, parts: list[str]) -> str:
    return f"{family}.{parts[-1]}"


def _layer(family: str, parts: list[str]) -> str:
    """Modules within modules keep their path: what is looked up in them is not known yet."""
    last = parts[-1]
    kept = len(parts) > 2 and last[:1].islower() and last not in _LAYER_FUNCTIONS
    return ".".join([family, *parts[1:]]) if kept else f"{family}.{last}"


def _optimizer(family: str, parts: list[str]) -> str:
    for kind in ("schedules", "legacy"):
        if kind in parts[1:-1]:
            return f"{family}.{kind}.{parts[-1]}"
    return f"{family}.{parts[-1]}"


def _op(family: str, parts: list[str]) -> str:
    if len(parts) > 2 and parts[1] in ("image", "linalg"):
        return f"{family}.{parts[1]}.{parts[-1]}"
    known = len(parts) > 2 and parts[1] in ("nn", "numpy", "math", "core", "operation")
    return f"{family}.{parts[-1]}" if known else ".".join([family, *parts[1:]])


def _backend(family: str, parts: list[str]) -> str:
    backends = ("tensorflow_backend", "theano_backend", "cntk_backend", "common", "load_backend")
    return family if parts[-1] in backends else f"{family}.{parts[-1]}"


def _application(family: str, parts: list[str]) -> str:
    """Models by their name; the functions of a model's module stay with it."""
    last = parts[-1]
    if last == "relu6":
        return "activations.relu6"
    if last in ("DepthwiseConv2D", "BilinearUpsampling"):
        return f"layers.{last}"
    return f"{family}.{last}" if last[:1].isupper() else ".".join([family, *parts[1:]])


def _utility(family: str, parts: list[str]) -> str:
    known = len(parts) > 2 and parts[1].endswith(("_utils", "_util"))
    return f"{family}.{parts[-1]}" if known else ".".join([family, *parts[1:]])


_OF_FAMILY: dict[str, Callable[[str, list[str]], str]] = {
    "layers": _layer,
    "optimizers": _optimizer,
    "ops": _op,
    "backend": _backend,
    "applications": _application,
    "utils": _utility,
}

# Keras's modules, as functions that work with any Keras are handed them: build(**kwargs), layers = kwargs["layers"].
SUBMODULES = {name: f"keras.{name}" for name in ("backend", "layers", "models", "utils")}

# The functions beside the merging layers: add([a, b]) is Add()([a, b]).
MERGE_FUNCTIONS = {
    "add",
    "subtract",
    "multiply",
    "average",
    "maximum",
    "minimum",
    "concatenate",
    "dot",
}
_LAYER_FUNCTIONS = {*MERGE_FUNCTIONS, "merge", "get_source_inputs"}


def of_version_1(path: str) -> str | None:
    """The path below Keras of what ``tf.compat.v1`` has of it; None for what is not Keras's, or of another version."""
    for root in _ROOTS_OF_VERSION_1:
        if path == root or path.startswith(root + "."):
            return path[len(root) + 1 :]
    return None


def is_keras(path: str) -> bool:
    return path == "keras" or path.startswith("keras.")
