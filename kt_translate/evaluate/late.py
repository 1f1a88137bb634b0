"""Names that a Lambda layer's function reads around it.

Keras calls the function again whenever the model runs, and these names hold by then what they were bound to last: in
``for i in range(n): parts.append(Lambda(lambda x: x[:, i])(inp))`` every part is the last one. A function's body is run
again with that, once its end has told what it is; so is the module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.signals import Return
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.tensor_lists import settled
from kt_translate.evaluate.values import Function, Scope
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.sym import Sym, same, symbols_in
from kt_translate.graph.terms import shown
from kt_translate.source.walk import names_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_NUMBERS = (int, float, str, Sym)
_TURNS = ("loop", "carried")  # symbols that a loop which is kept gives another value in each turn


def as_called_later(ev: Interpreter, function: Any) -> Any:
    """The function of a Lambda layer, with the names around it as they are when the model runs."""
    if not isinstance(function, Function):
        return function
    late: dict[str, Any] = {}
    params = function.node.params
    own = {p.name.value for p in (*params.params, *params.kwonly_params)}
    for name in sorted(names_in(function.node) - own):
        scope = _holder(function.scope, name)
        if scope is None or not isinstance(value := scope.names[name], _NUMBERS):
            continue
        if scope.kind == "module" and any(s.kind in _TURNS for s in symbols_in(value)):
            raise NotGeneral
        key = function.node, name
        if key in scope.late:
            late[name] = scope.late[key]
            if not same(late[name], value):
                _tell(ev, name, value, late[name])
        scope.read_late.append((key, late.get(name, value)))
    return replace(function, scope=Scope("function", late, function.scope)) if late else function


@contextmanager
def settled_at_end(scope: Scope) -> Iterator[None]:
    """Around the body of a function. Raises LeftOpen where it has to be run with what its end tells."""
    scope.read_late.clear()
    with settling(scope):
        yield


@contextmanager
def settling(scope: Scope) -> Iterator[None]:
    """Around what ends a function."""
    try:
        yield
    except Return:
        _settle(scope)
        raise
    _settle(scope)


def _settle(scope: Scope) -> None:
    if found := changed(scope):
        scope.late |= found
        raise LeftOpen(list(found), told=True)


def changed(scope: Scope) -> dict[tuple[Any, str], Any]:
    """The names that layers have read and that hold something else at the end, each with that."""
    found = {}
    for key, value in scope.read_late:
        now = scope.names.get(key[1], value)
        if key not in scope.late and not same(now, value):
            found[key] = settled(now)
    return found


def _holder(scope: Scope | None, name: str) -> Scope | None:
    """The scope of a function, or the module's, that has a name."""
    while scope is not None and (scope.kind == "class" or name not in scope.names):
        scope = scope.parent
    return scope


def _tell(ev: Interpreter, name: str, here: Any, late: Any) -> None:
    said = shown(late) if isinstance(late, Sym) else repr(late)
    ev.note(
        "KT209",
        f"the function of this Lambda reads {name} whenever the model runs, when it is {said}: "
        "so it is translated",
        f"to have its value here, let the function keep it: lambda x, {name}={name}: ...",
    )
