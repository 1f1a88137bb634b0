"""What happens when a file is imported, as far as its text tells: whether that can wait until a name of it is asked for."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

_REACHING = (
    "setattr",
    "delattr",
    "exec",
    "eval",
    "globals",
    "vars",
)  # builtins that may change anything
_SAID = (
    "__doc__",
    "__name__",
    "__qualname__",
    "__module__",
)  # of what other files define, for readers
_READING = (ast.Call, ast.BinOp, ast.Subscript, ast.comprehension, ast.For, ast.Starred)


@dataclass(frozen=True)
class Import:
    """A name that a file has from another one; ``name`` is None where it is the module itself, "*" for all names."""

    dotted: str
    level: int
    name: str | None


@dataclass
class Body:
    """The statements of a file that run when it is imported."""

    imports: list[Import] = field(default_factory=list)
    acts: bool = True  # on other files, or reads what these may change
    decorators: dict[str, Import] = field(default_factory=dict)  # of other files


def body_of(text: str, ours: Callable[[Import], bool]) -> Body:
    """What the statements of a file do. ``ours`` says whether an import is one from the project.

    Raises SyntaxError for what is not Python.
    """
    tree = ast.parse(text)
    bound: dict[str, Import] = {}
    outside: set[str] = set()
    body = Body()
    for node in _run(tree):
        for name, said in _imports(node):
            if ours(said):
                bound[name] = said
                body.imports.append(said)
            else:
                outside.add(name)
    own = {n.name: n for n in _run(tree) if isinstance(n, _DEFINED)}
    theirs = _Theirs(set(bound) - own.keys(), tree if "*" in bound else None)
    acting = {name for name, node in own.items() if theirs.within(ast.walk(node))}
    while more := {n for n, d in own.items() if n not in acting and _names(ast.walk(d)) & acting}:
        acting |= more
    found = {_path(d) for node in own.values() for d in node.decorator_list}
    roots = {path: path.partition(".")[0] for path in found if path is not None}
    body.decorators = {path: bound[root] for path, root in roots.items() if root in bound}
    assigned = {n.id for n in _run(tree) if isinstance(n, ast.Name)} - bound.keys()
    body.acts = (
        None in found
        or any(r in acting or (theirs.has(r) and r not in bound) for r in roots.values())
        or any(_acts(node, theirs, {*own, *assigned} - outside, acting) for node in _run(tree))
    )
    return body


_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Theirs:
    """The names that a file has from other files of the project."""

    def __init__(self, names: set[str], starred: ast.Module | None) -> None:
        self.names = names
        self.known: set[str] | None = None  # where a star brings names that the text does not say
        if starred is not None:
            stored = {
                n.id
                for n in ast.walk(starred)
                if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)
            }
            defined = {n.name for n in ast.walk(starred) if isinstance(n, _DEFINED)}
            args = {n.arg for n in ast.walk(starred) if isinstance(n, ast.arg)}
            others = {name for n in ast.walk(starred) for name, _ in _imports(n)} - names
            self.known = stored | defined | args | others | set(dir(builtins))

    def has(self, name: str) -> bool:
        return name in self.names or (self.known is not None and name not in self.known)

    def within(self, nodes: Iterator[ast.AST]) -> bool:
        return any(map(self.has, _names(nodes)))


def _acts(node: ast.AST, theirs: _Theirs, own: set[str], acting: set[str]) -> bool:
    """Whether a part of a statement changes what is not the file's, or reads what others may change until later."""
    if isinstance(node, _READING) and theirs.within(_run(node)):
        return True
    if isinstance(node, ast.Dict):
        return any(k is None and theirs.within(_run(v)) for k, v in zip(node.keys, node.values))
    if isinstance(node, ast.Call):
        root = (_path(node.func) or "").partition(".")[0]
        return root in _REACHING or bool(_names(_run(node)) & acting)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        root = (_path(node.value.func) or "").partition(".")[0]
        return root not in own and root not in dir(builtins)
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        said = isinstance(node, ast.Attribute) and node.attr in _SAID
        return not said and theirs.within(_run(node.value))
    return False


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the parts of it that run with it: of functions, only what their parameters are by default."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        yield at
        if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += [d for d in (*at.args.defaults, *at.args.kw_defaults) if d is not None]
        elif isinstance(at, ast.ClassDef):
            waiting += [*at.bases, *at.body]
        elif isinstance(at, ast.If) and _asks_for_script(at.test):
            waiting += at.orelse
        elif isinstance(at, ast.AnnAssign):
            waiting += [at.target, *([at.value] if at.value is not None else [])]
        else:
            waiting += ast.iter_child_nodes(at)


def _asks_for_script(test: ast.expr) -> bool:
    """``__name__ == "__main__"``, which does not hold where a file is imported."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.Eq)
        and "__name__" in _names((test.left, *test.comparators))
    )


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {n.id for n in nodes if isinstance(n, ast.Name)}


def _path(node: ast.expr) -> str | None:
    """``a.b`` of a decorator, whether it is called or not; None for any other expression."""
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        inner = _path(node.value)
        return None if inner is None else f"{inner}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None


def _imports(node: ast.AST) -> Iterator[tuple[str, Import]]:
    """The names that an import binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            path = alias.name if alias.asname else top
            yield alias.asname or top, Import(path, 0, None)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, Import(node.module or "", node.level, alias.name)
