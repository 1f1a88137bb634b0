"""Which parameters of a builder are shapes of its inputs, and what is likely for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

SHAPES = ((64, 64, 3), (32, 32, 32, 1), (20, 8), (16,))


def is_shape(name: str, text: str) -> bool:
    """Whether a parameter says the shape of an input, or a part of it."""
    n = re.escape(name)
    pattern = rf"(?:shape|input_dim)\s*=\s*(?:[(\[][^)\]=]*?)?\b{n}\b|Input\(\s*[(\[]?\s*{n}\b"
    return bool(re.search(r"shape|input_(size|dim)", name.lower()) or re.search(pattern, text))


def is_tuple(name: str, text: str) -> bool:
    n = re.escape(name)
    whole = rf"\b(?:batch_)?(?:input_)?shape\s*=\s*{n}\s*[,)]|Input\(\s*{n}\s*[,)]|\b{n}\[|[(\[,]\s*\*{n}\b"
    in_parentheses = rf"\b(?:Input\(|(?:batch_)?(?:input_)?shape\s*=)\s*\(\s*{n}\s*\)"
    inputs = _WEIGHT.sub("", text)  # of which the only size may be said like that
    found = re.search(whole, text) or re.search(in_parentheses, inputs) or is_part(name, text)
    return bool(found or re.search(r"shape", name.lower()))


def is_part(name: str, text: str) -> bool:
    """Whether a parameter is the shape of an input but for its channels: ``Input(size + (3,))``."""
    n = rf"(?:(?:tuple|list)\(\s*{re.escape(name)}\s*\)|{re.escape(name)})"
    more = rf"{n}\s*\+\s*[(\[]|\(\s*\*{n}\s*,|\[\s*\*{n}\s*,"
    return bool(re.search(rf"\b(?:Input\(|(?:input_)?shape\s*=)\s*(?:{more})", text))


def as_said(names: Iterable[str], text: str, shape: tuple[int | None, ...]) -> Any:
    """What a parameter with these names says of the shape of an input: all, or all but its channels."""
    return shape[:-1] if any(is_part(name, text) for name in names) else shape


def likely_shape(text: str, kinds: str) -> tuple[int, ...]:
    """The shape of an input by what is made of it."""
    if re.search(r"TimeDistributed\(\s*[\w.]*2D\b", text):
        return (5, 64, 64, 3)
    picture = re.search(r"Conv(?:olution)?2D|\w2D\b", kinds)
    for_either = picture and re.search(r"\blen\([\w.]+\)\s*==\s*3\b", text)
    if re.search(r"\w3D\b", kinds) and not for_either:
        return (16, 32, 32, 1)
    if picture:
        return (64, 64, 3)
    return (20, 8) if re.search(r"\w1D\b|LSTM|GRU|RNN|Attention|Flatten", kinds) else (16,)


_WEIGHT = re.compile(r"\badd_(?:weight|variable)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")


def is_tensor_name(name: str) -> bool:
    tensors = r"^(x|inputs?|images?|tensor)$|tensor|input_layer|_input$"
    return bool(re.search(tensors, name.lower()))


def roomier(value: Any) -> Any:
    """The shape of a larger picture: what halves it often may come to nothing otherwise."""
    if not isinstance(value, tuple) or len(value) < 3:
        return value
    return (*[224 if len(value) == 3 else 128] * (len(value) - 1), value[-1])


def other_shapes(guessed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same with shapes of other ranks, where one was guessed."""
    shapes = {n: v for n, v in guessed.items() if isinstance(v, tuple)}
    ranks = set(map(len, shapes.values()))
    lower = [shape for shape in SHAPES if all(len(shape) < rank for rank in ranks)]
    higher = [shape for shape in reversed(SHAPES) if ranks == {1} and len(shape) > 1]
    for shape in [*lower, *higher] if shapes else ():
        yield guessed | dict.fromkeys(shapes, shape)
