"""What follows in a function."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.values import Scope
from kt_translate.source.walk import bound_in, parts, rebinds_outer

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

LOADING = ("load_weights", "summary", "print", "warn", "warning", "info", "debug")


def loads_only(node: cst.If, scope: Scope) -> bool:
    """Whether all that a condition in a function decides is which weights are loaded: no model is another for it."""
    function = scope.function.node if scope.function is not None else None
    if not isinstance(function, cst.FunctionDef) or not _is_loading(node):
        return False
    bound = bound_in(node)
    loaded = bound <= _read(node.body).keys()  # and not ``last = layers.pop()``
    within, everywhere = _read(node), _read(function.body)
    unread = all(everywhere[name] == within[name] for name in bound)
    return loaded and unread and not rebinds_outer(function)


def sets_weights(node: cst.BaseExpression) -> bool:
    """Whether a layer that is sought in a model gets other weights: the loader has them, the model is what it was."""
    found: Any = node
    for name in ("set_weights", "get_layer"):
        if not isinstance(found, cst.Call) or not isinstance(found.func, cst.Attribute):
            return False
        if found.func.attr.value != name:
            return False
        found = found.func.value
        if isinstance(found, cst.Subscript) and isinstance(found.value, cst.Attribute):
            return found.value.attr.value == "layers"
    return True


def _is_loading(node: Any) -> bool:
    if isinstance(node, cst.If):
        return _is_loading(node.body) and (node.orelse is None or _is_loading(node.orelse))
    if isinstance(node, cst.Else):
        return _is_loading(node.body)
    if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementLine)):
        return all(map(_is_loading, node.body))
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.Call):
        called = node.value.func
        name = called.attr if isinstance(called, cst.Attribute) else called
        return isinstance(name, cst.Name) and name.value in LOADING
    return isinstance(node, cst.Assign) and all(
        isinstance(t.target, cst.Name) for t in node.targets
    )


@lru_cache(maxsize=4096)
def _read(node: cst.CSTNode) -> Counter[str]:
    """The names that a piece of the source reads, and how often."""
    found: Counter[str] = Counter()
    waiting: list[Any] = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, cst.Name):
            found[inner.value] += 1
        alone = isinstance(inner, cst.AssignTarget) and isinstance(inner.target, cst.Name)
        waiting.extend(() if alone else parts(inner))
    return found


def read_later(ev: Interpreter, name: str) -> bool:
    """Whether what follows in the function reads the name before it binds it again."""
    read = re.compile(rf"(?<![\w.'\"]){re.escape(name)}\b(?!\s*=[^=])(?!['\"])")
    bound = re.compile(rf"{re.escape(name)}\s*=[^=]|for {re.escape(name)} in ")
    again = re.compile(rf"for\b[^:\n]*?(?<![\w.]){re.escape(name)}\b[^:\n]*?\bin\b([^:\n]*)")
    for statements, _ in reversed(ev.rest[ev.rest_of_function :]):
        for statement in statements or ():
            text = re.sub(r"^(?:#.*\n\s*)+", "", ev.source.code(statement).strip())
            loop, first = again.search(text), read.search(text)
            binds = loop and first and loop.start() < first.start() < loop.start(1)
            if loop and binds and not read.search(loop[1]):
                if loop.start() == 0 or "\n" in text:
                    return False  # a loop, or one within the statement
                continue  # a comprehension's own
            if loop and loop.start() > 0 and "\n" not in text:
                continue
            if first:
                return True
            if bound.match(text):
                return False
    return False
