"""Decorators that the source itself defines: they keep functions in tables, or put others in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import calls
from kt_translate.evaluate.values import Class, Function, Method, Partial, Scope
from kt_translate.source.walk import walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def bind_decorated(
    ev: Interpreter, node: cst.FunctionDef | cst.ClassDef, made: Function | Class, scope: Scope
) -> None:
    """Bind the name of a function or class to what its decorators make of it."""
    ev.bind(node.name.value, made, scope)
    for decorator in reversed(node.decorators):
        function = decorator.decorator
        maker = ev.evaluate(function.func if isinstance(function, cst.Call) else function, scope)
        if getattr(maker, "path", "") == "functools.wraps" and isinstance(function, cst.Call):
            _wrap(made, ev.evaluate(function.args[0].value, scope))
        if not isinstance(maker, (Function, Method, Partial)):
            continue
        if isinstance(function, cst.Call):
            maker = ev.evaluate(function, scope)
        with ev.registrants.adding():
            result = calls.call(ev, maker, [made], {}, decorator, scope)
        if isinstance(result, (Function, Class)) and not _passes_on(result, made):
            made = result
            ev.bind(node.name.value, made, scope)


def _wrap(made: Function | Class, inner: Any) -> None:
    if isinstance(made, Function) and isinstance(inner, Function):
        made.wrapped = inner


def path(ev: Interpreter, decorator: cst.BaseExpression, scope: Scope) -> str:
    """What decorates, by its canonical path, whether it is called or not."""
    function = decorator.func if isinstance(decorator, cst.Call) else decorator
    return getattr(ev.evaluate(function, scope), "path", "")


def _passes_on(wrapper: Any, made: Any) -> bool:
    """Whether a function gives what the one that it wraps gives, for all arguments: it takes the time, say."""
    if not isinstance(wrapper, Function) or isinstance(wrapper.node, cst.Lambda):
        return False
    params = wrapper.node.params
    stars = [params.star_arg, params.star_kwarg]
    given = [p.name.value for p in stars if isinstance(p, cst.Param)]
    if params.params or params.kwonly_params or len(given) != 2:
        return False
    held = {name for name, value in wrapper.scope.names.items() if value is made}

    def passing(value: Any) -> bool:
        named = isinstance(value, cst.Call) and isinstance(value.func, cst.Name)
        if not named or value.func.value not in held:
            return False
        said = [(a.star, getattr(a.value, "value", None)) for a in value.args]
        return said == [("*", given[0]), ("**", given[1])]

    body = list(walk(wrapper.node.body))
    results = {
        t.target.value
        for n in body
        if isinstance(n, cst.Assign) and passing(n.value)
        for t in n.targets
        if isinstance(t.target, cst.Name)
    }
    returned = [n.value for n in body if isinstance(n, cst.Return)]
    return bool(returned) and all(
        passing(v) or (isinstance(v, cst.Name) and v.value in results) for v in returned
    )
