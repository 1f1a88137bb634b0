"""The names in a piece of syntax, and what else it makes use of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Uses:
    """What code speaks of: names, attributes, and the options that it passes to functions by their names."""

    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    options: dict[str, set[str]] = field(default_factory=dict)

    def add(self, other: Uses) -> None:
        self.names |= other.names
        self.attributes |= other.attributes
        for function, passed in other.options.items():
            self.options.setdefault(function, set()).update(passed)


def uses_of(*nodes: ast.AST) -> Uses:
    """What pieces of syntax make use of."""
    found = Uses()
    for node in _walk(nodes):
        if isinstance(node, ast.Name):
            found.names.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.attributes.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            passed = (keyword.arg for keyword in node.keywords if keyword.arg)
            found.options.setdefault(node.func.id, set()).update(passed)
    return found


def names_in(*nodes: ast.AST) -> frozenset[str]:
    """The names that syntax reads or writes."""
    return frozenset(n.id for n in _walk(nodes) if isinstance(n, ast.Name))


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """As `ast.walk`, without its generality: this runs over thousands of lines of support code."""
    todo: list[object] = list(nodes)
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.AST):
            continue
        yield node
        for name in node._fields:
            if name not in _PLAIN:
                value = getattr(node, name)
                todo += value if isinstance(value, list) else [value]


# The fields in which no names can be.
_PLAIN = {"id", "attr", "arg", "ctx", "op", "ops", "kind", "type_comment", "name", "level"}
