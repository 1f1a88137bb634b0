"""Copies support code into an output: the definitions that it uses, and what those use in turn."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from kt_translate.emit.names import Uses, names_in, uses_of
from kt_translate.emit.trimming import trimmed
from kt_translate.pytorch.library import definitions, imports, support_names

_WEIGHTS = (
    "weights",
    "weights_read",
    "convert",
    "like_keras",
    "initializers",
    "regularizers",
    "constraints",
)


@dataclass(frozen=True)
class Unit:
    """One top-level definition of a support module."""

    name: str
    module: str
    text: str
    order: tuple[str, int]
    node: ast.stmt

    @cached_property
    def uses(self) -> Uses:
        """What it speaks of; found when it is asked for, since most units never are."""
        return uses_of(self.node)

    @cached_property
    def needs(self) -> set[str]:
        """The names of what must be there for it; those in annotations may be quoted."""
        return self.uses.names.union(re.findall(r'"([A-Z]\w*)"', self.text)) - {self.name}


@cache
def units_of(path: Path) -> dict[str, Unit]:
    """The definitions in one support module, by name."""
    found: dict[str, Unit] = {}
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        name = _defined(node)
        if name is None:
            continue
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        while start > 0 and lines[start - 1].startswith("#"):
            start -= 1
        body = "".join(lines[start : node.end_lineno])
        found[name] = Unit(name, path.stem, body.rstrip() + "\n", (path.stem, start), node)
    return found


def unit(name: str) -> Unit:
    """The support definition of that name."""
    return units_of(definitions()[name])[name]


def _defined(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def words(text: str) -> set[str]:
    """The names in a piece of code, those of its comments left out."""
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r"(^|\s)# .*", "", text)))


def needed(outputs: Uses, also: tuple[str, ...] = ()) -> tuple[list[Unit], list[Unit]]:
    """The support units that outputs need: what PyTorch lacks, and what loads weights; each in order.

    Of the latter only as much as the modules have a use for.
    """
    lacks = _closure(outputs.names, lambda unit: None if unit.module in _WEIGHTS else unit)
    uses = Uses(set(also))
    for part in (outputs, *(unit.uses for unit in lacks)):
        uses.add(part)
    loader = _closure(uses.names, lambda unit: None if unit in lacks else _cut(unit, uses))
    return _constants_last(lacks), _constants_last(loader)


def _closure(names: Set[str], taken: Callable[[Unit], Unit | None]) -> list[Unit]:
    """The units of these names, and of the names that they use, in the form in which they are taken."""
    table = support_names()
    todo = list(table & names)
    found: dict[str, Unit | None] = {}
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = used = taken(unit(name))
            todo += table & used.needs if used else ()
    return sorted((unit for unit in found.values() if unit), key=lambda unit: unit.order)


def _cut(unit: Unit, uses: Uses) -> Unit:
    text = trimmed(unit.text, unit.node, unit.order[1], uses)
    return unit if text == unit.text else replace(unit, text=text, node=ast.parse(text).body[0])


def _constants_last(found: list[Unit]) -> list[Unit]:
    """Definitions first; constants refer to them, and subclasses to their bases."""
    names = {u.name for u in found}
    placed: list[Unit] = []
    rest = list(found)
    done: set[str] = set()
    while rest:
        unit = next((u for u in rest if not (_bases(u) & names - done)), rest[0])
        rest.remove(unit)
        placed.append(unit)
        done.add(unit.name)
    return placed


@lru_cache(maxsize=512)
def _bases(unit: Unit) -> Set[str]:
    """What must stand above: bases and decorators of a class, everything in a constant."""
    node = unit.node
    if isinstance(node, ast.ClassDef):
        kept = [s for s in node.body if isinstance(s, (ast.Assign, ast.AnnAssign))]
        return names_in(*node.bases, *node.decorator_list, *kept)
    if isinstance(node, ast.FunctionDef):
        defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
        return names_in(*node.decorator_list, *defaults)
    return unit.needs


def import_lines(
    names: Set[str] = frozenset(),
    copied: Iterable[Unit] = (),
    also: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """The import statements for ``names`` and those that support code uses, grouped as ruff wants them.

    Args:
        copied: the support code.
        also: the statements for names that the source has by itself.
    """
    known = {**imports(), **also}
    used = frozenset(names).union(*(unit.uses.names for unit in copied))
    lines = {known[name] for name in used if name in known}
    merged: dict[str, set[str]] = {}
    plain = set()
    for line in lines:
        if line.startswith("from "):
            module, name = line[5:].split(" import ")
            merged.setdefault(module, set()).add(name)
        else:
            plain.add(line)
    froms = {
        f"from {m} import {', '.join(sorted(names, key=isort))}" for m, names in merged.items()
    }
    third = ("h5py", "numpy", "torch")
    groups = ([], [])  # type: tuple[list[str], list[str]]
    for line in [*plain, *froms]:
        groups[line.split()[1].split(".")[0] in third].append(line)
    parts = [sorted(g, key=lambda s: (s.startswith("from"), s.split()[1])) for g in groups]
    return [*parts[0], *([""] if parts[0] and parts[1] else []), *parts[1]]


def isort(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)
