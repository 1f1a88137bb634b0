"""The source as syntax: its tree, and the text and the place of every node."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path
from typing import Any

from kt_translate.diagnostics import Place
from kt_translate.source.reading import Reader
from kt_translate.source.tree import Expression, Module, Node, Statement


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
        self.lines = re.split("\r\n|\r|\n", text)
        try:
            self.module: Module = Reader(self).read(_parsed(text, "exec"))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line, column = getattr(error, "lineno", 1) or 1, (getattr(error, "offset", 1) or 1) - 1
            raise SourceError(
                getattr(error, "msg", None) or str(error), Place(line, max(column, 0))
            ) from error

    def line(self, node: Node) -> int:
        """The line of a statement (of its `def` or `class` where it is decorated); 0 for any other node."""
        stands = isinstance(node, Statement) and node.source is self
        return node.at.lineno if stands else 0

    def place(self, node: Node | None, line: int) -> Place:
        """Where a node stands; the line alone where the node is not one of this file's."""
        if node is None or node.source is not self:
            return Place(line)
        at = node.at
        end = self._column(at.lineno, at.end_col_offset) if at.end_lineno == at.lineno else None
        return Place(at.lineno, self._column(at.lineno, at.col_offset), end)

    def code(self, node: Node) -> str:
        """The text of a node, of this file or another, as it stands there."""
        at, lines = node.at, node.source.lines
        first = first_line(at)
        text = lines[first - 1 : at.end_lineno]
        if hasattr(at, "body") and isinstance(at.body, list):
            margin = text[0][: len(text[0]) - len(text[0].lstrip())]
            return "\n".join(line.removeprefix(margin) for line in text)
        text[-1] = text[-1][: node.source._column(at.end_lineno, at.end_col_offset)]
        text[0] = text[0][node.source._column(first, at.col_offset) :]
        return "\n".join(text)

    def _column(self, line: int, offset: int) -> int:
        """In characters; `ast` counts bytes."""
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())


def expression(text: str) -> Expression:
    """A text that is an expression. Raises SyntaxError."""
    found: Expression = Reader(None).read(_parsed(text, "eval").body)
    return found


def comments_before(node: Node) -> list[str]:
    """The comment lines that stand directly above a statement."""
    if node.source is None:
        return []
    lines, line = node.source.lines, first_line(node.at) - 1
    start, last = " " * node.at.col_offset + "#", line
    while line > 0 and lines[line - 1].startswith(start):
        line -= 1
    return [text.strip() for text in lines[line:last]]


def first_line(at: Any) -> int:
    """The line on which a node of `ast` begins: of what is decorated, that of the first decorator."""
    first: int = min([at.lineno, *(d.lineno for d in getattr(at, "decorator_list", ()))])
    return first


def _parsed(text: str, mode: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)
