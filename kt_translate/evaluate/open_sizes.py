"""What data decides of layers: a size that only data tells is a parameter of the classes.

``Dense(len(chars))`` makes ``num_chars`` one, ``Embedding(vocab_size, 64)`` ``vocab_size``, whatever the source
computes that from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.constructors import constructor_of
from kt_translate.evaluate.values import Array, Class, Unknown, plain
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.operators import BINARY
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known
from kt_translate.layers.layer import REGISTRY

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

SAMPLE = 64  # of a size that is not known
_SIZES = {"units", "filters", "input_dim", "output_dim", "input_length", "n"}
_SHAPES = {"input_shape", "target_shape"}
_BATCH_SHAPES = {"batch_input_shape", "batch_shape"}


def opened(
    ev: Interpreter, layer: str, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a layer, with parameters in place of the sizes that are not known.

    Weights that it starts with are left out: they come with those that are loaded.
    """
    for key in [k for k, v in kwargs.items() if k.endswith("_initializer") and _of_data(v)]:
        ev.note("KT402", f"{key} of this {layer} is made of data: loaded weights have it")
        kwargs = {k: v for k, v in kwargs.items() if k != key}
    names = list(REGISTRY[layer].defaults)
    args = [_setting(ev, name, value) for name, value in zip(names, args)] + args[len(names) :]
    return args, {k: _setting(ev, k, v) for k, v in kwargs.items()}


_COUNTS = {"len", "max", "min", "sum", "int", "round", "abs"}


_COUNTED = re.compile(
    r"vocab|^max_features$|^(num|n)_(word|token|char|class|label|user|item|movie|entit|feature)"
)


def of_own_class(
    ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a layer of the source: what counts data is a parameter, anything else stays as it is."""
    init = constructor_of(cls)
    names = [] if init is None else [p.name.value for p in init.node.params.params[1:]]
    names += [""] * (len(args) - len(names))
    return (
        [_number(ev, value, name) for value, name in zip(args, names)],
        {name: _number(ev, value, name) for name, value in kwargs.items()},
    )


def _number(ev: Interpreter, value: Any, name: str) -> Any:
    """It counts data by what it is made of, or by the name that the layer has for it."""
    counts = _counts_data(value) or (_COUNTED.search(name) and isinstance(value, Unknown))
    return open_size(ev, value, name) if counts else value


def _counts_data(value: Any) -> bool:
    if not isinstance(value, Unknown) or value.parts is None:
        return False
    how, whole, part = value.parts
    if how == "[]":
        of = whole.parts if isinstance(whole, Unknown) else None
        return of is not None and (of[0], of[2]) == (".", "shape") and isinstance(part, int)
    return how in _COUNTS or (how in BINARY and (_counts_data(whole) or _counts_data(part)))


def _setting(ev: Interpreter, name: str, value: Any) -> Any:
    if name in _SHAPES:
        return open_shape(ev, value)
    if name in _BATCH_SHAPES and isinstance(value, (tuple, list)):
        batch = None if isinstance(value[0], Unknown) else value[0]
        return (batch, *open_shape(ev, value[1:]))
    return open_size(ev, value) if name in _SIZES else value


def _of_data(initializer: Any) -> bool:
    values = [initializer]
    if isinstance(initializer, KerasObject):
        values += [*initializer.args, *initializer.kwargs.values()]
    return any(isinstance(v, (Unknown, Array)) for v in values)


def left_open(ev: Interpreter, shape: Any) -> tuple[Any, ...]:
    """A shape of data whose last axis is known: what is not known of the others is left open."""
    if any(isinstance(s, Unknown) for s in shape):
        said = tuple(None if isinstance(s, Unknown) else s for s in shape)
        ev.note(
            "KT101",
            f"the size of this input comes from data: {known(said)} was taken, where None is any size",
        )
        return said
    return tuple(shape)


def open_shape(ev: Interpreter, shape: Any) -> Any:
    """A shape of so many axes: the sizes that are not known are parameters."""
    if isinstance(shape, (tuple, list)):
        return type(shape)(open_size(ev, size) for size in shape)
    return shape


def open_size(ev: Interpreter, value: Any, called: str = "") -> Any:
    """A number; if it is not known, a parameter. ``called``: what it is for the layer that takes it."""
    if not isinstance(value, Unknown) or value.many or value.node is None:
        return value
    said = value.name or ev.source.code(value.node)
    name = value.name or called
    if not name or (name in ev.open_sizes and ev.open_sizes[name].origin != said):
        name = value.name or _name_of(value.node, said)
    own = _of_argument(value)
    if isinstance(own, Sym):
        return Sym(own.head, own.args, SAMPLE)
    if value.name is None and value.parts is not None and value.parts[0] in BINARY:
        op, *sides = value.parts
        return Sym.binary(op, *(open_size(ev, side) for side in sides))
    if name in ev.settings:
        ev.used_settings.add(name)
        return ev.settings[name]
    symbol = ev.open_sizes.get(name)
    if symbol is None:
        symbol = ev.open_sizes[name] = Symbol(name, SAMPLE, "data", said)
        shown = name if name == said else f"{name} ({said})"
        ev.note(
            "KT101",
            f"{shown} comes from data: {told_by_weights(['it'])}",
            f"--set {name}=NUMBER says it here",
        )
    return Sym.of(symbol)


def open_input(name: str) -> Symbol:
    """The width of an input of which nothing is known, as a parameter."""
    return Symbol(name, SAMPLE, "data", f"the width of the input ({name})")


def told_by_weights(names: Sequence[str]) -> str:
    many = len(names) > 1
    one, it = ("are parameters", "they are") if many else ("is a parameter", "it is")
    return f"{', '.join(names)} {one}, told by the weights where {it} left out"


def _of_argument(value: Any) -> Any:
    """What is asked of data that a function is given: ``x.shape[1]``. None for all other values."""
    if isinstance(value, Sym) or not isinstance(value, Unknown) or value.parts is None:
        return value if isinstance(value, Sym) else None
    how, whole, part = value.parts
    owner = _of_argument(whole)
    if owner is None or not plain(part):
        return None
    if how == ".":
        return Sym("attribute", (owner, part), UNKNOWN)
    if how == "[]":
        return Sym("index", (owner, part), UNKNOWN)
    return Sym("call", (how, owner), UNKNOWN) if how == "len" else None


def _name_of(node: Any, said: str) -> str:
    """What a number is called that the source has no name for."""
    if isinstance(node, cst.Call) and said.startswith("len("):
        return f"num_{_word(said[4:-1])}"
    return _word(said)


def _word(text: str) -> str:
    text = re.sub(r"-(?=\d)", "last_", text)  # x.shape[-2] is no x.shape[2]
    word = re.sub(r"\W+", "_", text).strip("_").lower()
    return word if word[:1].isalpha() else f"size_{word}"
