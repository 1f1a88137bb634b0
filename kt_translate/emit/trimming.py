"""Support code without what an output has no use for: rows of tables, options of functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from kt_translate.emit.names import Uses, names_in


def trimmed(text: str, node: ast.stmt, above: int, uses: Uses) -> str:
    """The text of a definition, ``above`` lines down in its file, without the rows and the options that nothing uses.

    A row belongs to a class of ``nn``. An option is an argument by keyword alone, with a line
    of its own: with it go the ``if`` that asks for it and its entry in the docstring.
    """
    if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
        return _without(text, _rows(node.value, uses), above)
    if isinstance(node, ast.FunctionDef) and node.args.kwonlyargs:
        passed = uses.options.get(node.name, set())
        unused = _removable(node, {a.arg for a in node.args.kwonlyargs} - passed)
        entries = [n + above for n in _entries(text, unused)]
        return _without(text, [*_options(node, unused), *zip(entries, entries)], above)
    return text


def _rows(table: ast.Dict, uses: Uses) -> Iterator[tuple[int, int]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Attribute) and key.attr not in uses.attributes:
            yield key.lineno, value.end_lineno or key.lineno


def _removable(function: ast.FunctionDef, unused: set[str]) -> set[str]:
    """Those of the arguments that stand on lines of their own and that only an ``if`` for them reads."""
    lines = [a.lineno for a in (*function.args.args, *function.args.kwonlyargs)]
    lines += [] if function.args.vararg is None else [function.args.vararg.lineno]
    found = {
        a.arg for a in function.args.kwonlyargs if a.arg in unused and lines.count(a.lineno) == 1
    }
    kept = [s for s in function.body if not (isinstance(s, ast.If) and names_in(s.test) <= found)]
    read = found & set().union(*map(names_in, kept))
    return _removable(function, found - read) if read else found


def _options(function: ast.FunctionDef, unused: set[str]) -> Iterator[tuple[int, int]]:
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if argument.arg in unused:
            yield argument.lineno, (default or argument).end_lineno or argument.lineno
    for statement in function.body:
        if isinstance(statement, ast.If) and names_in(statement.test) <= unused:
            yield statement.lineno, statement.end_lineno or statement.lineno


def _entries(text: str, unused: set[str]) -> Iterator[int]:
    """The lines of a docstring that speak of these arguments; an entry's further lines stand deeper."""
    within = False
    for number, line in enumerate(text.splitlines(), 1):
        if entry := re.match(r" {8}(\w+): ", line):
            within = entry[1] in unused
        elif not line.startswith(" " * 12):
            within = False
        if within and '"""' not in line:
            yield number


def _without(text: str, spans: Iterable[tuple[int, int]], above: int) -> str:
    gone = {number for first, last in spans for number in range(first, last + 1)}
    lines = text.splitlines(keepends=True)
    return "".join(line for number, line in enumerate(lines, above + 1) if number not in gone)
