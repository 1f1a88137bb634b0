"""Functions of Keras and TensorFlow that call functions of the source: conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import (
    External,
    Function,
    LayerValue,
    Method,
    ModelValue,
    Native,
    Partial,
    Unknown,
)
from kt_translate.graph.conditions import follows_mode
from kt_translate.graph.sym import UNKNOWN, Sym
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import mixed
from kt_translate.ops.values import is_number, is_scalar, number, promoted
from kt_translate.pytorch.expr import Expr, as_expr, torch

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_CALLABLE = (Function, External, Native, Partial, Method, LayerValue, ModelValue)


def is_callable(value: Any) -> bool:
    return isinstance(value, _CALLABLE)


def run(ev: Interpreter, function: Any, *args: Any, **kwargs: Any) -> Any:
    """What a function of the source gives. Raises RuleError where that is not known."""
    from kt_translate.evaluate import calls

    if not is_callable(function):
        raise RuleError("KT203", "a function that is not known is called here")
    result = calls.call(ev, function, list(args), kwargs, None, None)
    if isinstance(result, Unknown):
        raise RuleError("KT203", result.why)
    return result


def training() -> Tensor:
    """Whether the module is in training: a number of the generated code."""
    return number(lambda: Expr("self.training"), [], "bool")


# -- conditions -----------------------------------------------------------------------------------


def _value_of(ev: Interpreter, branch: Any) -> Any:
    return run(ev, branch) if is_callable(branch) else branch


def choose(ev: Interpreter, test: Any, then: Any, orelse: Any) -> Any:
    """One of two values or results of functions: by now, by a setting, or by a tensor at run time."""
    if follows_mode(test):
        test = training()
    if isinstance(test, Sym):
        test = ev.demand(test, "a condition")
    if isinstance(test, Unknown) or test is UNKNOWN:
        raise RuleError("KT203", "a condition that is not known")
    if not isinstance(test, Tensor):
        return _value_of(ev, then if test else orelse)
    return _joined(test, _value_of(ev, then), _value_of(ev, orelse))


def _joined(test: Tensor, a: Any, b: Any) -> Any:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        parts = [_joined(test, x, y) for x, y in zip(a, b)]
        return tuple(parts) if isinstance(a, tuple) else parts
    both = [v for v in (a, b) if isinstance(v, Tensor)]
    if a is b or not all(isinstance(v, Tensor) or is_scalar(v) for v in (a, b)):
        if a is b:
            return a
        raise RuleError("KT203", "the two branches of a condition give what cannot be joined")
    if len(both) == 2 and both[0].rank != both[1].rank:
        raise RuleError("KT203", "the two branches of a condition give tensors of different rank")
    lead = both[0] if both else test
    layout = lead.layout if all(v.rank == lead.rank for v in both) else Layout.LAST
    return _where(test, a, b, both, layout)


def _where(test: Tensor, a: Any, b: Any, both: list[Tensor], layout: Layout) -> Tensor:
    lead = both[0] if both else test
    missing = lead.rank - test.rank if both and 0 < test.rank < lead.rank else 0
    dtype = promoted(*(v.dtype for v in both)) if both else "float32"

    def render(t: Expr, *given: Expr) -> Expr:
        rest = iter(given)
        left, right = (next(rest) if isinstance(v, Tensor) else as_expr(v) for v in (a, b))
        if is_number(test):
            return Expr.conditional(t, left, right)
        condition = t if test.dtype == "bool" else t.bool()
        if missing:
            key = (Ellipsis, *[None] * missing)
            condition = condition[key]
        return torch.where(condition, left, right)

    if missing:
        layout = Layout.LAST
    wants = [layout if test.rank == lead.rank else Layout.LAST, *[layout] * len(both)]
    return mixed(render, [test, *both], lead.shape, dtype, layout, wants)


def cond(ev: Interpreter, pred: Any, true_fn: Any, false_fn: Any) -> Any:
    return choose(ev, pred, true_fn, false_fn)


def switch(ev: Interpreter, condition: Any, then_expression: Any, else_expression: Any) -> Any:
    return choose(ev, condition, then_expression, else_expression)


def ops_switch(ev: Interpreter, index: Any, branches: Any, *operands: Any) -> Any:
    at = decided(index, "the number of the branch")
    return run(ev, branches[max(0, min(at, len(branches) - 1))], *operands)


def in_train_phase(ev: Interpreter, x: Any, alt: Any, training: Any = None) -> Any:
    return choose(ev, _phase(training), x, alt)


def in_test_phase(ev: Interpreter, x: Any, alt: Any, training: Any = None) -> Any:
    return choose(ev, _phase(training), alt, x)


def _phase(given: Any) -> Any:
    return training() if given is None else given
