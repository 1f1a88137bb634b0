"""The source as syntax: libcst's tree, with the line of every statement.

libcst keeps comments and blank lines but gives positions only by a pass over the whole tree that takes longer than
parsing. Statements get their lines by walking Python's own `ast` beside it; columns are looked up only when a
diagnostic is about to show one.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libcst as cst

from kt_translate.diagnostics import Place
from kt_translate.source.guards import Loop, without_continue


class SourceError(Exception):
    """The text is not Python. ``place`` says where it stops being so."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


class Source:
    """A parsed file. Raises SourceError if the text is not Python."""

    def __init__(self, text: str, name: str, path: Path | None = None) -> None:
        self.text = text
        self.name = name
        self.path = path
        self._text_lines = re.split("\r\n|\r|\n", text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line, column = getattr(error, "lineno", 1) or 1, (getattr(error, "offset", 1) or 1) - 1
            raise SourceError(
                getattr(error, "msg", None) or str(error), Place(line, max(column, 0))
            ) from error
        try:
            self.module = _parsed(text)
        except (cst.ParserSyntaxError, RecursionError) as error:
            line, column = getattr(error, "raw_line", 1), getattr(error, "raw_column", 0)
            raise SourceError(getattr(error, "message", str(error)), Place(line, column)) from error
        self.lines: dict[int, int] = {}
        self._spans: dict[int, tuple[int, int]] = {}  # first and last line of functions and classes
        self._pair(list(self.module.body), tree.body)
        self._codes: dict[cst.CSTNode, str] = {}
        self._positions: Any = None
        self._loops: dict[int, Any] = {}

    def line(self, node: cst.CSTNode) -> int:
        """The line of a statement (of its `def` or `class` where it is decorated); 0 for any other node."""
        return self.lines.get(id(node), 0)

    def place(self, node: cst.CSTNode | None, line: int) -> Place:
        """Where a node stands; the line alone where the node is not one of this file's."""
        if node is None:
            return Place(line)
        if self._positions is None:
            from libcst.metadata import MetadataWrapper, PositionProvider

            wrapper = MetadataWrapper(self.module, unsafe_skip_copy=True)
            self._positions = wrapper.resolve(PositionProvider)
        found = self._positions.get(node)
        if found is None:
            return Place(line)
        end = found.end.column if found.end.line == found.start.line else None
        return Place(found.start.line, found.start.column, end)

    def turns(self, loop: Loop) -> Loop:
        """The loop as it is run: without ``continue``, as far as that can be said."""
        if id(loop) not in self._loops:
            self._loops[id(loop)] = without_continue(loop, self.lines)
        return self._loops[id(loop)]  # type: ignore[no-any-return]

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, as it stands in the source."""
        span = self._spans.get(id(node))
        if span is None:
            if node not in self._codes:
                self._codes[node] = self.module.code_for_node(node).strip()
            return self._codes[node]
        lines = self._text_lines[span[0] - 1 : span[1]]  # writing a long tree anew takes its time
        margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        return "\n".join(line.removeprefix(margin) for line in lines)

    # -- lines ----------------------------------------------------------------------------------
    def _pair(self, body: Sequence[Any], statements: list[ast.stmt]) -> None:
        rest = iter(statements)
        for item in body:
            if isinstance(item, cst.SimpleStatementLine):
                for small in item.body:
                    found = next(rest)
                    self.lines[id(small)] = found.lineno
                    self.lines.setdefault(id(item), found.lineno)
            else:
                found = next(rest)
                self._pair_compound(item, found)

    def _pair_suite(self, suite: Any, statements: list[ast.stmt]) -> None:
        if isinstance(suite, cst.IndentedBlock):
            self._pair(suite.body, statements)
        else:
            for small, found in zip(suite.body, statements):
                self.lines[id(small)] = found.lineno

    def _pair_compound(self, item: Any, found: Any) -> None:
        self.lines[id(item)] = found.lineno
        if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
            first = min([found.lineno, *(d.lineno for d in found.decorator_list)])
            self._spans[id(item)] = first, found.end_lineno
        if isinstance(item, cst.Match):
            for case, found_case in zip(item.cases, found.cases):
                self._pair_suite(case.body, found_case.body)
            return
        self._pair_suite(item.body, found.body)
        if isinstance(item, cst.If) and isinstance(item.orelse, cst.If):
            self._pair_compound(item.orelse, found.orelse[0])
        elif getattr(item, "orelse", None) is not None:
            self._pair_suite(item.orelse.body, found.orelse)
        if type(item) in (cst.Try, cst.TryStar):
            for handler, found_handler in zip(item.handlers, found.handlers):
                self._pair_suite(handler.body, found_handler.body)
            if item.finalbody is not None:
                self._pair_suite(item.finalbody.body, found.finalbody)


def _parsed(text: str) -> cst.Module:
    """libcst's tree; of indents of tabs and spaces mixed, which libcst refuses where Python does not, without tabs."""
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError:
        lines = text.split("\n")
        within = {
            row
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type not in (tokenize.NEWLINE, tokenize.NL)
            for row in range(token.start[0] + 1, token.end[0] + 1)
        }
        for row, line in enumerate(lines, start=1):
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            if "\t" in indent and row not in within:
                lines[row - 1] = indent.expandtabs() + line[len(indent) :]
        return cst.parse_module("\n".join(lines))


def comments_before(node: Any) -> list[str]:
    """The comment lines that stand directly above a statement."""
    lines: list[str] = []
    for line in getattr(node, "leading_lines", ()):
        if line.comment is None:
            lines.clear()
        else:
            lines.append(line.comment.value)
    return lines
