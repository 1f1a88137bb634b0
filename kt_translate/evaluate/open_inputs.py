"""Inputs of which the source tells nothing: the layers that are called on them tell how many axes they have.

The source is read once for that, and again with what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.open_sizes import open_input, told_by_weights
from kt_translate.evaluate.values import LayerValue, Unknown
from kt_translate.graph.sym import Sym, substitute, symbols_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Shape = tuple[Any, ...]


class UnknownInput(Unknown):
    """An input of unknown shape, and the layers on the way from it."""

    def __init__(self, line: int) -> None:
        super().__init__("an input of unknown shape", line)
        self.layers: list[Any] = []


def made(ev: Interpreter) -> UnknownInput:
    """The input that the statement at hand makes."""
    unknown: UnknownInput = ev.inputs.setdefault(_place(ev), UnknownInput(ev.line))
    return unknown


def likely(ev: Interpreter) -> Shape | None:
    """The shape that the input made here has most likely, if the source was read before."""
    shape: Shape | UnknownInput | None = ev.inputs.get(_place(ev))
    if isinstance(shape, UnknownInput):
        return None
    if shape is not None:
        fresh = {s: Sym.of(open_input(s.name)) for s in symbols_in(shape)}  # for each input its own
        shape = tuple(substitute(size, fresh) for size in shape)
        widths = [s.name for s in symbols_in(shape)]
        shown = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
        told = f" ({told_by_weights(widths)})" if widths else ""
        ev.note("KT101", f"the shape of this input comes from data: {shown} was taken{told}")
    return shape


def called(ev: Interpreter, layer: LayerValue, inputs: Any) -> Unknown:
    """What a layer gives that is called on what is not known."""
    result = Unknown("a layer called on what is not known", ev.line)
    for value in inputs if isinstance(inputs, (list, tuple)) else [inputs]:
        if isinstance(value, Unknown):
            result.parts = ("layer", value, layer)
            learn(value.origin, layer)
    return result


def learn(unknown: Any, layer: Any) -> None:
    """A layer comes after what may be an input of unknown shape."""
    if isinstance(unknown, UnknownInput):
        unknown.layers.append(layer)


def _place(ev: Interpreter) -> tuple[str, int]:
    return ev.source.name, ev.line
