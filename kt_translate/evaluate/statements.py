"""One rule per kind of statement."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    arrays,
    assumed,
    branches,
    by_parts,
    calculations,
    choices,
    decorators,
    elements,
    enums,
    expressions,
    growing,
    imports,
    indexed_lists,
    later,
    layer_lists,
    loops,
    model_parts,
    number_lists,
    numbers,
    open_ends,
    sequential,
    turns_apart,
    whiles,
)
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.signals import MAX_TURNS, Break, Continue, Raised, Return
from kt_translate.evaluate.values import Class, Function, ModelValue, Scope, Unknown, items_of
from kt_translate.graph import conditions
from kt_translate.graph.nodes import named
from kt_translate.graph.objects import is_setting
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import Items, Sym, Symbol, symbols_in
from kt_translate.graph.tensor import tensors_in
from kt_translate.pytorch.library import reserved_names
from kt_translate.source.operators import AUGMENTED

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _assign(ev: Interpreter, node: cst.Assign, scope: Scope) -> None:
    if isinstance(node.value, cst.IfExp):
        value = branches.conditional(ev, node.value, scope)
    else:
        value = expressions.handed_on(ev, node.value, scope)
    for target in node.targets:
        literal = isinstance(node.value, (cst.Integer, cst.Float, cst.SimpleString))
        if (
            scope.kind == "module"
            and isinstance(target.target, cst.Name)
            and (
                (literal and isinstance(value, (int, float, str)))
                or _is_made_here(node.value, value)
            )
            and scope.names.get(target.target.value) is None
            and target.target.value not in (*reserved_names(), *ev.settings)
        ):
            value = _constant(ev, target.target.value, value, scope)
        elif (
            isinstance(target.target, cst.Name)
            and (_is_calculated(value) or _is_made_here(node.value, value))
            and scope.kind == "function"
            and not any(s.kind == "mode" for s in symbols_in(value))  # known in forward only
        ):
            value = named(value, target.target.value, in_build=_in_build(ev))
        ev.assign(target.target, value, scope)


def _in_build(ev: Interpreter) -> bool:
    """Whether ``build`` of a layer is under way, which sees the sizes of the first call alone."""
    methods = [s.function.name for s in ev.running if s.function and s.function.owner]
    return [name for name in methods if name in ("build", "call")][-1:] == ["build"]


def _constant(ev: Interpreter, name: str, value: Any, scope: Scope) -> Any:
    """A constant of a module, by its name. Of another file: where no other constant is called so."""
    symbol = Symbol(name, value, "global", _line_of(ev, name, value))
    if ev.source.path is not None:
        ev.constant_files.setdefault(name, Path(os.path.abspath(ev.source.path)))
    if scope is ev.module:
        ev.constants[name] = symbol
    else:
        taken = re.search(rf"^{name}\s*[:=]", ev.main.text, re.MULTILINE)
        symbol = ev.constants.setdefault(name, symbol)
        if taken or symbol.value != value or type(symbol.value) is not type(value):
            return value
    return Sym.of(symbol)


def _is_calculated(value: Any) -> bool:
    return isinstance(value, Sym) and value.weight > 0 and conditions.depends(value)


def _is_made_here(node: cst.BaseExpression, value: Any) -> bool:
    """Whether it is an initializer or a regularizer with arguments, of which a name can speak."""
    return isinstance(node, cst.Call) and bool(node.args) and is_setting(value)


def _line_of(ev: Interpreter, name: str, value: Any) -> str | None:
    """The line that assigns a constant, with its comment, where nothing else stands on it."""
    line = ev.source.text.splitlines()[ev.line - 1].strip()
    try:
        same = line.startswith(name) and ast.literal_eval(line.partition("=")[2].strip()) == value
    except (ValueError, SyntaxError):
        return None
    return line if same else None


def _ann_assign(ev: Interpreter, node: cst.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        ev.assign(node.target, expressions.as_made(ev, node.value, scope), scope)


def _aug_assign(ev: Interpreter, node: cst.AugAssign, scope: Scope) -> None:
    op = AUGMENTED[type(node.operator)]
    if isinstance(node.target, cst.Subscript) and elements.changed(ev, node, op, scope):
        return
    if op == "+" and growing.grow(ev, node.target, node.value, scope):
        return
    current = ev.evaluate(node.target, scope)
    value = ev.evaluate(node.value, scope)
    if (
        op == "+"
        and isinstance(current, list)
        and not numbers.calculates(op, current, value)
        and isinstance(value, (list, tuple))
    ):
        current.extend(value)
        return
    ev.assign(node.target, calculations.binary(ev, op, current, value), scope)


def _function(ev: Interpreter, node: cst.FunctionDef, scope: Scope) -> None:
    defaults = expressions.defaults_of(ev, node.params, scope)
    function = Function(node.name.value, node, scope, defaults, ev.source.line(node))
    function.source = ev.source
    function.decorators = tuple(ev.source.code(d.decorator) for d in node.decorators)
    decorators.bind_decorated(ev, node, function, scope)


def _class(ev: Interpreter, node: cst.ClassDef, scope: Scope) -> None:
    bases = [ev.evaluate(arg.value, scope) for arg in node.bases]
    inner = Scope("class", {}, scope)
    cls = Class(node.name.value, node, bases, inner.names, scope, ev.source.line(node), ev.source)
    for statement in node.body.body:
        ev.run_guarded(statement, inner)
    for value in inner.names.values():
        if isinstance(value, Function):
            value.owner = cls
    cls.decorators = tuple(decorators.path(ev, d.decorator, scope) for d in node.decorators)
    enums.make_members(ev, cls)
    decorators.bind_decorated(ev, node, cls, scope)


def _if(ev: Interpreter, node: cst.If, scope: Scope) -> None:
    if later.loads_only(node, scope):
        return
    demands, diagnostics = len(ev.demands), list(ev.log.diagnostics)
    ev.checking = branches.raises(node.body)
    value = ev.test(node.test, scope)
    ev.checking = False
    if branches.run_if(ev, node, value, scope):
        return
    test = ev.truth(value)
    if branches.raises(node.body) and (test is None or len(ev.demands) > demands) and not test:
        test = False  # a check of what is not known here
        del ev.demands[demands:]
        ev.log.diagnostics[:] = diagnostics
    if test or test is None:
        line, built = ev.line, _built(ev)
        if test is None:
            assumed.take(ev, value, True)
        try:
            ev.suite(node.body, scope)
        except Raised:
            if test or built < _built(ev):
                raise
            del ev.demands[demands:]
            ev.log.diagnostics[:] = diagnostics
            return _orelse(ev, node, scope)  # what is not known is taken to let the source go on
        except Return as done:
            if test is None and (tensors_in(done.value) or _built(ev) > built):
                assumed.tell(ev, line)
            elif test is None and isinstance(done.value, (bool, int, float, str)):
                done.value = Unknown("what a condition decides that is not known", line)
            raise
        if test is None and _built(ev) > built:
            assumed.tell(ev, line)
    else:
        _orelse(ev, node, scope)


def _orelse(ev: Interpreter, node: cst.If, scope: Scope) -> None:
    if isinstance(node.orelse, cst.If):
        ev.statement(node.orelse, scope)
    elif node.orelse is not None:
        ev.suite(node.orelse.body, scope)


def _built(ev: Interpreter) -> int:
    """How much of models there is so far."""
    return len(CURRENT[-1].nodes) + len(ev.models) + sum(len(m.layers) for m in ev.models)


FILLING = (growing.run_for, number_lists.run_for, sequential.grown, indexed_lists.run_for)


def _for(ev: Interpreter, node: cst.For, scope: Scope) -> None:
    node = ev.source.turns(node)
    if (trainable := model_parts.sets_all(node)) is not None:
        owner = ev.evaluate(node.iter.value, scope)  # type: ignore[attr-defined]
        if isinstance(owner, ModelValue) and owner.kind == "functional":
            model_parts.set_trainable(ev, owner, trainable)
            return
    if any(fill(ev, node, scope) for fill in FILLING):
        return
    beside = indexed_lists.beside_tensors(ev, node, scope)
    numbered = indexed_lists.numbered(ev, node, scope) if beside is None else beside[1]
    node = node if beside is None else beside[0]
    value = indexed_lists.gone_through(ev, node.iter, scope) if numbered is None else numbered
    if by_parts.run_for(ev, node, scope, value, _run_turns):
        return
    ways = [loops.run_for, turns_apart.run_for]
    ways = ways[::-1] if turns_apart.begins_empty(node, scope) else ways
    if any(keep(ev, node, scope, value) for keep in ways):
        return
    value = arrays.concrete(ev, choices.settled(ev, layer_lists.settled(ev, value)))
    ranged = isinstance(value, Sym) and value.head == "call" and value.args[0] == "range"
    parts = (
        value.args[1:] if ranged else value.goes_through if isinstance(value, Items) else [value]
    )
    for part in parts:
        demand_length(ev, part, "the number of turns of a loop")
    items = items_of(elements.unrolled(ev, node, value, scope), None)
    if items is None or len(items) > MAX_TURNS:
        item = Unknown("an element of what is not known", ev.line)
        with open_ends.turns_unknown(ev, scope):
            _run_turns(ev, node, scope, [item])
    else:
        with open_ends.idle_at_last(ev, scope, node):
            _run_turns(ev, node, scope, items)


def _run_turns(ev: Interpreter, node: cst.For, scope: Scope, items: list[Any]) -> None:
    for item in items:
        if hasattr(item, "use") and isinstance(node.target, cst.Name):
            ev.bind(node.target.value, item, scope)  # a loop's variable is no layer's name
        else:
            ev.assign(node.target, item, scope)
        try:
            whiles.turn(ev, node, scope)
        except Break:
            return
    if node.orelse is not None:
        ev.suite(node.orelse.body, scope)


def _with(ev: Interpreter, node: cst.With, scope: Scope) -> None:
    for item in node.items:
        value = ev.evaluate(item.item, scope)
        if item.asname is not None:
            ev.assign(item.asname.name, value, scope)
    ev.suite(node.body, scope)


def _try(ev: Interpreter, node: cst.Try, scope: Scope) -> None:
    ev.trying += 1
    try:
        try:
            ev.suite(node.body, scope)
        finally:
            ev.trying -= 1
    except Raised:
        if node.handlers:
            ev.suite(node.handlers[0].body, scope)
    else:
        for handler in node.handlers:
            imports.also_imported(ev, handler.body, scope)
        if node.orelse is not None:
            ev.suite(node.orelse.body, scope)
    finally:
        if node.finalbody is not None:
            ev.suite(node.finalbody.body, scope)


def _return(ev: Interpreter, node: cst.Return, scope: Scope) -> None:
    received = ev.receiver == len(ev.running) - 1
    read = expressions.handed_on if received else expressions.as_made
    raise Return(None if node.value is None else read(ev, node.value, scope))


def _raise(ev: Interpreter, node: cst.Raise, scope: Scope) -> None:
    raise Raised("" if node.exc is None else ev.source.code(node.exc))


def _assert(ev: Interpreter, node: cst.Assert, scope: Scope) -> None:
    """As ``if not test: raise AssertionError``."""

    def fail() -> None:
        raise Raised(f"AssertionError: {ev.source.code(node.test)}")

    ev.checking = True
    test = ev.evaluate(node.test, scope)
    ev.checking = False
    settled = not conditions.depends(test) or ev.is_pinned(test)
    if not settled and branches.both(ev, node, test, lambda: None, fail, scope):
        return
    if ev.truth(test, "an assertion") is False:
        fail()


def _break(ev: Interpreter, node: cst.Break, scope: Scope) -> None:
    raise Break


def _continue(ev: Interpreter, node: cst.Continue, scope: Scope) -> None:
    raise Continue


def _global(ev: Interpreter, node: cst.Global, scope: Scope) -> None:
    scope.globals |= {item.name.value for item in node.names}


def _nonlocal(ev: Interpreter, node: cst.Nonlocal, scope: Scope) -> None:
    scope.nonlocals |= {item.name.value for item in node.names}


def _expression(ev: Interpreter, node: cst.Expr, scope: Scope) -> None:
    if not later.sets_weights(node.value):
        ev.evaluate(node.value, scope)


def _delete(ev: Interpreter, node: cst.Del, scope: Scope) -> None:
    elements.delete(ev, node.target, scope)


def _nothing(ev: Interpreter, node: Any, scope: Scope) -> None:
    return


STATEMENTS: dict[type, Callable[[Interpreter, Any, Scope], None]] = {
    cst.Assign: _assign,
    cst.AnnAssign: _ann_assign,
    cst.AugAssign: _aug_assign,
    cst.Import: imports.import_module,
    cst.ImportFrom: imports.import_names,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.If: _if,
    cst.For: _for,
    cst.While: whiles.run,
    cst.With: _with,
    cst.Try: _try,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Break: _break,
    cst.Continue: _continue,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Expr: _expression,
    cst.Del: _delete,
    cst.Pass: _nothing,
}
