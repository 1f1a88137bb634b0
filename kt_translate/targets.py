"""What is to be translated and where it goes: one target per source of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kt_translate.config import DEFAULT_OUTPUT, Config, load_config
from kt_translate.files import is_output_file

_SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"}
_SUFFIXES = (".py", ".ipynb")


class UsageError(Exception):
    """A command line that makes no sense."""


@dataclass(frozen=True)
class Request:
    """The part of the command line that says what goes where."""

    sources: tuple[str, ...]
    out: Path | None = None
    test: Path | None = None
    want_test: bool = True
    hook: bool = False


@dataclass(frozen=True)
class Target:
    """One source and its files; no path means standard input, no output standard output."""

    path: Path | None
    config: Config
    out: Path | None = None
    test: Path | None = None
    found: bool = False
    """Found in a folder or named by a hook, not by a person: passed over if it has no model."""


def plan(request: Request) -> list[Target]:
    """Say what each source's files are; UsageError where two of them would be one."""
    if request.hook:
        targets = _hook_targets(request)
    elif len(request.sources) == 1 and not os.path.isdir(request.sources[0]):
        targets = [_single_target(request)]
    else:
        targets = list(_many_targets(request))
    _check_distinct(targets)
    return targets


def _hook_targets(request: Request) -> list[Target]:
    targets = []
    for path in map(Path, request.sources):
        config = load_config(path.parent)
        if not config.excludes(path) and not is_output_file(path):
            targets.append(
                _with_test(Target(path, config, config.output_for(path), found=True), request)
            )
    return targets


def _single_target(request: Request) -> Target:
    word = request.sources[0]
    path = None if word == "-" else Path(word)
    config = load_config(path.parent if path else Path())
    if request.out is not None and request.out.suffix == ".ipynb" and not word.endswith(".ipynb"):
        raise UsageError(f"{request.out} is a notebook, and {word} is none")
    return _with_test(Target(path, config, request.out), request)


def _many_targets(request: Request) -> Iterator[Target]:
    if "-" in request.sources:
        raise UsageError("standard input cannot be one of several sources")
    if request.test is not None:
        raise UsageError(
            "--test names one file; with several sources each test is written beside its output"
        )
    if request.out is not None and request.out.exists() and not request.out.is_dir():
        raise UsageError(f"with several sources -o is a folder, and {request.out} is a file")
    given = list(map(Path, request.sources))
    base = _common_folder(given)
    for path, found in _expand(given):
        config = load_config(path.parent)
        if found and (config.excludes(path) or is_output_file(path)):
            continue
        if request.out is not None:
            relative = Path(os.path.relpath(os.path.abspath(path), base))
            out = request.out / relative.with_name(DEFAULT_OUTPUT.format(stem=path.stem))
        elif config.output:
            out = config.output_for(path)
        else:
            raise UsageError("several sources need -o FOLDER (or output in [tool.kt-translate])")
        yield _with_test(Target(path, config, out, found=found), request)


def _common_folder(given: list[Path]) -> str:
    """Return the folder to which paths are relative: a single source, or what all lie in."""
    if len(given) == 1:
        return os.path.abspath(given[0])
    return os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in given])


def _expand(given: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield every source once, those within folders in the order of their names."""
    seen: set[Path] = set()
    for path in given:
        inside = list(_sources_in(path)) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"there is no Python file and no notebook in the folder {path}")
        for source in inside:
            if source.resolve() not in seen:
                seen.add(source.resolve())
                yield source, path.is_dir()


def _sources_in(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and name[0] != "."
        )
        yield from (
            Path(root, name)
            for name in sorted(files)
            if name.endswith(_SUFFIXES) and name[0] != "."
        )


def _with_test(target: Target, request: Request) -> Target:
    if not request.want_test or (target.config.no_test and request.test is None):
        return target
    if request.test is not None:
        return replace(target, test=request.test)
    if target.out is None or (target.out.exists() and not target.out.is_file()):
        return target
    stem = target.path.stem if target.path else target.out.stem.removesuffix("_pt")
    return replace(target, test=target.out.with_name(f"test_{stem}_parity.py"))


def _check_distinct(targets: list[Target]) -> None:
    sources = {target.path.resolve(): target.path for target in targets if target.path}
    written: set[Path] = set()
    for target in targets:
        for path in (target.out, target.test):
            if path is None or (path.exists() and not path.is_file()):
                continue
            if path.resolve() in sources:
                raise UsageError(f"{path} is a source: it would be overwritten")
            if path.resolve() in written:
                raise UsageError(f"two outputs would be {path}")
            written.add(path.resolve())
