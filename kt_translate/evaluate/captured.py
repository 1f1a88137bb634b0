"""What a function reads in the functions around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kt_translate.evaluate.chosen_arguments import leaves
from kt_translate.evaluate.values import Function, Partial, Scope
from kt_translate.graph.choice import Choice
from kt_translate.graph.sym import Symbol, symbols_in
from kt_translate.source.walk import names_in, rebinds_outer


def captured(value: Any, within: tuple[Any, ...] = ()) -> Iterator[Symbol]:
    """The symbols that a function reads in the functions around it."""
    for leaf in leaves(value) if isinstance(value, Choice) else ():
        yield from symbols_in(leaf)
        yield from captured(leaf, within)
    if isinstance(value, Partial):
        yield from symbols_in([*value.args, value.kwargs])
        yield from captured(value.function, within)
    if not isinstance(value, Function) or value.scope.parent is None or value in within:
        return
    read = names_in(value.node)
    scope: Scope | None = value.scope
    while scope is not None and scope.parent is not None:
        for name in read & scope.names.keys():
            yield from symbols_in(scope.names[name])
            yield from captured(scope.names[name], (*within, value))
        scope = scope.parent


def left_by_branch(value: Any, names: dict[str, Any]) -> Any:
    """What a branch returns, whose ``names`` the other branch binds anew: a function keeps those that it was made among."""
    if not isinstance(value, Function) or value.scope.names is not names:
        return value
    if value.scope.kind != "function" or rebinds_outer(value.node):
        return value
    return replace(value, scope=replace(value.scope, names=dict(names)))
