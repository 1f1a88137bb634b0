"""What ``*values`` and ``**values`` give to a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import indexing
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.values import External, Function, Unknown, items_of
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.layers.layer import EMPTY, REGISTRY

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def arguments(
    ev: Interpreter, function: Any, before: int, value: Any, node: cst.BaseExpression
) -> list[Any]:
    """The arguments of ``function(..., *value)``; of what is not known, as many as a layer of Keras's has to be given."""
    demand_length(ev, value, "the number of arguments")
    items = items_of(value, None)
    if items is not None:
        return items
    path = function.path if isinstance(function, External) else ""
    rule = REGISTRY.get(path.removeprefix("keras.layers."))
    needed = [] if rule is None else [d for _, d in rule.signature() if d is EMPTY][before:]
    if not needed:
        return [Unknown("arguments of what is not known", ev.line)]
    return [_item(ev, value, i, node) for i in range(len(needed))]


def last_sizes(ev: Interpreter, shape: Any, key: Any, node: cst.BaseExpression) -> Any:
    """``data.shape[-2:]`` of data that is not known: its last sizes, each by itself. None for anything else."""
    ends = isinstance(key, slice) and (key.stop, key.step) == (None, None)
    if not ends or not isinstance(key.start, int) or key.start >= 0 or not _is_shape(shape):
        return None
    return tuple(_item(ev, shape, place, node) for place in range(key.start, 0))


def _is_shape(value: Any) -> bool:
    """Whether it is the shape of what is not known."""
    if isinstance(value, Unknown):
        return value.parts is not None and (value.parts[0], value.parts[2]) == (".", "shape")
    said = isinstance(value, Sym) and value.head == "attribute"
    return said and value.args[1] == "shape" and value.value is UNKNOWN


def _item(ev: Interpreter, value: Any, place: int, node: cst.BaseExpression) -> Any:
    found = indexing.index(ev, value, place)
    if isinstance(found, Unknown):
        key = cst.SubscriptElement(cst.Index(cst.parse_expression(str(place))))
        found.node = cst.Subscript(node, [key])
    return found


def named(
    ev: Interpreter, function: Any, args: list[Any], kwargs: dict[str, Any], value: Any
) -> dict[str, Any]:
    """The arguments of ``function(*args, **kwargs, **value)``. A dict that is a parameter is handed on as it is."""
    if isinstance(value, Sym) and isinstance(value.value, dict) and _gathers(function):
        return _handed_on(ev, function, args, kwargs, value)
    if isinstance(value, Sym):
        value = ev.demand(value, "arguments")
    if isinstance(value, dict):
        return {str(known(k)): v for k, v in value.items()}
    if isinstance(function, External) and function.path.startswith("keras.layers."):
        return {"**": Unknown("arguments that are not known", ev.line)}
    return {}


def _gathers(function: Any) -> bool:
    """Whether it is a function of the source that has ``**params``."""
    return isinstance(function, Function) and function.node.params.star_kwarg is not None


def _handed_on(
    ev: Interpreter, function: Function, args: list[Any], kwargs: dict[str, Any], value: Sym
) -> dict[str, Any]:
    """The dict as a whole, and by name what the function has a parameter for; it is taken for granted which those are."""
    params = function.node.params
    names = [p.name.value for p in (*params.posonly_params, *params.params)][len(args) :]
    names += [p.name.value for p in params.kwonly_params]
    found: dict[str, Any] = {}
    for name in names:
        if name not in kwargs and ev.demand(Sym.binary("in", name, value), "what is an argument"):
            found[name] = Sym.index(value, name)
    assert params.star_kwarg is not None
    return {**found, f"**{params.star_kwarg.name.value}": value}
