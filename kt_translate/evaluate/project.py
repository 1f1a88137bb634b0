"""The texts of a source's project, as its imports lead to them: what they are written for tells what it is written for."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kt_translate.evaluate.modules import MAX_SIZE, find
from kt_translate.source.flavour import imported_names

MOST = 60  # files that are looked at


def texts_beside(path: Path | None, text: str) -> Iterator[str]:
    """The texts of the project's files that a source imports, and of those that they import, the nearest first."""
    todo, seen = list(_imported_files(path, text)), {path}
    while todo and len(seen) <= MOST:
        file = todo.pop(0)
        if file in seen or file.stat().st_size > MAX_SIZE:
            continue
        seen.add(file)
        with suppress(OSError, SyntaxError, UnicodeDecodeError), tokenize.open(file) as opened:
            beside = opened.read()
            yield beside
            todo += _imported_files(file, beside)


def _imported_files(path: Path | None, text: str) -> Iterator[Path]:
    for name in imported_names(text):
        dotted = name.lstrip(".")
        level = len(name) - len(dotted)
        if level and "." not in dotted:  # from . import name
            level -= 1
        found = find(path, dotted, level) or find(path, dotted.rpartition(".")[0], level)
        if found is not None and found.is_file():
            yield found
