"""What a dotted name of Keras means, whatever it was called in which version and wherever it was imported from."""

from __future__ import annotations

from functools import lru_cache

_ROOTS = (
    "tensorflow.python.keras",
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.keras",
    "tf_keras.src",
    "tf_keras.api",
    "tf_keras",
    "keras.src",
    "keras.api._v2.keras",
    "keras.api._v1.keras",
    "keras.api",
    "keras_core",
)
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
}
_OLD_FAMILIES = {
    "initializations": "initializers",
    "objectives": "losses",
    "engine": "layers",
    "legacy": "layers",
    "wrappers": "layers",
}
_TOP = {
    "Input",
    "Model",
    "Sequential",
    "Layer",
    "Functional",
    "Variable",
    "InputLayer",
    "KerasTensor",
}
_KEEP_PATH = {"datasets", "applications", "utils", "preprocessing", "config"}
_SAME = {
    "layers.InputLayer": "layers.InputLayer",
    "models.load_model": "models.load_model",
    "Functional": "Model",
}


@lru_cache(maxsize=4096)
def canonical(path: str) -> str:
    """``tensorflow.keras.layers.Conv2D``, ``keras.layers.convolutional.Conv2D`` -> ``keras.layers.Conv2D``.

    TensorFlow's own names start with ``tf.``; all else stays as it is.
    """
    for root in _ROOTS:
        if path == root or path.startswith(root + "."):
            path = "keras" + path[len(root) :]
            break
    if path.startswith("tensorflow.compat.v1.") or path.startswith("tensorflow.compat.v2."):
        path = "tensorflow." + path[len("tensorflow.compat.v1.") :]
    if path == "tensorflow" or path.startswith("tensorflow."):
        return "tf" + path[len("tensorflow") :]
    if not path.startswith("keras."):
        return path
    return _canonical_keras(path)


def _canonical_keras(path: str) -> str:
    parts = path.split(".")[1:]
    while (
        parts and parts[0] in ("src", "api", "python", "keras", "experimental") and len(parts) > 1
    ):
        parts = parts[1:]
    last = parts[-1]
    family = _OLD_FAMILIES.get(parts[0], parts[0])
    if last in _TOP and last != "InputLayer":
        return "keras." + _SAME.get(last, last)
    if family not in _FAMILIES or len(parts) == 1:
        return "keras." + ".".join([family, *parts[1:]])
    if family == "optimizers":
        if "schedules" in parts[1:-1]:
            return f"keras.optimizers.schedules.{last}"
        if "legacy" in parts[1:-1]:
            return f"keras.optimizers.legacy.{last}"
        return f"keras.optimizers.{last}"
    if family in _KEEP_PATH:
        return "keras." + ".".join([family, *parts[1:]])
    if (
        family == "ops"
        and len(parts) > 2
        and parts[1] in ("image", "linalg", "nn", "numpy", "math", "core")
    ):
        return (
            f"keras.ops.{parts[1]}.{last}"
            if parts[1] in ("image", "linalg")
            else f"keras.ops.{last}"
        )
    if (
        len(parts) > 2
        and last[:1].islower()
        and family == "layers"
        and last not in {*MERGE_FUNCTIONS, "merge"}
    ):
        return "keras." + ".".join([family, *parts[1:]])
    return f"keras.{family}.{last}"


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


def is_keras(path: str) -> bool:
    return path == "keras" or path.startswith("keras.")
