"""Functions within functions, on tensors, as classes: the settings that they know from around them are parameters too.

``conv_block(filters)(x)`` is a class ``ConvBlock``, where ``conv_block`` gives a function. A helper within a function that
is under way is a class by its own name. What takes no settings, or holds layers or tensors of its own, is run in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import general, methods
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Class, External, Function, Instance, Native, Scope, plain
from kt_translate.graph.sym import Sym, key_of, symbols_in
from kt_translate.source.walk import names_in, own_names, rebinds_outer

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


@dataclass
class Around:
    """What a function knows from the function around it."""

    settings: dict[str, Any] = field(default_factory=dict)  # that become parameters
    fixed: dict[str, Any] = field(default_factory=dict)
    maker: Function | None = None  # that gave the function, and has ended
    me: Instance | None = None  # the object of a method

    @property
    def key(self) -> Any:
        """Equal keys: the same but for the settings."""
        known = [
            (name, id(v.node) if isinstance(v, Function) else key_of(v))
            for name, v in sorted(self.fixed.items())
        ]
        return (*known, *([] if self.me is None else [id(self.me.cls)]))


def around(
    ev: Interpreter, function: Function, bound: dict[str, Any], me: Instance | None
) -> Around | None:
    """What a function's class would have to know beside its arguments; None where there is to be no class."""
    if me is not None:
        own = methods.settings_of(function, me)
        if own is None or bound.keys() & own[0].keys():
            return None
        return Around(*own, me=me) if any(map(general.is_number, bound.values())) else None
    scope = function.scope
    if scope.kind == "module":
        return Around()
    if scope.kind != "function" or scope.parent is None or scope.parent.kind != "module":
        return None
    read = _read(function)
    if read is None or not all(_harmless(v, scope) for v in read.values()):
        return None
    ended = all(other is not scope for _, other in ev.rest)
    found = Around(maker=scope.function if ended else None)
    for name, value in (scope.given if ended else read).items():
        symbolic = bool(symbols_in(value)) or isinstance(value, Sym)
        if general.is_number(value) and (ended or symbolic):
            found.settings[name] = value
        elif _harmless(value, scope) and not symbolic:
            found.fixed[name] = value
        else:
            return None
    takes = any(map(general.is_number, bound.values())) or (ended and found.settings)
    return found if takes and not bound.keys() & found.settings.keys() else None


def run(ev: Interpreter, function: Function, known: Around, inner: dict[str, Any]) -> Any:
    """The function's result on ``inner``: its arguments, and the settings from around it as its class has them."""
    outer = {name: inner.pop(name) for name in known.settings} | known.fixed
    if known.me is not None:
        me = replace(known.me, attributes={**known.me.attributes, **outer})
        return ev.run_body(function, {function.node.params.params[0].name.value: me, **inner})
    if known.maker is not None:
        made = ev.run_body(known.maker, outer)
        if not isinstance(made, Function) or made.node is not function.node:
            raise NotGeneral
        return ev.run_body(made, inner)
    if function.scope.kind != "module":
        scope = replace(function.scope, names=outer)
        for name, value in outer.items():
            if isinstance(value, Function) and value.scope is function.scope:
                scope.names[name] = replace(value, scope=scope)
        ev.rest.append(([], scope))  # it has not ended
        try:
            return ev.run_body(replace(function, scope=scope), inner)
        finally:
            ev.rest.pop()
    return ev.run_body(function, inner)


def _read(function: Function) -> dict[str, Any] | None:
    """What a function reads in the one around it, with what functions there do that it calls; None if it binds any."""
    names = function.scope.names
    found: dict[str, Any] = {}
    waiting = [function]
    while waiting:
        node = waiting.pop().node
        if rebinds_outer(node):
            return None
        read = names_in(node) - own_names(node) - found.keys()
        for name in [n for n in names if n in read]:
            value = found[name] = names[name]
            if isinstance(value, Function) and value.scope is function.scope:
                waiting.append(value)
    return found


def _harmless(value: Any, scope: Scope) -> bool:
    """Whether something is the same for every call of the function: no layers, no tensors, no data."""
    if isinstance(value, Function):
        return value.scope is scope or value.scope.kind == "module"
    made = isinstance(value, (Class, External, Native))
    return made or plain(value) or general.is_number(value)
