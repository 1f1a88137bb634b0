"""Lists of layers of which loops and conditions say what is in them.

``layers.append(BatchNormalization())`` under ``if use_bn`` leaves a `Chosen` in the list, a loop that appends to it
leaves its `Turns`. What goes through such a list goes through it part by part; whatever else reads it takes the
conditions and the numbers of turns for granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.open_inputs import UnknownInput
from kt_translate.evaluate.values import Instance, LayerValue, ModelValue
from kt_translate.graph.choice import Choice
from kt_translate.graph.lists import of_numbers
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Tensor


@dataclass(eq=False)
class Turns:
    """The layers that a loop adds to a list, among others that are in it."""

    layers: Any  # a LayerList

    @property
    def held(self) -> Any:
        return self.layers


@dataclass(eq=False)
class Chosen:
    """What else is in a list of layers where a condition holds, and where it does not."""

    test: Sym
    then: list[Any]
    orelse: list[Any]

    @property
    def held(self) -> Any:
        return [self.test, *self.then, *self.orelse]


def is_open(value: Any) -> bool:
    """Whether loops or conditions say which layers are in a list, in part at least."""
    return (
        type(value) is list
        and not of_numbers(value)
        and any(isinstance(part, (Turns, Chosen)) for part in value)
    )


def at(value: Any, key: Any) -> Any:
    """``layers[-1]`` where that is the same layer whatever loops and conditions say; None for anything else."""
    if not is_open(value) or type(key) is not int or not -len(value) <= key < len(value):
        return None
    told = value[: key + 1] if key >= 0 else value[key:]
    return None if is_open(told) else value[key]


def is_layer(value: Any) -> bool:
    """Whether a model can call this: a layer or model of Keras's or of the source's, or a choice of some."""
    made = isinstance(value, Instance) and value.use is not None
    return made or isinstance(value, (LayerValue, ModelValue, LambdaValue, Choice))


def is_made(value: Any) -> bool:
    """Whether this is a layer, or an object that has settings for one."""
    return isinstance(value, Instance) or is_layer(value)


def holds_layers(value: Any) -> bool:
    """Whether this is a list that has layers in it, below an input maybe, and nothing else."""
    if not isinstance(value, list):
        return False
    first = value[:1] if value and isinstance(value[0], (Tensor, UnknownInput)) else []
    return all(is_made(part) or isinstance(part, (Turns, Chosen)) for part in value[len(first) :])


def is_row(value: Any) -> bool:
    """Whether a turn of a loop may add this to a list, one after the other."""
    return bool(value) and (
        holds_layers(value) or (isinstance(value, tuple) and all(map(is_made, value)))
    )


def shown(parts: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The layers for the samples."""
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Turns):
            found += shown(part.layers)
        elif isinstance(part, Chosen):
            found += shown(part.then if known(part.test) is True else part.orelse)
        else:
            found.append(part)
    return found
