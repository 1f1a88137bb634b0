"""Files whose decorators, which other files define, keep what they are given: in a table, or as attributes of a module.

Such a file runs when something of it is asked for, or what its decorators may have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kt_translate.evaluate.awaited import settled
from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    Method,
    Module,
    Partial,
    Scope,
    Unknown,
)
from kt_translate.source.walk import names_in

MOST = 60  # functions that a decorator comes to


@dataclass
class Registrants:
    """Those that have not run yet, each with what its decorators reach: scopes, classes, objects."""

    waiting: list[tuple[Module, list[Any]]] = field(default_factory=list)
    decorating: int = 0  # within decorators, which read their tables only to add to them

    @contextmanager
    def adding(self) -> Iterator[None]:
        self.decorating += 1
        try:
            yield
        finally:
            self.decorating -= 1

    def due(self, holder: Any, value: Any) -> list[Module]:
        """The files that may have to run before ``value``, which a module's scope or a class has, is read."""
        if self.decorating or not self.waiting:
            return []
        due = [m for m, reached in self.waiting if any(_holds(r, holder, value) for r in reached)]
        self.waiting = [(m, reached) for m, reached in self.waiting if m not in due]
        return due


def _holds(reached: Any, holder: Any, value: Any) -> bool:
    if reached is value or reached is holder:
        return True
    return isinstance(reached, Scope) and any(v is value for v in reached.names.values())


def reached_by(decorator: Any) -> list[Any] | None:
    """What a decorator may change; None where that cannot be said."""
    if decorator is None or isinstance(decorator, Unknown):
        return None
    reached: list[Any] = []
    todo: list[Any] = [decorator]
    seen: list[Any] = []
    while todo:
        value = todo.pop()
        if any(value is v for v in seen):
            continue
        seen.append(value)
        if isinstance(value, (Method, Partial)):
            todo += [value.function, *([value.instance] if isinstance(value, Method) else [])]
        elif isinstance(value, Instance):
            reached.append(value)
            todo.append(value.cls)
        elif isinstance(value, Class):
            reached.append(value)
            todo += [v for v in value.names.values() if isinstance(v, Function)]
        elif isinstance(value, Module):
            reached.append(value.scope)
        elif isinstance(value, Function):
            names = value.scope.names
            if value.scope.kind == "class":
                names = value.scope.module.names
            elif value.scope.kind != "module":
                return None
            reached.append(value.scope.module)
            todo += [settled(names, n) for n in sorted(names_in(value.node) & names.keys())]
        if len(seen) > MOST:
            return None
    return reached
