"""The other files of the source's project, as far as the models of the parity test need them."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kt_translate.emit.slices import bound_names, slice_of
from kt_translate.evaluate.modules import find, package_name

Values = Callable[[Path], Mapping[str, str]]


@dataclass(frozen=True)
class _Import:
    """A file that is imported: under which name, and what of it (None: everything)."""

    module: str
    file: Path
    wanted: frozenset[str] | None


@dataclass
class Neighbours:
    """Slices of the files that the source imports, by the names by which it does.

    Args:
        path: the source's own file.
        flavour: the Keras that it is written for.
        values: what is known of a file's variables.
    """

    path: Path | None
    flavour: str
    values: Values
    texts: dict[str, str] = field(default_factory=dict)
    package: str = ""
    """The package that the source stands in; a made-up one where it is in none and imports as if it were."""

    def follow(self, kept: str) -> None:
        """Take what the statements ``kept`` of the source import, and what that imports in turn."""
        if self.path is None:
            return
        self.package = _package(kept, self.path)
        wanted: dict[str, set[str]] = {}
        todo = [(kept, self.package, self.path)]
        while todo:
            text, package, path = todo.pop()
            for found in _imports(text, package, path):
                names = wanted.setdefault(found.module, set())
                source = _read(found.file)
                more = set(_names_bound(source)) if found.wanted is None else found.wanted
                if found.module in self.texts and more <= names:
                    continue
                names |= more
                part = slice_of(
                    source,
                    names,
                    self.values(found.file),
                    flavour=self.flavour,
                    path=found.file,
                )
                self.texts[found.module] = part
                inside = found.file.name == "__init__.py"
                home = found.module if inside else found.module.rpartition(".")[0]
                todo.append((part, home, found.file))


def imported_files(path: Path) -> set[Path]:
    """The files of the project that a file imports."""
    text = _read(path)
    return {found.file for found in _imports(text, _package(text, path), path)}


def _package(text: str, path: Path) -> str:
    """The package of the source, as deep as its relative imports go up."""
    levels = [n.level for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)]
    known = [part for part in package_name(path, 1, "").split(".") if part]
    return ".".join(["source"] * (max(levels, default=0) - len(known)) + known)


def _imports(text: str, package: str, path: Path) -> Iterator[_Import]:
    """The imports of the project's own files."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                file = find(path, alias.name, 0)
                if file is not None and file.is_file():
                    yield _Import(alias.name, file, _read_of(tree, alias.asname))
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package, path, tree)


def _from(node: ast.ImportFrom, package: str, path: Path, tree: ast.Module) -> Iterator[_Import]:
    base = find(path, node.module or "", node.level)
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    name = ".".join([*(part for part in above if part), *([node.module] if node.module else [])])
    if base is None or not name:
        return
    defined = set(_names_bound(_read(base))) if base.is_file() else set()
    for alias in node.names:
        dotted = f"{node.module}.{alias.name}" if node.module else alias.name
        inner = None if alias.name in defined else find(path, dotted, node.level)
        if inner is not None and inner.is_file():
            yield _Import(f"{name}.{alias.name}", inner, _read_of(tree, alias.asname or alias.name))
        elif base.is_file():
            yield _Import(name, base, None if alias.name == "*" else frozenset({alias.name}))


def _read_of(tree: ast.Module, name: str | None) -> frozenset[str] | None:
    """What is read of a module that has a name of its own; None where that is not clear."""
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    owners = {id(n.value): n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    read = [owners.get(id(n)) for n in names]
    if name is None or None in read:
        return None
    return frozenset(attribute for attribute in read if attribute)


def _read(path: Path) -> str:
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=512)
def _read_once(path: Path, changed: int) -> str:
    """The text of a file as it was when last ``changed``; nothing if it is no Python."""
    try:
        with tokenize.open(path) as file:
            text = file.read()
        ast.parse(text)
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return ""
    return text


@lru_cache(maxsize=512)
def _names_bound(text: str) -> frozenset[str]:
    return frozenset(bound_names(text))
