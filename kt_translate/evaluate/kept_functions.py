"""Functions of the source on numbers and texts alone: the code to be has them as they are, and calls them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import Function, plain
from kt_translate.graph.conditions import depends
from kt_translate.graph.operators import FUNCTIONS, Callee
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, same
from kt_translate.graph.terms import expand
from kt_translate.pytorch.library import reserved_names
from kt_translate.source.walk import bound_in, names_in, parts

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

SHORT = 6  # operations: what is no longer is said where it is used
_NOT_PURE = (cst.Lambda, cst.FunctionDef, cst.Await, cst.Yield, cst.NamedExpr)
_KNOWN = {*FUNCTIONS, "True", "False", "None", "isinstance", "ValueError", "TypeError", "math"}


def call(ev: Interpreter, function: Function, bound: dict[str, Any]) -> Any:
    """The result of a call on settings; NotImplemented where the function does more than calculate."""
    values = list(bound.values())
    if not any(isinstance(v, Sym) and depends(v) for v in values):
        return NotImplemented
    if not all(isinstance(v, Sym) or plain(v) for v in values):
        return NotImplemented
    if function.calculates is None:
        function.calculates = _calculates(function)
    if not function.calculates:
        return NotImplemented
    state, demands = State(ev, ev.scope), len(ev.demands)
    try:
        result = ev.run_body(function, dict(bound))
        if len(ev.demands) == demands and _is_short(result):
            return result
    except (NotGeneral, Raised, LimitReached, Break, Continue):
        pass
    state.restore()
    callee = _callee(ev, function)
    if callee is None:
        return NotImplemented
    given = _without_defaults(function, bound)
    sample = known(list(bound.values()))
    value = UNKNOWN if sample is UNKNOWN else callee.compute(*sample)
    return Sym("call", (callee, *given), value)


def _is_short(result: Any) -> bool:
    if isinstance(result, (list, tuple)):
        return all(map(_is_short, result))
    return expand(result).weight <= SHORT if isinstance(result, Sym) else plain(result)


def _calculates(function: Function) -> bool:
    """Whether a function of a module has no effect, and needs nothing but its arguments."""
    node = function.node
    if not isinstance(node, cst.FunctionDef) or function.scope.kind != "module" or node.decorators:
        return False
    params = node.params
    if params.kwonly_params or params.star_kwarg or isinstance(params.star_arg, cst.Param):
        return False
    own = {p.name.value for p in (*params.posonly_params, *params.params)}
    own |= bound_in(node.body)
    return names_in(node.body) | names_in(params) <= own | _KNOWN and _is_pure(node.body)


def _is_pure(node: cst.CSTNode) -> bool:
    if isinstance(node, _NOT_PURE):
        return False
    if isinstance(node, cst.Attribute) and getattr(node.value, "value", "") != "math":
        return False
    if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.Del)) and isinstance(
        node.target, cst.Subscript
    ):
        return False
    return all(map(_is_pure, parts(node)))


def _callee(ev: Interpreter, function: Function) -> Callee | None:
    """The function as the code to be calls it; None where another one has its name."""
    if function.name in reserved_names():
        return None
    source = function.source or ev.main
    text = source.code(function.node)
    symbol = ev.constants.setdefault(function.name, Symbol(function.name, UNKNOWN, "global", text))
    if symbol.origin != text:
        return None
    if source.path is not None:
        ev.constant_files.setdefault(function.name, Path(os.path.abspath(source.path)))
    names = [p.name.value for p in function.node.params.params]

    def compute(*values: Any) -> Any:
        try:
            found = ev.run_body(function, {**function.defaults, **dict(zip(names, values))})
        except Raised:
            return UNKNOWN
        return known(found) if plain(known(found)) else UNKNOWN

    return Callee(function.name, compute)


def _without_defaults(function: Function, bound: dict[str, Any]) -> list[Any]:
    given = list(bound.items())
    while given and given[-1][0] in function.defaults:
        name, value = given[-1]
        if not same(value, function.defaults[name]):
            break
        given.pop()
    return [value for _, value in given]
