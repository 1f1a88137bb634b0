"""Functions of Keras and TensorFlow that are loops: each is run as the loop of Python that it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import merging
from kt_translate.evaluate.higher_order import run
from kt_translate.evaluate.inlined import inlined
from kt_translate.evaluate.state import State
from kt_translate.evaluate.values import External, Function, Scope
from kt_translate.graph.lists import some_of
from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Many, Tensor, tensors_in
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of, tensor
from kt_translate.ops.indexing import index_tensor
from kt_translate.ops.op import call_op
from kt_translate.pytorch.expr import torch

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_UNROLLED = 512


# -- as loops of Python ---------------------------------------------------------------------------
class _Names(dict[str, Any]):
    """The names of a loop, and what they hold before it."""

    def say(self, name: str, value: Any, key: str = "") -> str:
        """Text for a value: names for the parts of a tuple, list or dict; with ``key``, for an element of each."""
        if isinstance(value, (tuple, list)) and value:
            parts = [self.say(f"{name}_{i}", part, key) for i, part in enumerate(value)]
            return f"({', '.join(parts)},)" if isinstance(value, tuple) else f"[{', '.join(parts)}]"
        if isinstance(value, dict) and key:
            parts = [
                f"{k!r}: {self.say(f'{name}_{i}', value[k], key)}" for i, k in enumerate(value)
            ]
            return f"{{{', '.join(parts)}}}"
        self[name] = value
        return name + key

    def held(self, name: str, value: Any) -> Any:
        """What stands there after the loop, in the form that it had."""
        return _formed(value, name, self.__getitem__)

    def filled(self, name: str, value: Any) -> str:
        """Text that adds such a value to lists, one for each of its parts."""
        lines: list[str] = []

        def part(leaf: str) -> None:
            self[f"{leaf}s"] = []
            lines.append(f"\n    {leaf}s.append({leaf})")

        _formed(value, name, part)
        return "".join(lines)

    def run(self, ev: Interpreter, function: Any, loop: str) -> None:
        """Run a loop that calls a function of the source."""
        from kt_translate.evaluate import statements

        around = function.scope if isinstance(function, Function) else None
        node = _parsed(loop)
        statements.STATEMENTS[type(node)](ev, node, Scope("function", self, around))


def _formed(value: Any, name: str, part: Callable[[str], Any]) -> Any:
    """The tuple or list that a value is, of what ``part`` gives for the name of each of its parts."""
    if isinstance(value, (tuple, list)) and value:
        return type(value)(_formed(v, f"{name}_{i}", part) for i, v in enumerate(value))
    return part(name)


def _tried(ev: Interpreter, function: Any, *args: Any) -> Any:
    """What a function of the source gives, as if it had not run."""
    around = function.scope if isinstance(function, Function) else None
    state = State(ev, Scope("function", {}, around))
    try:
        with state.elsewhere():
            return run(ev, function, *args)
    finally:
        state.restore()


@lru_cache(maxsize=1024)
def _parsed(loop: str) -> Any:
    """The same in every run of the function around it, since it is known by what it is."""
    return cst.parse_module(loop).body[0]


def _length(xs: Any, what: str, axis: int = 0) -> Any:
    found = tensors_in(xs)
    if not found:
        raise RuleError("KT203", f"{what} over what is not known")
    return _count(found[0].shape[axis], what)


def _count(size: Any, what: str) -> Any:
    if not isinstance(known(size), int) or isinstance(known(size), bool):
        raise RuleError("KT203", f"{what} of a length that is not known")
    return size


def _range(length: str, start: int = 0, backwards: bool = False) -> str:
    if backwards:
        return f"range({length} - {1 + start}, -1, -1)"
    return f"range({start}, {length})" if start else f"range({length})"


def _stacked(ev: Interpreter, ys: list[Any], backwards: bool = False, axis: int = 0) -> Any:
    """What the turns have added to a list, side by side."""
    some = some_of(ys)
    if some is None:
        if ys and isinstance(ys[0], Many):
            ys[0].refuse()
        return stacked(ys[::-1] if backwards else ys, axis)
    made = merging.merged(ev, External("keras.ops.stack"), [some], [axis], {})
    if made is None:
        some.refuse()
    return call_op("keras.ops.flip", [made], {"axis": axis}) if backwards else made


def fori_loop(ev: Interpreter, lower: Any, upper: Any, body_fun: Any, init_val: Any) -> Any:
    names = _Names(lower=_count(lower, "a loop"), upper=_count(upper, "a loop"), body_fun=body_fun)
    value = names.say("value", init_val)
    turns = "upper" if known(lower) == 0 and not isinstance(lower, Sym) else "lower, upper"
    names.run(ev, body_fun, f"for i in range({turns}):\n    {value} = body_fun(i, {value})")
    return names.held("value", init_val)


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
    size = _count(length, "a scan") if xs is None else _length(xs, "a scan")
    backwards = bool(decided(reverse, "reverse"))
    names = _Names(f=f, length=size)
    carry, x = names.say("carry", init), names.say("xs", xs, "[t]" if xs is not None else "")
    _, y = _tried(ev, f, init, None if xs is None else _elements(xs, 0))
    added = "" if y is None else names.filled("y", y)
    turn = f"{carry}, {_Names().say('y', y)} = f({carry}, {x})"
    turns = _range("length", backwards=backwards)
    names.run(ev, f, f"for t in {turns}:\n    {turn}{added}")
    results = None
    if y is not None:
        results = _formed(y, "y", lambda leaf: _stacked(ev, names[f"{leaf}s"], backwards))
    return names.held("carry", init), results


def _fold(
    ev: Interpreter, function: Any, elems: Any, start: Any, backwards: bool, every: bool
) -> Any:
    """``value = function(value, element)``: the last one, or ``every`` one, stacked."""
    length, first = _length(elems, "a fold"), 0
    names = _Names(function=function, length=length)
    given = start
    if start is None:
        start, first = _elements(elems, -1 if backwards else 0), 1
    value, x = names.say("value", start), names.say("elems", elems, "[t]")
    added = names.filled("value", start) if every else ""
    if every and given is None:
        _formed(start, "value", lambda leaf: names[f"{leaf}s"].append(names[leaf]))
    turns = _range("length", first, backwards)
    names.run(ev, function, f"for t in {turns}:\n    {value} = function({value}, {x}){added}")
    if every:
        return _formed(start, "value", lambda leaf: _stacked(ev, names[f"{leaf}s"], backwards))
    return names.held("value", start)


def tf_scan(
    ev: Interpreter,
    fn: Any,
    elems: Any,
    initializer: Any = None,
    reverse: Any = False,
    **inert: Any,
) -> Any:
    return _fold(ev, fn, elems, initializer, bool(decided(reverse, "reverse")), True)


def foldl(ev: Interpreter, fn: Any, elems: Any, initializer: Any = None, **inert: Any) -> Any:
    return _fold(ev, fn, elems, initializer, False, False)


def foldr(ev: Interpreter, fn: Any, elems: Any, initializer: Any = None, **inert: Any) -> Any:
    return _fold(ev, fn, elems, initializer, True, False)


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
    """``K.rnn``: (last output, all outputs in the order of the steps, last states)."""
    if mask is not None:
        raise RuleError("KT203", "K.rnn with a mask is not supported")
    axis = 0 if decided(time_major, "time_major") else 1
    backwards = bool(decided(go_backwards, "go_backwards"))
    length = _length(inputs, "K.rnn", axis)
    names = _Names(step=step_function, length=length, constants=list(constants or []))
    before = list(initial_states)
    states, x = names.say("state", before), names.say(
        "inputs", inputs, "[t]" if axis == 0 else "[:, t]"
    )
    given = f"[*{states}, *constants]" if constants else states
    turns = _range("length", backwards=backwards)
    turn = f"output, {states} = step({x}, {given})"
    added = names.filled("output", None)
    names.run(ev, step_function, f"for t in {turns}:\n    {turn}{added}")
    last = names["output"]
    return last, _stacked(ev, names["outputs"], axis=axis), list(names.held("state", before))


# -- as comprehensions, or turn by turn -------------------------------------------------------------
def _each(xs: Any, part: Callable[[Tensor], Tensor]) -> Any:
    """``part`` of every tensor in a list, tuple or dict."""
    if isinstance(xs, (list, tuple)):
        return type(xs)(_each(x, part) for x in xs)
    if isinstance(xs, dict):
        return {k: _each(x, part) for k, x in xs.items()}
    return part(tensor(xs, "what is looped over"))


def _elements(xs: Any, i: int) -> Any:
    """``x[i]`` of each."""
    return _each(xs, lambda x: derived(lambda e: e[i], [x], x.shape[1:], x.dtype, label="index"))


def _together(results: list[Any], join: Callable[[list[Tensor]], Any]) -> Any:
    """What turns give, in lists, tuples or dicts: one of these, of the joined tensors."""
    first = results[0]
    if isinstance(first, (list, tuple)):
        return type(first)(_together([r[i] for r in results], join) for i in range(len(first)))
    if isinstance(first, dict):
        return {k: _together([r[k] for r in results], join) for k in first}
    return join([tensor(r, "the result of a turn") for r in results])


def stacked(results: list[Any], axis: int = 0) -> Any:
    """The results of the turns, each of them stacked."""

    def stack(found: list[Tensor]) -> Tensor:
        shape = (*found[0].shape[:axis], len(found), *found[0].shape[axis:])
        return derived(
            lambda *es: torch.stack(list(es), dim=axis), found, shape, found[0].dtype, label="stack"
        )

    return _together(results, stack)


def map_over(ev: Interpreter, function: Any, xs: Any) -> Any:
    """``function`` of every element along the first axis, as a comprehension; unrolled where that has no words for it."""
    found = tensors_in(xs)
    if not found:
        raise RuleError("KT203", "a map over what is not known")
    size = found[0].shape[0]
    if not isinstance(size, int):
        return inlined(lambda item: run(ev, function, item), xs)
    if size > MAX_UNROLLED:
        raise RuleError("KT203", f"a map of {size} turns")
    return stacked([run(ev, function, _elements(xs, i)) for i in range(size)])


def map_fn(ev: Interpreter, fn: Any, elems: Any, **inert: Any) -> Any:
    return map_over(ev, fn, elems)


def ops_map(ev: Interpreter, f: Any, xs: Any) -> Any:
    return map_over(ev, f, xs)


def vectorized_map(ev: Interpreter, function: Any, elements: Any, **inert: Any) -> Any:
    return map_over(ev, function, elements)


def associative_scan(
    ev: Interpreter, f: Any, elems: Any, reverse: Any = False, axis: Any = 0
) -> Any:
    """Every ``total = f(total, element)`` along an axis, which each element keeps."""
    first = tensors_in(elems)
    if not first:
        raise RuleError("KT203", "a scan over what is not known")
    at = axis_of(axis, first[0].rank)
    backwards = bool(decided(reverse, "reverse"))
    size = ev.demand(first[0].shape[at], "a scan")
    if not isinstance(size, int) or size > MAX_UNROLLED:
        raise RuleError("KT203", "a scan of a length that is not known, or large")
    totals: list[Any] = []
    for i in range(size)[:: -1 if backwards else 1]:
        key = (*[slice(None)] * at, slice(i, i + 1))
        found = _each(elems, partial(index_tensor, key=key))
        totals.append(run(ev, f, totals[-1], found) if totals else found)
    totals = totals[::-1] if backwards else totals
    return _together(totals, lambda ts: call_op("keras.ops.concatenate", [ts], {"axis": at}))


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
        if turns > MAX_UNROLLED:
            raise RuleError("KT203", f"a loop of {turns} turns")
    return type(loop_vars)(values) if several else values[0]
