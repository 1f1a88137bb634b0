"""Choices among the arguments of a function on tensors: what they hang on becomes parameters of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kt_translate.graph.choice import Choice
from kt_translate.graph.sym import Sym, Symbol, key_of, substitute, symbols_in
from kt_translate.graph.terms import expand


def settings_of(bound: dict[str, Any]) -> dict[str, Any]:
    """The settings that the choices among arguments hang on, by the names of the parameters for them."""
    found: dict[str, Any] = {}
    for symbol in dict.fromkeys(s for value in bound.values() for s in _settings(value)):
        name, said = symbol.name, Sym.of(symbol)
        while name in found or (name in bound and bound[name] is not said):
            if isinstance(bound.get(name), Sym) and bound[name].key == said.key:
                break
            name += "_"
        found[name] = said
    return found


def inside(inner: dict[str, Any], bound: dict[str, Any], declared: set[str]) -> dict[str, Any]:
    """The arguments as the class has them. ``inner``: its parameters; the function knows those that it has declared."""
    settings = settings_of(bound)
    table = {said.args[0]: inner[name] for name, said in settings.items()}
    own = {name: v for name, v in inner.items() if name not in settings or name in declared}
    return {name: within(v, table) for name, v in own.items()}


def within(value: Any, table: dict[Symbol, Any]) -> Any:
    """A choice in terms of the parameters of the class."""
    if not isinstance(value, Choice):
        return value
    test = substitute(expand(value.test), table)
    return Choice(test, within(value.then, table), within(value.orelse, table))


def leaves(value: Any) -> Iterator[Any]:
    """What is chosen from."""
    if isinstance(value, Choice):
        yield from leaves(value.then)
        yield from leaves(value.orelse)
    else:
        yield value


def key(choice: Choice, kind_of: Callable[[Any], Any]) -> Any:
    """Equal keys: the same is chosen from in the same way, whatever it hangs on."""
    numbered = {s: f"setting {i}" for i, s in enumerate(_settings(choice))}

    def said(value: Any) -> Any:
        if not isinstance(value, Choice):
            return kind_of(value)
        return (key_of(_shape(expand(value.test), numbered)), said(value.then), said(value.orelse))

    return ("choice", said(choice))


def _settings(value: Any) -> list[Symbol]:
    if not isinstance(value, Choice):
        return []
    own = sorted(symbols_in(expand(value.test)), key=lambda s: s.name)
    found = [s for s in own if s.kind != "global"]
    return list(dict.fromkeys([*found, *_settings(value.then), *_settings(value.orelse)]))


def _shape(value: Any, numbered: dict[Symbol, str]) -> Any:
    """An expression as nested tuples, its settings by number."""
    if isinstance(value, Symbol):
        return numbered.get(value, value)
    if isinstance(value, Sym):
        return (value.head, *(_shape(a, numbered) for a in value.args))
    return tuple(_shape(v, numbered) for v in value) if isinstance(value, (list, tuple)) else value
