"""What a function takes as ``*args, **kwargs`` only to hand it on: parameters of what it hands it to.

Of a constructor, those of the class that it extends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import libcst as cst

from kt_translate.evaluate.values import Class, Function
from kt_translate.source.walk import walk


def with_passed_on(function: Function, seen: tuple[Function, ...] = ()) -> Function:
    """The function with these among its own parameters: to be given by name, or by place too where it takes ``*args``."""
    own = function.node.params
    star = own.star_kwarg
    call = _only_call(function.node, "**", star) if star is not None else None
    callee = None if call is None else _callee(function, call)
    if call is None or callee is None or callee in seen:
        return function
    places = own.star_arg if isinstance(own.star_arg, cst.Param) else None
    by_place = places is not None and _only_call(function.node, "*", places) is call
    if any(a.star == "*" for a in call.args) and not by_place:
        return function
    inner = with_passed_on(callee, (*seen, function))
    theirs = inner.node.params
    positional = [*theirs.posonly_params, *theirs.params][1 if callee.owner is not None else 0 :]
    given = [a for a in call.args if a.keyword is None and not a.star]
    given = given[1:] if _names_itself(call) else given
    taken = {p.name.value for p in (*own.posonly_params, *own.params, *own.kwonly_params)}
    taken |= {a.keyword.value for a in call.args if a.keyword is not None}
    rest = [p for p in positional[len(given) :] if p.name.value not in taken]
    more = [*rest, *(p for p in theirs.kwonly_params if p.name.value not in taken)]
    names = {p.name.value for p in more}
    placed = rest if by_place and not any(p.default for p in own.params) else []
    params = own.with_changes(
        params=[*own.params, *placed],
        star_arg=cst.MaybeSentinel.DEFAULT if placed else own.star_arg,
        kwonly_params=[*own.kwonly_params, *more[len(placed) :]],
    )
    return replace(
        function,
        node=function.node.with_changes(params=params),
        defaults=function.defaults | {n: v for n, v in inner.defaults.items() if n in names},
        calls=[(_spread(bound, own, placed), *made) for bound, *made in function.calls],
    )


def _spread(bound: dict[str, Any], own: cst.Parameters, placed: list[cst.Param]) -> dict[str, Any]:
    """What a call gave, with each of the arguments that are handed on by the name of its parameter."""
    given = dict(bound)
    if own.star_kwarg is not None:
        more = given.pop(own.star_kwarg.name.value, {})
        given |= more if isinstance(more, dict) else {}
    if placed and isinstance(own.star_arg, cst.Param):
        values = bound.get(own.star_arg.name.value, ())
        if given.get(own.star_arg.name.value) is values:
            del given[own.star_arg.name.value]
        given |= {p.name.value: v for p, v in zip(placed, values, strict=False)}
    return given


def _only_call(node: cst.CSTNode, star: str, param: cst.Param) -> cst.Call | None:
    """The call that gets ``*args`` or ``**kwargs``, where nothing else reads it."""
    name = param.name.value
    inner = list(walk(node.body))  # type: ignore[attr-defined]
    if sum(isinstance(n, cst.Name) and n.value == name for n in inner) != 1:
        return None
    calls = (n for n in inner if isinstance(n, cst.Call) for a in n.args if _is_star(a, star, name))
    return next(calls, None)


def _is_star(arg: cst.Arg, star: str, name: str) -> bool:
    return arg.star == star and isinstance(arg.value, cst.Name) and arg.value.value == name


def _callee(function: Function, call: cst.Call) -> Function | None:
    """The source's function that is called, the constructor of its class, or that of the class that is extended."""
    value = _called(function, call.func)
    value = value.lookup("__init__") if isinstance(value, Class) else value
    return (
        value if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef) else None
    )


def _called(function: Function, func: cst.BaseExpression) -> Any:
    if isinstance(func, cst.Name):
        names = function.scope.module.names
        return function.scope.names.get(func.value, names.get(func.value))
    if not isinstance(func, cst.Attribute) or func.attr.value != "__init__":
        return None
    if not isinstance(func.value, cst.Call):
        return _called(function, func.value)
    if not isinstance(func.value.func, cst.Name) or func.value.func.value != "super":
        return None
    bases = function.owner.mro()[1:] if function.owner is not None else ()
    extended = (b for b in bases if isinstance(b, Class) and "__init__" in b.names)
    return next(extended, None)


def _names_itself(call: cst.Call) -> bool:
    """Whether a call hands on the object: ``Base.__init__(self, ...)``."""
    return isinstance(call.func, cst.Attribute) and not isinstance(call.func.value, cst.Call)
