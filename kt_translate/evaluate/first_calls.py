"""What ``build`` of the source's own layers keeps of the sizes that a layer is called on.

Keras runs it at the first call alone. As long as a layer is called on one size, its class reads that off its input; once
another call has another one, the source is read once more with the first call's among the parameters of the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    LayerValue,
    ModelValue,
    map_tensors,
)
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.nodes import Param, Plan
from kt_translate.graph.sym import Sym, Symbol, known, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_FIRST = "first call"  # of a tensor's facts: its sizes then, by axis; of an object: what it keeps of them


@dataclass(frozen=True)
class FirstSize:
    """An axis of an input of which the layers of a class know the size that their first call had."""

    cls: Any  # where the source defines it
    index: int
    axis: int


def open_sizes(
    ev: Interpreter, cls: Class, inputs: list[Tensor], names: set[str]
) -> Iterator[Param]:
    """The parameters of a class for what its last input was like in the first call."""
    index, shape = len(inputs) - 1, inputs[-1].shape
    for axis, size in enumerate(shape):
        if FirstSize(cls.node, index, axis) not in ev.decided or not isinstance(size, Sym):
            continue
        name = f"first_{size.args[0].name.removeprefix('in_')}"
        while name in names:
            name += "_"
        names.add(name)
        symbol = Symbol(name, size.value, "dim")
        inputs[-1].facts.setdefault(_FIRST, {})[axis] = Sym.of(symbol)
        yield Param(symbol, None, "int")


def build(ev: Interpreter, instance: Instance, function: Function, given: dict[str, Any]) -> None:
    """Run ``build`` of an object on the shapes of its first call."""
    instance.built = True
    ev.run_method(function, instance, *shapes_for(function, given))
    instance.attributes[_FIRST] = frozenset(_told(list(instance.attributes.values())))


def _told(values: list[Any]) -> Iterator[Symbol]:
    """What numbers and the settings of layers speak of."""
    for value in values:
        if isinstance(value, LayerValue):
            yield from symbols_in(list(vars(value.rule).values()))
        elif isinstance(value, Instance):
            yield from symbols_in([value.args, value.kwargs])
        elif isinstance(value, ModelValue):
            yield from _told(value.layers)
        elif isinstance(value, (list, tuple, Sym)):
            yield from symbols_in(value)
            yield from _told(list(value)) if not isinstance(value, Sym) else ()


def shapes_for(build: Function, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What ``build`` is given: the first input's shape, or every input's by its name."""
    shapes = {name: map_tensors(_shape, v) for name, v in given.items() if tensors_in(v)}
    every = build.node.params
    params = [p.name.value for p in (*every.params, *every.kwonly_params)][1:]
    if not params and not isinstance(every.star_arg, cst.Param):
        return [], {}
    if len(params) > 1 and all(p.endswith("_shape") for p in params):
        return [], {p: shapes[p[:-6]] for p in params if p[:-6] in shapes}
    return [next(iter(shapes.values()), None)], {}


def _shape(tensor: Tensor) -> tuple[Any, ...]:
    first = tensor.facts.get(_FIRST, {})
    return tuple(first.get(axis, size) for axis, size in enumerate(tensor.shape))


def note(plan: Plan, inputs: list[Tensor], instance: Instance) -> None:
    """Remember what the class has of the first call's sizes, and which axes it takes to be the same in every call."""
    kept: frozenset[Symbol] = instance.attributes.get(_FIRST, frozenset())
    for index, tensor in enumerate(inputs):
        for axis, size in tensor.facts.get(_FIRST, {}).items():
            plan.first[size.args[0]] = index, axis
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, Sym) and kept & size.symbols:
                plan.same.append((index, axis))


def check(ev: Interpreter, instance: Instance, plan: Plan, tensors: list[Tensor]) -> None:
    """Raises LeftOpen where a call has other sizes than the first one, of which the object keeps them."""
    first = instance.calls[0][1] if instance.calls else tensors
    pairs = [(a, first[a[0]].shape[a[1]], tensors[a[0]].shape[a[1]]) for a in plan.same]
    others = [
        FirstSize(instance.cls.node, *at)
        for at, a, b in pairs
        if isinstance(known(a), int) and isinstance(known(b), int) and known(a) != known(b)
    ]
    if others and not ev.decided.issuperset(others):
        raise LeftOpen(others, everywhere=True)


def table(plan: Plan, instance: Instance, tensors: list[Tensor]) -> dict[Symbol, Any]:
    """What the sizes of the first call are for an object."""
    first = instance.calls[0][1] if instance.calls else tensors
    return {symbol: first[index].shape[axis] for symbol, (index, axis) in plan.first.items()}
