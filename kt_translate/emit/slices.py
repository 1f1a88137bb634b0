"""The statements of a source that build its models, without its data, its training and its plots."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from kt_translate.emit.names import names_in
from kt_translate.emit.old_calls import modern, names_of_version_1
from kt_translate.evaluate.modules import find

BY_HAND = "# "  # before a value that is to stand whatever the source says

ARRAY = "np.zeros("  # of data, only the shape is known

# Modules whose functions depend on nothing but their arguments.
PURE = {
    "__future__",
    "abc",
    "collections",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
    "keras",
    "math",
    "numpy",
    "operator",
    "re",
    "string",
    "tensorflow",
    "tf_keras",
    "typing",
}
# What reads data, wherever it comes from.
_READS = {
    "fromfile",
    "genfromtxt",
    "get_file",
    "image_dataset_from_directory",
    "input",
    "listdir",
    "load",
    "load_data",
    "load_img",
    "loadtxt",
    "open",
    "parse_args",
    "read_csv",
    "text_dataset_from_directory",
}
# What a model does that is no part of building it.
_USES = {
    "adapt",
    "compile",
    "evaluate",
    "evaluate_generator",
    "fit",
    "fit_generator",
    "load_weights",
    "predict",
    "predict_generator",
    "save",
    "save_weights",
    "summary",
    "test_on_batch",
    "train_on_batch",
}


_REGISTERED = ".get_custom_objects"


@dataclass
class _Statement:
    """A top-level statement: the names that it binds, changes and reads."""

    node: ast.stmt
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    calls: dict[str, set[str]] = field(default_factory=dict)  # functions, and what they are handed
    pure: bool = True
    tainted: bool = False  # by data, directly or through what it reads

    @classmethod
    def of(cls, node: ast.stmt) -> _Statement:
        made = cls(node)
        made.binds = set(_bound(node))
        inner = list(ast.walk(node))
        made.reads = {*names_in(node)}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return made
        made.pure = not any(_reads_data(n) for n in inner)
        for part in inner:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
                made._call(part.value)
            elif isinstance(part, (ast.Attribute, ast.Subscript)) and not isinstance(
                part.ctx, ast.Load
            ):
                made.changes |= _root(part)
        return made

    def _call(self, call: ast.Call) -> None:
        """``model.add(...)`` changes the model; so may ``freeze(model)``, where the file has that function."""
        if isinstance(call.func, ast.Attribute):
            if call.func.attr not in _USES:
                self.changes |= _root(call.func)
            elif call.func.attr == "compile":
                self.changes |= {f"{name} compiled" for name in _root(call.func)}
        elif isinstance(call.func, ast.Name):
            self.calls[call.func.id] = {a.id for a in call.args if isinstance(a, ast.Name)}


def slice_of(
    text: str,
    wanted: Iterable[str],
    values: Mapping[str, str] | None = None,
    compiled: Iterable[str] = (),
    flavour: str = "3",
    marks: Mapping[int, str] | None = None,
    path: Path | None = None,
) -> str:
    """The statements that the wanted names need.

    Args:
        text: the source.
        wanted: names of the module.
        values: what is known of names whose own statements need data, as expressions.
        compiled: the models whose ``compile`` is needed, too.
        flavour: the Keras that the source is written for; older ones are brought up to tf_keras.
        marks: names by which to keep what the assignments that start or end on these lines give.
        path: the source's file: what it imports from others of its project depends on no data either.
    """
    found = [_Statement.of(node) for node in _statements(ast.parse(text).body)]
    values = values or {}
    own = {s.node.name for s in found if isinstance(s.node, ast.FunctionDef)}
    for statement in found:
        for name in own & statement.calls.keys():
            statement.changes |= statement.calls[name]
    _taint(found, values, path)
    needed = {*wanted, *(f"{name} compiled" for name in compiled), *_registering(found)}
    kept: list[_Statement] = []
    while True:
        size = len(needed)
        kept = [s for s in found if _is_needed(s, needed)]
        for statement in kept:
            if not _replaced(statement, values, needed):
                needed |= statement.reads
        if len(needed) == size:
            break
    lines: list[str] = []
    version_1 = names_of_version_1(s.node for s in found)
    for statement in kept:
        lines += _text(statement, text, values, needed, flavour, version_1)
        for line, name in (marks or {}).items():
            if statement.node.lineno <= line <= (statement.node.end_lineno or 0):
                lines += [f"{name} = {bound}" for bound in sorted(statement.binds)][:1]
    return "\n".join(_imports_joined(lines))


def _imports_joined(lines: list[str]) -> Iterator[str]:
    """Neighbouring imports from one module in one line."""
    for module, group in groupby(lines, lambda line: line.partition(" import ")[0]):
        several = list(group)
        starred = any(line.endswith("import *") for line in several)
        if module.startswith("from ") and len(several) > 1 and not starred:
            names = ", ".join(line.partition(" import ")[2] for line in several)
            one = f"{module} import {names}"
            lined = names.replace(", ", ",\n    ")
            yield one if len(one) <= 100 else f"{module} import (\n    {lined},\n)"
        else:
            yield from several


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when the file is run as a script."""
    for node in body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            yield from node.body
        else:
            yield node


def _registering(found: list[_Statement]) -> set[str]:
    """What statements call that give functions names among Keras's own: no other statement has to read these."""
    imports = [s.node for s in found if isinstance(s.node, (ast.Import, ast.ImportFrom))]
    names = {n for node in imports for n, path in _imports(node) if path.endswith(_REGISTERED)}
    return {name for s in found for name in names & s.changes}


def _is_needed(statement: _Statement, needed: set[str]) -> bool:
    if isinstance(statement.node, (ast.Import, ast.ImportFrom)):
        star = any(alias.name == "*" for alias in statement.node.names)
        return star or bool(statement.binds & needed)
    return bool((statement.binds | statement.changes) & needed)


def bound_names(text: str) -> Iterator[str]:
    """The names that a module defines."""
    for node in _statements(ast.parse(text).body):
        yield from _bound(node)


def _taint(found: list[_Statement], values: Mapping[str, str], home: Path | None) -> None:
    """Mark what comes from data, files or packages other than Keras, numpy and the project itself.

    A name of which the value is known is as good as one that the source says itself.
    """
    names: set[str] = set()
    for statement in found:
        node = statement.node
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            own = _is_own(node, home)
            names |= {name for name, path in _imports(node) if not (own or _is_pure(path))}
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            targets = set(_bound(node.target)) if isinstance(node, ast.For) else set()
            arrays = {n for n in statement.binds if values.get(n, "").startswith(ARRAY)}
            statement.tainted = (
                not statement.pure
                or bool((statement.reads - targets) & names)
                or (bool(statement.binds) and arrays == statement.binds)
            )
            if statement.tainted:
                names |= statement.binds - values.keys()


def _is_own(node: ast.Import | ast.ImportFrom, home: Path | None) -> bool:
    """Whether an import is of files of the project."""
    if isinstance(node, ast.ImportFrom):
        return find(home, node.module or "", node.level) is not None
    return all(find(home, alias.name, 0) is not None for alias in node.names)


def _is_pure(path: str) -> bool:
    return path.split(".")[0] in PURE and "datasets" not in path


def _replaced(statement: _Statement, values: Mapping[str, str], needed: set[str]) -> bool:
    """Whether what is known of its names stands for a statement, if anything does."""
    if not statement.binds or statement.changes & needed - statement.binds:
        return False
    by_hand = {name for name, value in values.items() if value.startswith(BY_HAND)}
    return statement.tainted or statement.binds <= by_hand


def _text(
    statement: _Statement,
    text: str,
    values: Mapping[str, str],
    needed: set[str],
    flavour: str,
    version_1: set[str],
) -> list[str]:
    if _replaced(statement, values, needed):
        told = sorted(statement.binds & values.keys() & needed)
        return [f"{name} = {values[name].removeprefix(BY_HAND)}" for name in told]
    node = statement.node
    if flavour != "3" or isinstance(node, (ast.Import, ast.ImportFrom)):
        return [ast.unparse(n) for n in modern(node, flavour, version_1)]
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    if node.col_offset or _shares_lines(node, text):
        return [ast.unparse(node)]
    return lines


def _shares_lines(node: ast.stmt, text: str) -> bool:
    """Whether other statements stand on its lines."""
    tail = text.encode().splitlines()[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :]
    return bool(tail.strip()) and not tail.strip().startswith(b"#")


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement gives a value in the scope that it stands in."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (name for name, _ in _imports(node))
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id
    elif isinstance(node, ast.Lambda):
        return
    else:
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that an import gives, with the full names of what they stand for."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.asname or alias.name.split(".")[0], alias.name
        else:
            yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"


def _reads_data(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.Attribute) and node.attr == "argv"
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in _READS


def _root(node: ast.AST) -> set[str]:
    """The name at the start of ``a.b[c].d``."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
