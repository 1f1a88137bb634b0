"""Regularizers and constraints of the source's own: functions of a weight, or objects that are called on one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import calls
from kt_translate.evaluate.captured import captured
from kt_translate.evaluate.inlined import written
from kt_translate.evaluate.values import (
    External,
    Function,
    Instance,
    Method,
    Native,
    Partial,
    Unknown,
)
from kt_translate.graph.objects import WeightCode, regularizer
from kt_translate.graph.region import CURRENT, Node, OpNode, Region
from kt_translate.graph.sym import symbols_in
from kt_translate.graph.tensor import Layout, Tensor, to_last
from kt_translate.layers.constraints import constraint, keras_order
from kt_translate.layers.layer import Layer, RuleError
from kt_translate.pytorch.expr import Expr, as_expr

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


_REDUCTIONS = {"reduce", "mean", "amax", "amin"}


def is_own(value: Any) -> bool:
    """Whether it is code, and not one of Keras's regularizers or constraints."""
    if isinstance(value, External):
        return not value.path.startswith("keras.")
    return isinstance(value, (Function, Instance, Method, Native, Partial))


def settle(ev: Interpreter, rule: Layer) -> None:
    """Give a layer's own regularizers and constraints as code; leave out what has none, with a warning."""
    for parameter, prefix in rule.parameters():
        for setting in ("regularizer", "constraint"):
            value = getattr(rule, f"{prefix}_{setting}", None)
            if value is None:
                continue
            try:
                if is_own(value):
                    order = keras_order(rule, parameter)
                    made = _code(ev, value, Tensor((None,) * len(order)), order)
                    if made.by_place and rule.keras_kind == "gru":
                        raise RuleError("KT203", "PyTorch has a GRU's gates in another order")
                    setattr(rule, f"{prefix}_{setting}", made)
                elif setting == "regularizer":
                    regularizer(value)
                else:
                    constraint(value, rule, parameter)
            except RuleError as error:
                left_out(ev, f"the {setting} of the {prefix} of {type(rule).__name__}", error)
                setattr(rule, f"{prefix}_{setting}", None)


def of_weight(ev: Interpreter, setting: str, value: Any, weight: Tensor) -> Any:
    """The same for a weight of a layer of the source's own, which is laid out as in Keras."""
    if not is_own(value):
        return value
    try:
        return _code(ev, value, Tensor(weight.shape), tuple(range(weight.rank)))
    except RuleError as error:
        left_out(ev, f"the {setting} of a weight", error)
        return None


def of_output(ev: Interpreter, value: Any, output: Tensor) -> WeightCode:
    """The penalty of what a layer gives. Raises RuleError where it cannot be told."""
    order = to_last(output.rank) if output.layout is Layout.FIRST else range(output.rank)
    return _code(ev, value, Tensor(output.shape), tuple(order), "x")


def left_out(ev: Interpreter, what: str, error: RuleError) -> None:
    ev.note("KT208", f"{what} is left out: {error.message}")


def _code(
    ev: Interpreter,
    function: Any,
    weight: Tensor,
    order: tuple[int | None, ...],
    name: str = "weight",
) -> WeightCode:
    """``lambda weight: ...``: ``order`` has PyTorch's dimension for each axis of Keras's.

    Raises:
        RuleError: it hangs on more than the weight, or on axes that PyTorch's parameter does not have.
    """
    settings = function.attributes if isinstance(function, Instance) else function
    if symbols_in(settings) or set(captured(function)):
        raise RuleError("KT203", "it hangs on a parameter")
    region = Region()
    CURRENT.append(region)
    try:
        result = calls.call(ev, function, [weight], {}, None, None)
    finally:
        CURRENT.pop()
    if isinstance(result, Unknown):
        raise RuleError("KT203", result.why)
    given = Expr(name)
    if not isinstance(result, Tensor):
        return WeightCode(Expr(f"lambda {name}: {as_expr(result)}"))
    alike = all(_is_alike(n) or _is_of_all(n) for n in region.nodes)
    moved = not alike and order != tuple(range(len(order)))
    if moved and None in order:
        raise RuleError("KT203", "PyTorch's parameter has other axes")
    seen = given.permute(*order) if moved else given
    body = written(result, {id(weight): seen}, Layout.LAST, given.device)
    if moved and result.rank == weight.rank:
        body = body.permute(*(order.index(axis) for axis in range(len(order))))
    by_place = not all(_is_alike(n) or _reduces(n) for n in region.nodes)
    return WeightCode(Expr(f"lambda {name}: {body}"), by_place)


def _is_alike(node: Node) -> bool:
    """Whether something happens to all elements alike, wherever they stand."""
    return isinstance(node, OpNode) and node.pointwise


def _reduces(node: Node) -> bool:
    """Whether elements are brought together whose order among each other is nothing to the result."""
    return isinstance(node, OpNode) and node.label in _REDUCTIONS


def _is_of_all(node: Node) -> bool:
    return _reduces(node) and all(t.rank == 0 for t in node.outputs)
