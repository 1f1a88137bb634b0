"""Python's builtins that look at the program itself: `eval`, `globals`, `locals`, `vars`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.awaited import settled
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Instance, Scope, Unknown

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _eval(ev: Interpreter, scope: Scope, *args: Any) -> Any:
    text = ev.demand(args[0], "what is evaluated") if args else None
    if not isinstance(text, str):
        return Unknown("what eval gives", ev.line)
    try:
        node = cst.parse_expression(text.strip())
    except cst.ParserSyntaxError:
        raise Raised(f"SyntaxError: {text}") from None
    return ev.evaluate(node, scope)


def _globals(ev: Interpreter, scope: Scope) -> Any:
    names = scope.module.names
    for name in list(names):
        settled(names, name)
    return names


def _locals(ev: Interpreter, scope: Scope) -> Any:
    while scope.kind == "function" and scope.function is None and scope.parent is not None:
        scope = scope.parent  # of a comprehension
    if scope.function is None:
        return scope.names
    found = dict(scope.names)
    source = scope.function.source or ev.source
    params = scope.function.node.params.params
    if (
        scope.function.owner is not None and params
    ):  # a method's object: its settings are what is kept
        own = params[0].name.value
        if f"'{own}'" not in source.text and f'"{own}"' not in source.text:
            found.pop(own, None)
    return found


def _vars(ev: Interpreter, scope: Scope, *args: Any) -> Any:
    if not args:
        return _locals(ev, scope)
    return (
        args[0].attributes
        if isinstance(args[0], Instance)
        else Unknown("the attributes of a value", ev.line)
    )


SCOPED: dict[str, Callable[..., Any]] = {
    "builtins.eval": _eval,
    "builtins.globals": _globals,
    "builtins.locals": _locals,
    "builtins.vars": _vars,
}
