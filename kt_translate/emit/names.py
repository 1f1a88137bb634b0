"""The names in a piece of syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def names_in(*nodes: ast.AST) -> frozenset[str]:
    """The names that syntax reads or writes."""
    return frozenset(n.id for n in _walk(nodes) if isinstance(n, ast.Name))


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """As `ast.walk`, without its generality: this runs over thousands of lines of support code."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                todo.append(value)
            elif isinstance(value, list):
                todo += [v for v in value if isinstance(v, ast.AST)]
