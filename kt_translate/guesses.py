"""Likely values for the parameters of a function that nothing in the file tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kt_translate.graph.tensor import Layout, Tensor

_GUESSES: list[tuple[str, Any]] = [
    (r"class|label|categor|n_out|num_out", 10),
    (r"vocab|word|token|max_features", 1000),
    (r"len|steps|seq", 20),
    (r"activ", "relu"),
    (r"name|prefix", "model"),
    (r"drop|rate|alpha|momentum|ratio|decay|^lr$|regular|l2", 0.1),
    (r"weights|path|file|optim|loss|metric|callback|pool$|pooling$", None),
    (r"^(use|is|include|with|has)_|_?(norm|bias)$|^trainable|^training", False),
    (r"kernel|stride|depth|block|layers|repeat|heads", 2),
    (r"pad", "same"),
]


def guess(name: str, text: str, kinds: str) -> Any:
    """A likely value for a parameter that nothing in the file tells; ``kinds``: where the layers are made."""
    if is_tuple(name, text):
        if "Conv3D" in kinds:
            return (16, 32, 32, 1)
        if re.search(r"Conv(?:olution)?2D|\w2D\b", kinds):
            return (64, 64, 3)
        return (20, 8) if re.search(r"Conv1D|LSTM|GRU|RNN|Attention", kinds) else (16,)
    lower = name.lower()
    return next((value for pattern, value in _GUESSES if re.search(pattern, lower)), 16)


def is_called_on(name: str, text: str) -> bool:
    """Whether layers are called on a parameter, or a model begins with it."""
    n = re.escape(name)
    return is_tensor_name(name) and bool(
        re.search(rf"\)\(\[?{n}\b|\bModel\((inputs?\s*=\s*)?{n}\b", text)
    )


def input_of(shape: Sequence[int | None]) -> Tensor:
    return Tensor((None, *shape), "float32", Layout.FIRST if len(shape) > 2 else Layout.LAST)


def is_shape(name: str, text: str) -> bool:
    """Whether a parameter says the shape of an input, or a part of it."""
    n = re.escape(name)
    pattern = rf"(?:shape|input_dim)\s*=\s*(?:[(\[][^)\]=]*?)?\b{n}\b|Input\(\s*[(\[]?\s*{n}\b"
    return bool(re.search(r"shape|input_(size|dim)", name.lower()) or re.search(pattern, text))


def is_tuple(name: str, text: str) -> bool:
    n = re.escape(name)
    whole = rf"\b(?:batch_)?(?:input_)?shape\s*=\s*{n}\s*[,)]|Input\(\s*{n}\s*[,)]|\b{n}\[|\*{n}\b"
    return bool(re.search(whole, text)) or bool(re.search(r"shape", name.lower()))


def is_tensor_name(name: str) -> bool:
    tensors = r"^(x|inputs?|images?|tensor)$|tensor|input_layer|_input$"
    return bool(re.search(tensors, name.lower()))
