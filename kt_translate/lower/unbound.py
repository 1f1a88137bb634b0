"""Names that a class reads before it binds them: what it says would raise in PyTorch, and must not be written."""

from __future__ import annotations

import ast
import re

from kt_translate.lower.class_code import ClassCode


def unbound(code: ClassCode, names: set[str]) -> str | None:
    """The first of these names, numbered maybe, that a method reads and has not bound; None where there is none."""
    guards = [f"assert {test}" for test, _ in code.guards]
    ends = [f"return {code.returns}", *([code.logits] if code.logits else [])]
    methods = (
        (["self", *code.parameters], [*code.instead, *guards, *code.init]),
        (["self", code.arguments], [*code.body, *ends]),
    )
    for parameters, lines in methods:
        body = "\n".join(f"    {line}" for text in ("pass", *lines) for line in text.splitlines())
        function = ast.parse(f"def method({', '.join(filter(None, parameters))}):\n{body}\n")
        if (name := _first_unbound(function, names)) is not None:
            return name
    return None


def _first_unbound(function: ast.Module, names: set[str]) -> str | None:
    """A statement is one line: what a comprehension binds, it reads on the same."""
    read: dict[str, int] = {}
    bound: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            bound[node.arg] = 0
        elif isinstance(node, ast.Name):
            places = read if isinstance(node.ctx, ast.Load) else bound
            places[node.id] = min(node.lineno, places.get(node.id, node.lineno))
    for name, line in sorted(read.items(), key=lambda item: item[1]):
        sized = {name, re.sub(r"_\d+$", "", name)} & names
        if sized and bound.get(name, line + 1) > line:
            return name
    return None
