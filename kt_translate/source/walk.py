"""What a piece of the source holds: its parts, and the names that it reads and binds.

libcst's own walks go through every blank and comma, and compare what they find with what was there; these go through the
syntax alone. What they find of names is kept for the next time: a function is asked for it at each of its calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache, lru_cache
from typing import Any

import libcst as cst

_FORM = "comma colon dot equal semicolon lpar rpar lbrace rbrace lbracket rbracket header footer first_colon second_colon"
_NOT_SYNTAX = {
    *_FORM.split(),
    "leading_lines",
    "lines_after_decorators",
    "posonly_ind",
    "separator",
}
_TARGETS = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)


@cache
def _inner(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = (f.name for f in fields(kind))  # every node is a dataclass
    return tuple(n for n in names if n not in _NOT_SYNTAX and "whitespace" not in n)


def parts(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes that a node is made of, in the source's order, without blanks and punctuation."""
    found: list[Any] = []
    for name in _inner(type(node)):
        value = getattr(node, name)
        found += value if isinstance(value, (list, tuple)) else [value]
    return [part for part in found if _is_node(part.__class__)]


@cache
def _is_node(kind: Any) -> bool:
    return issubclass(kind, cst.CSTNode)  # an abstract class: isinstance asks at length


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all that it holds."""
    waiting = [node]
    while waiting:
        waiting.extend(parts(found := waiting.pop()))
        yield found


@lru_cache(maxsize=4096)
def names_in(node: cst.CSTNode) -> frozenset[str]:
    """The variables that a piece of the source names."""
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, cst.Name):
            found.add(inner.value)
        attached = isinstance(inner, (cst.Attribute, cst.Arg))
        waiting.extend([inner.value] if attached else parts(inner))
    return frozenset(found)


@lru_cache(maxsize=4096)
def bound_in(node: cst.CSTNode) -> frozenset[str]:
    """The variables that a piece of the source gives values to; of functions and classes in it, their names alone.

    What comprehensions bind is theirs alone.
    """
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, (cst.FunctionDef, cst.ClassDef)):
            found.add(inner.name.value)
            continue
        if isinstance(inner, _TARGETS):
            if not isinstance(inner.target, (cst.Attribute, cst.Subscript)):
                found |= names_in(inner.target)
        elif isinstance(inner, cst.AsName):
            found |= names_in(inner.name)
        elif isinstance(inner, cst.ImportAlias) and inner.asname is None:
            found.add(inner.evaluated_name.partition(".")[0])
        waiting.extend(parts(inner))
    return frozenset(found)


def own_names(node: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """The variables of a function's own: its parameters, and what its body binds."""
    given = node.params
    stars = [p for p in (given.star_arg, given.star_kwarg) if isinstance(p, cst.Param)]
    params = [*given.posonly_params, *given.params, *given.kwonly_params, *stars]
    return bound_in(node.body) | {p.name.value for p in params}


@lru_cache(maxsize=4096)
def is_generator(node: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a call of the function gives an iterator, and runs nothing of it yet."""
    waiting: list[cst.CSTNode] = [node.body]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, cst.Yield):
            return True
        if not isinstance(inner, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            waiting.extend(parts(inner))
    return False


@lru_cache(maxsize=4096)
def rebinds_outer(node: cst.CSTNode) -> bool:
    """Whether a function changes names of the functions or the module around it."""
    return any(isinstance(n, (cst.Nonlocal, cst.Global)) for n in walk(node))


class Named(cst.CSTTransformer):
    """Puts names in the places of items and attributes, by the ids of their nodes."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names = names

    def _named(self, node: cst.BaseExpression, updated: cst.BaseExpression) -> cst.BaseExpression:
        name = self.names.get(id(node))
        return updated if name is None else cst.Name(name)

    leave_Subscript = leave_Attribute = _named  # type: ignore[assignment]
