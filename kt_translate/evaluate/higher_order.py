"""Functions of Keras and TensorFlow that call functions of the source: conditions, maps, loops."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.inlined import inlined
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
from kt_translate.graph.region import derived
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import mixed, tensor
from kt_translate.ops.values import is_number, is_scalar, number, promoted
from kt_translate.pytorch.expr import Expr, as_expr, torch

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_UNROLLED = 512
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


# -- loops ----------------------------------------------------------------------------------------


def _turns(size: Any, what: str) -> int:
    found = known(size)
    if not isinstance(found, int) or isinstance(found, bool):
        raise RuleError("KT203", f"{what} of a length that is not known")
    if found > MAX_UNROLLED:
        raise RuleError("KT203", f"{what} of {found} turns")
    return found


def _element(x: Tensor, i: int, axis: int = 0) -> Tensor:
    """``x[i]``, or ``x[:, i]``."""
    key: Any = i if axis == 0 else (slice(None), i)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return derived(lambda e: e[key], [x], shape, x.dtype, label="index")


def _elements(xs: Any, i: int, axis: int = 0) -> Any:
    if isinstance(xs, (list, tuple)):
        return type(xs)(_elements(x, i, axis) for x in xs)
    if isinstance(xs, dict):
        return {k: _elements(x, i, axis) for k, x in xs.items()}
    return _element(tensor(xs, "what is looped over"), i, axis)


def stacked(results: list[Any], axis: int = 0) -> Any:
    """The results of the turns, each of them stacked."""
    first = results[0]
    if isinstance(first, (list, tuple)):
        return type(first)(stacked([r[i] for r in results], axis) for i in range(len(first)))
    if isinstance(first, dict):
        return {k: stacked([r[k] for r in results], axis) for k in first}
    found = [tensor(r, "the result of a turn") for r in results]
    shape = (*first.shape[:axis], len(found), *first.shape[axis:])
    return derived(
        lambda *es: torch.stack(list(es), dim=axis), found, shape, first.dtype, label="stack"
    )


def map_over(ev: Interpreter, function: Any, xs: Any) -> Any:
    """``function`` of every element along the first axis: unrolled, or as a comprehension where the batch is open."""
    first = tensors_in(xs)
    if not first:
        raise RuleError("KT203", "a map over what is not known")
    if isinstance(known(first[0].shape[0]), int) and not isinstance(first[0].shape[0], Sym):
        count = _turns(first[0].shape[0], "a map")
        return stacked([run(ev, function, _elements(xs, i)) for i in range(count)])
    return inlined(lambda item: run(ev, function, item), xs)


def map_fn(ev: Interpreter, fn: Any, elems: Any, **inert: Any) -> Any:
    return map_over(ev, fn, elems)


def ops_map(ev: Interpreter, f: Any, xs: Any) -> Any:
    return map_over(ev, f, xs)


def vectorized_map(ev: Interpreter, function: Any, elements: Any, **inert: Any) -> Any:
    return map_over(ev, function, elements)


def fori_loop(ev: Interpreter, lower: Any, upper: Any, body_fun: Any, init_val: Any) -> Any:
    low, high = ev.demand(lower, "a loop"), ev.demand(upper, "a loop")
    if not isinstance(low, int) or not isinstance(high, int):
        raise RuleError("KT203", "a loop of a length that is not known")
    _turns(high - low, "a loop")
    value = init_val
    for i in range(low, high):
        value = run(ev, body_fun, i, value)
    return value


def while_loop(
    ev: Interpreter,
    cond: Any,
    body: Any,
    loop_vars: Any,
    maximum_iterations: Any = None,
    **inert: Any,
) -> Any:
    """A loop whose condition does not hang on tensors is unrolled."""
    several = isinstance(loop_vars, (list, tuple))
    values = list(loop_vars) if several else [loop_vars]
    most = decided(maximum_iterations, "maximum_iterations")
    turns = 0
    while most is None or turns < most:
        goes_on = run(ev, cond, *values)
        goes_on = ev.demand(goes_on, "a loop") if isinstance(goes_on, Sym) else goes_on
        if not isinstance(goes_on, bool):
            raise RuleError("KT203", "a loop whose end depends on the data")
        if not goes_on:
            break
        result = run(ev, body, *values)
        values = list(result) if isinstance(result, (list, tuple)) else [result]
        turns += 1
        _turns(turns, "a loop")
    return type(loop_vars)(values) if several else values[0]


def scan(
    ev: Interpreter,
    f: Any,
    init: Any,
    xs: Any = None,
    length: Any = None,
    reverse: Any = False,
    unroll: Any = 1,
) -> Any:
    """(the last carry, the stacked results) of ``carry, y = f(carry, x)``."""
    found = tensors_in(xs)
    count = _turns(found[0].shape[0] if found else length, "a scan")
    backwards = bool(decided(reverse, "reverse"))
    carry, results = init, []
    for i in range(count)[:: -1 if backwards else 1]:
        carry, y = run(ev, f, carry, _elements(xs, i) if found else None)
        results.append(y)
    results = results[::-1] if backwards else results
    return carry, stacked(results) if results and results[0] is not None else None


def tf_scan(
    ev: Interpreter,
    fn: Any,
    elems: Any,
    initializer: Any = None,
    reverse: Any = False,
    **inert: Any,
) -> Any:
    steps = list(_fold(ev, fn, elems, initializer, bool(decided(reverse, "reverse"))))
    return stacked(steps[::-1] if decided(reverse, "reverse") else steps)


def foldl(ev: Interpreter, fn: Any, elems: Any, initializer: Any = None, **inert: Any) -> Any:
    return list(_fold(ev, fn, elems, initializer, False))[-1]


def foldr(ev: Interpreter, fn: Any, elems: Any, initializer: Any = None, **inert: Any) -> Any:
    return list(_fold(ev, fn, elems, initializer, True))[-1]


def _fold(ev: Interpreter, function: Any, elems: Any, start: Any, backwards: bool) -> Sequence[Any]:
    """Every value of ``value = function(value, element)``."""
    first = tensors_in(elems)
    if not first:
        raise RuleError("KT203", "a fold over what is not known")
    order = list(range(_turns(first[0].shape[0], "a fold")))[:: -1 if backwards else 1]
    values = []
    if start is None:
        start = _elements(elems, order.pop(0))
        values.append(start)
    for i in order:
        start = run(ev, function, start, _elements(elems, i))
        values.append(start)
    return values


def rnn(
    ev: Interpreter,
    step_function: Any,
    inputs: Any,
    initial_states: Any,
    go_backwards: Any = False,
    mask: Any = None,
    constants: Any = None,
    unroll: Any = False,
    input_length: Any = None,
    time_major: Any = False,
    zero_output_for_mask: Any = False,
    return_all_outputs: Any = True,
) -> Any:
    """``K.rnn``, unrolled over the steps: (last output, all outputs, last states)."""
    if mask is not None:
        raise RuleError("KT203", "K.rnn with a mask is not supported")
    axis = 0 if decided(time_major, "time_major") else 1
    count = _turns(tensors_in(inputs)[0].shape[axis], "K.rnn")
    backwards = bool(decided(go_backwards, "go_backwards"))
    states, outputs = list(initial_states), []
    for i in range(count)[:: -1 if backwards else 1]:
        given = [*states, *(constants or [])]
        output, states = run(ev, step_function, _elements(inputs, i, axis), given)
        outputs.append(output)
    return outputs[-1], stacked(outputs, axis), list(states)


CALLING: dict[str, Callable[..., Any]] = {
    "keras.ops.cond": cond,
    "tf.cond": cond,
    "keras.backend.switch": switch,
    "keras.ops.switch": ops_switch,
    "keras.backend.in_train_phase": in_train_phase,
    "keras.backend.in_test_phase": in_test_phase,
    "keras.ops.map": ops_map,
    "keras.ops.vectorized_map": vectorized_map,
    "tf.vectorized_map": vectorized_map,
    "tf.map_fn": map_fn,
    "keras.backend.map_fn": map_fn,
    "keras.ops.fori_loop": fori_loop,
    "keras.ops.while_loop": while_loop,
    "tf.while_loop": while_loop,
    "keras.ops.scan": scan,
    "tf.scan": tf_scan,
    "tf.foldl": foldl,
    "tf.foldr": foldr,
    "keras.backend.foldl": foldl,
    "keras.backend.foldr": foldr,
    "keras.backend.rnn": rnn,
}
_SPELLINGS = {"fn1": "true_fn", "fn2": "false_fn"}


def call_with_functions(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``path(*args, **kwargs)`` of one in `CALLING`. Raises RuleError where it cannot be translated."""
    function = CALLING[path]
    given = {_SPELLINGS.get(k, k): v for k, v in kwargs.items() if k != "name"}
    try:
        bound = inspect.signature(function).bind(ev, *args, **given)
    except TypeError as error:
        raise RuleError("KT204", f"{path}: {error}") from error
    return function(*bound.args, **bound.kwargs)
