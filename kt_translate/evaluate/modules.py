"""Other files of the source's project: found and read beside it, never imported."""

from __future__ import annotations

import os
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import Diagnostic
from kt_translate.evaluate import registered
from kt_translate.evaluate.awaited import settled
from kt_translate.evaluate.values import Instance, Module, Scope, Unknown
from kt_translate.graph.region import CURRENT, Region
from kt_translate.source.bodies import Body, body_of
from kt_translate.source.names import canonical, is_keras
from kt_translate.source.syntax import Source, SourceError

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_FILES = 200
MAX_SIZE = 2_000_000
_PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
_MAX_UP = 4
_NEVER = {
    *sys.stdlib_module_names,
    "keras",
    "tf_keras",
    "tensorflow",
    "numpy",
    "keras_core",
    "torch",
}


# -- finding --------------------------------------------------------------------------------------


def find(path: Path | None, dotted: str, level: int) -> Path | None:
    """The file or folder that an import in the file at ``path`` names; None if it is not of the project."""
    if path is None:
        return None
    parts = dotted.split(".") if dotted else []
    folder = Path(os.path.abspath(path)).parent
    if level:
        for _ in range(level - 1):
            folder = folder.parent
        return _file_of(folder, parts)
    if not parts or parts[0] in _NEVER:
        return None
    return next((found for root in _roots(folder) if (found := _file_of(root, parts))), None)


def _roots(folder: Path) -> Iterator[Path]:
    """Where the project's own modules may lie: beside the source, above its package, up to the project's root."""
    yield folder
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
        yield folder
    for _ in range(_MAX_UP):
        if folder == folder.parent or any((folder / mark).exists() for mark in _PROJECT_MARKS):
            return
        folder = folder.parent
        yield folder


def _file_of(root: Path, parts: list[str]) -> Path | None:
    place = root.joinpath(*parts)
    if parts and (file := place.with_name(f"{place.name}.py")).is_file():
        return file
    if (package := place / "__init__.py").is_file():
        return package
    return place if place.is_dir() and any(place.glob("*.py")) else None


def package_name(path: Path | None, level: int, dotted: str) -> str:
    """The absolute name of a relative import, as far as packages go up from the file."""
    if path is None or not level:
        return dotted
    names: list[str] = []
    folder = Path(os.path.abspath(path)).parent
    for _ in range(level - 1):
        folder = folder.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join([*names, dotted] if dotted else names)


# -- loading --------------------------------------------------------------------------------------


def imported(ev: Interpreter, dotted: str, level: int = 0) -> Module | str | None:
    """What ``import dotted`` gives: a file of the project, or the full name of what comes from outside.

    None for a relative import of what is not there.
    """
    path = ev.source.path
    name = package_name(path, level, dotted)
    if level and is_keras(canonical(name)):
        return name
    found = find(path, dotted, level)
    module = load(ev, found) if found is not None else None
    return module if module is not None or level else dotted


def load(ev: Interpreter, path: Path, shown: str = "") -> Module | None:
    """The file at ``path``; None if it cannot be read.

    Its statements wait for a name of it to be asked for (`ready`) where nobody sees when they run.
    """
    path = Path(os.path.abspath(path))
    if path in ev.files:
        return ev.files[path]
    if ev.main.path is not None and path == Path(os.path.abspath(ev.main.path)):
        ev.files[path] = Module(ev.main.name, path, ev.module, ev.main)
        return ev.files[path]
    scope = Scope("module", {"__name__": path.stem, "__file__": str(path)})
    module = Module(shown or _shown(ev, path), path, scope)
    module.waits = path.is_file()
    ev.files[path] = module
    body = _body(path, path.stat().st_mtime_ns) if module.waits else None
    for said in body.imports if body is not None and not body.acts else ():
        if (found := find(path, said.dotted, said.level)) is not None:
            beside = load(ev, found)
            if beside is not None and said.name and found.name == "__init__.py":
                inner = _file_of(found.parent, [said.name])
                if inner is not None:
                    load(ev, inner)
    if (body is not None and not body.acts and _may_wait(ev, module, body)) or ready(ev, module):
        return module
    del ev.files[path]
    return None


def _may_wait(ev: Interpreter, module: Module, body: Body) -> bool:
    """Whether a file's decorators can run later, where something is asked for that they may change."""
    reached = []
    for path, said in body.decorators.items():
        found = find(module.path, said.dotted, said.level)
        value: Any = load(ev, found) if found is not None else None
        names = [said.name] if said.name else []
        for name in [*names, *path.split(".")[1:]]:
            value = member(ev, value, name) if isinstance(value, Module) else value
        if (changed := registered.reached_by(value)) is None:
            return False
        reached += changed
    if reached and module.waits:
        ev.registrants.waiting.append((module, reached))
    return True


def ready(ev: Interpreter, module: Module) -> bool:
    """Run a file's statements if they have not run yet. False if it cannot be read."""
    if module.waits:
        module.waits = False
        read = sum(m.source is not None for m in ev.files.values())
        if read >= MAX_FILES:
            ev.note("KT103", f"more than {MAX_FILES} files were read: {module.name} is left out")
            return False
        module.source = _read(ev, module.path, module.name)
        if module.source is None:
            return False
        _run(ev, module, module.source)
    return True


@lru_cache(maxsize=4 * MAX_FILES)
def _body(path: Path, changed: int) -> Body | None:
    """What the statements of a file do when it is imported; None if it cannot be read."""
    with suppress(OSError, SyntaxError, ValueError), tokenize.open(path) as file:
        return body_of(file.read(), lambda said: find(path, said.dotted, said.level) is not None)
    return None


def _shown(ev: Interpreter, path: Path) -> str:
    """How messages and docstrings call the file: as seen from the main file."""
    start = Path(os.path.abspath(ev.main.path)).parent if ev.main.path is not None else path.parent
    return Path(os.path.relpath(path, start)).as_posix()


def _read(ev: Interpreter, path: Path, shown: str) -> Source | None:
    try:
        if path.stat().st_size > MAX_SIZE:
            raise OSError(f"it is larger than {MAX_SIZE} bytes")
        return _parsed(path, shown, path.stat().st_mtime_ns)
    except SourceError as error:
        why = f"line {error.place.line}: {error.message}"
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        why = str(error)
    ev.note("KT107", f"{shown} cannot be read: {why}")
    return None


@lru_cache(maxsize=2 * MAX_FILES)
def _parsed(path: Path, shown: str, changed: int) -> Source:
    """A file as it was read when it was last ``changed``: a source may be read several times."""
    with tokenize.open(path) as file:
        return Source(file.read(), shown, path)


def _run(ev: Interpreter, module: Module, source: Source) -> None:
    """Run a file's statements. What is wrong in them is told where something of it is used."""
    under_way = {name: getattr(ev, name) for name in _UNDER_WAY}
    for name, value in under_way.items():
        setattr(ev, name, type(value)())
    try:
        with aside(ev, source) as problems:
            for statement in source.module.body:
                ev.run_guarded(statement, module.scope)
    finally:
        for name, value in under_way.items():
            setattr(ev, name, value)
    module.problems = problems


_UNDER_WAY = ("running", "loops", "assumed", "apart", "guards", "trying", "calling", "inlining")


@contextmanager
def aside(ev: Interpreter, source: Source) -> Iterator[list[Diagnostic]]:
    """Within, the statements are those of another source, whose models are not the file's; gives the errors in it."""
    before, errors = list(ev.log.diagnostics), ev.log.errors
    models, compiled = len(ev.models), len(ev.compiled)
    rest, ev.rest, ev.checking = ev.rest, [], False
    problems: list[Diagnostic] = []
    CURRENT.append(Region())
    try:
        with ev.in_file(source):
            yield problems
    finally:
        CURRENT.pop()
        ev.rest = rest
        problems += [d for d in ev.log.diagnostics if d not in before and d.severity == "error"]
        ev.log.diagnostics[:], ev.log.errors = before, errors
        del ev.models[models:], ev.compiled[compiled:]


# -- what is in them ------------------------------------------------------------------------------


def member(ev: Interpreter, module: Module, name: str) -> Any:
    """``module.name``: a name of the file, or a file in the folder; None if there is neither."""
    ready(ev, module)
    if name in module.scope.names:
        value = value_of(ev, module.scope, name)
        if isinstance(value, Unknown):
            _tell(ev, module.problems)
        return value
    from kt_translate.evaluate import stars

    found_outside = stars.starred(module.scope, name)
    if found_outside is not None:
        return found_outside
    folder = module.path.parent if module.path.name == "__init__.py" else module.path
    found = _file_of(folder, [name]) if folder.is_dir() else None
    if found is not None:
        return load(ev, found)
    run_due(ev, module.scope)
    return module.scope.names.get(name)


def value_of(ev: Interpreter, scope: Scope, name: str) -> Any:
    """The value of a name in a scope that has it."""
    value = settled(scope.names, name)
    if scope.kind == "module" and isinstance(value, (list, dict, set, Instance)):
        run_due(ev, scope, value)
    return value


def run_due(ev: Interpreter, holder: Any, value: Any = None) -> None:
    """Run the files whose decorators may change what ``holder``, a module's scope or a class, has: its ``value``."""
    for module in ev.registrants.due(holder, value):
        ready(ev, module)


def _tell(ev: Interpreter, problems: list[Diagnostic]) -> None:
    for problem in problems:
        ev.log.add(problem.code, ev.place(), problem.message, problem.hint)


def public_names(ev: Interpreter, module: Module) -> dict[str, Any]:
    """What ``from module import *`` binds."""
    ready(ev, module)
    names = module.scope.names
    listed = names.get("__all__")
    if isinstance(listed, (list, tuple)):
        return {n: names[n] for n in listed if isinstance(n, str) and n in names}
    return {n: v for n, v in names.items() if n[:1] not in "_*"}
