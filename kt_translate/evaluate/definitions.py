"""The text of classes of the source that hold settings, for the generated code to have them too."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kt_translate.evaluate.awaited import settled
from kt_translate.evaluate.values import Class, External, Scope, plain
from kt_translate.graph.sym import UNKNOWN, Sym
from kt_translate.pytorch.library import reserved_names

LONGEST = 80  # of the constants of other files that are written in place of their names
_PYTHON = {"abc", "collections", "dataclasses", "enum", "math", "types", "typing"}


@dataclass(frozen=True)
class Definition:
    """A class as it stands in the output."""

    text: str
    imports: dict[str, str]
    """The statements that import the names in it."""
    needs: list[Class]
    """The source's other classes that it speaks of."""


def definition(cls: Class) -> Definition | None:
    """The class without the methods that need more than Python; None where the class itself does."""
    if cls.definition is UNKNOWN:
        cls.definition = None  # where it speaks of itself
        cls.definition = _made(cls)
    return cls.definition  # type: ignore[no-any-return]


def _made(cls: Class) -> Definition | None:
    if cls.node is None or cls.source is None or cls.name in reserved_names():
        return None
    text = textwrap.dedent(cls.source.code(cls.node)).strip("\n")
    tree = ast.parse(text).body[0]
    assert isinstance(tree, ast.ClassDef)
    lines = _with_constants(tree, text.split("\n"), cls)
    imports: dict[str, str] = {}
    needs: list[Class] = []
    left = len(tree.body)
    for part in reversed(tree.body):
        found = _resolved(part, cls)
        method = isinstance(part, ast.FunctionDef) and not part.name.startswith("__")
        if found is None and not method:
            return None
        if found is None or (method and _is_abstract(part)):
            decorators = getattr(part, "decorator_list", [])
            first = min(p.lineno for p in (part, *decorators))
            del lines[first - 1 : part.end_lineno]
            left -= 1
            continue
        imports |= found[0]
        needs += found[1]
    head = _resolved(ast.Tuple([*tree.bases, *tree.decorator_list], ast.Load()), cls)
    if head is None or tree.keywords:
        return None
    text = "\n".join(lines) + ("" if left else "\n    pass")
    return Definition(text, imports | head[0], [*needs, *head[1]])


def _is_abstract(part: ast.AST) -> bool:
    """Whether a class of which others are left without this method could not be instantiated."""
    return any("abstract" in ast.unparse(d) for d in getattr(part, "decorator_list", []))


def _resolved(part: ast.AST, cls: Class) -> tuple[dict[str, str], list[Class]] | None:
    """The imports and classes of the source that the names in a part of a class stand for; None: something else."""
    imports: dict[str, str] = {}
    needs: list[Class] = []
    for name in _free(part):
        value = _lookup(cls.scope, name)
        if name == cls.name or (value is None and (hasattr(builtins, name) or name in cls.names)):
            continue
        if isinstance(value, Class) and definition(value) is not None:
            needs.append(value)
        elif isinstance(value, External) and value.path.split(".")[0] in _PYTHON:
            imports[name] = _import(value.path, name)
        elif not _is_global(value) and not _is_constant(value):
            return None
    return imports, needs


def _is_global(value: Any) -> bool:
    return isinstance(value, Sym) and all(s.kind == "global" for s in value.symbols)


def _is_constant(value: Any) -> bool:
    """Whether a class can have a value of another file's in place of its name."""
    return value is not None and plain(value) and len(repr(value)) < LONGEST


def _with_constants(tree: ast.ClassDef, lines: list[str], cls: Class) -> list[str]:
    """The lines of a class with the constants of the file that it comes from, which the output does not have."""
    lines = [*lines]
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    for name in sorted(read, key=lambda n: n.col_offset, reverse=True):
        value = _lookup(cls.scope, name.id)
        if name.end_col_offset is not None and name.id not in cls.names and _is_constant(value):
            line = lines[name.lineno - 1].encode()
            said = repr(value).encode()
            line = line[: name.col_offset] + said + line[name.end_col_offset :]
            lines[name.lineno - 1] = line.decode()
    return lines


def _import(path: str, name: str) -> str:
    module, _, last = path.rpartition(".")
    if not module:
        return f"import {path}" + (f" as {name}" if name != path else "")
    return f"from {module} import {last}" + (f" as {name}" if name != last else "")


def _free(part: ast.AST) -> set[str]:
    """The names that a part of a class reads and does not bind itself; those in quoted annotations too."""
    bound = {n.arg for n in ast.walk(part) if isinstance(n, ast.arg)}
    bound |= {
        n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    read = {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    return (read | set(_quoted(part))) - bound


def _quoted(part: ast.AST) -> Iterator[str]:
    for node in ast.walk(part):
        said = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            yield from re.findall(r"\b[A-Za-z_]\w*", said.value)


def _lookup(scope: Scope | None, name: str) -> Any:
    while scope is not None:
        if name in scope.names:
            return settled(scope.names, name)
        scope = scope.parent
    return None


def all_needed(classes: list[Class]) -> list[Class]:
    """The classes and those that they need, each below what it needs."""
    placed: list[Class] = []

    def place(cls: Class) -> None:
        found = definition(cls)
        if found is None or cls in placed or cls in waiting:
            return
        waiting.append(cls)
        for other in found.needs:
            place(other)
        placed.append(cls)

    waiting: list[Class] = []
    for cls in classes:
        place(cls)
    return placed
