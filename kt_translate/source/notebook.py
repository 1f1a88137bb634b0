"""Notebooks as one Python text: magics and shell lines become ``pass  # ...``.

In: the JSON of an ``.ipynb`` file. Out: the text of its code cells, and the cell of
each line.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_PYTHON_CELL_MAGICS = ("time", "timeit", "capture", "prun", "python", "python3", "matplotlib")
_MAGIC = re.compile(r"\s*(?:[%!?]|[\w.]+\?{1,2}\s*$)")
_ASSIGNED = re.compile(r"(\s*[\w.,\s\[\]]+=\s*)([!%])(.*)")
_TOKENS = re.compile(
    r'(?P<long>[rbfuRBFU]{0,2}(?:"""|\'\'\'))'
    r"|[rbfuRBFU]{0,2}\"(?:\\.|[^\"\\\n])*\"|[rbfuRBFU]{0,2}'(?:\\.|[^'\\\n])*'"
    r"|(?P<comment>#.*)|(?P<open>[([{])|(?P<close>[)\]}])"
)


@dataclass(frozen=True)
class Notebook:
    """The Python text of a notebook."""

    text: str
    starts: tuple[int, ...]
    """The first line in ``text`` of each code cell."""
    left_out: tuple[tuple[int, str], ...]
    """Cells that are not Python and became comments: their first line, and what is wrong."""
    cells: tuple[tuple[str, str], ...] = ()
    """All cells in their order: kind and source."""
    metadata: dict[str, Any] = field(default_factory=dict)

    def cell(self, line: int) -> tuple[int, int]:
        """Return the code cell of a line of ``text`` and the line within it, both from 1."""
        number = max(1, bisect_right(self.starts, line))
        return number, line - (self.starts[number - 1] if self.starts else 1) + 1


def read_notebook(content: str) -> Notebook:
    """Turn the JSON of a notebook into Python text; ValueError if it is no Python notebook."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a notebook: {error}") from None
    language = _language(document)
    if language != "python":
        raise ValueError(f"a notebook in {language}, not in Python")
    texts: list[str] = []
    starts: list[int] = []
    left_out: list[tuple[int, str]] = []
    line = 1
    cells = list(_cells(document))
    for source in [source for kind, source in cells if kind == "code"]:
        text, problem = python_cell(source)
        if problem:
            left_out.append((line, problem))
        texts.append(text)
        starts.append(line)
        line += text.count("\n") + 2
    return Notebook(
        "\n\n".join(texts) + "\n", tuple(starts), tuple(left_out), tuple(cells), _metadata(document)
    )


def _metadata(document: dict[str, Any]) -> dict[str, Any]:
    """What says with which Python the notebook is run."""
    known = document.get("metadata")
    kept = ("kernelspec", "language_info")
    return {k: v for k, v in known.items() if k in kept} if isinstance(known, dict) else {}


def _language(document: Any) -> str:
    if not isinstance(document, dict) or not (document.keys() & {"cells", "worksheets"}):
        raise ValueError("not a notebook: it has no cells")
    metadata = document.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = str(info.get("name", "python")).lower() if isinstance(info, dict) else "python"
    return "python" if name.startswith(("python", "ipython")) else name


def _cells(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The kind and the source of every cell."""
    cells = document.get("cells")
    if cells is None:
        sheets = _entries(document["worksheets"])
        cells = [cell for sheet in sheets for cell in _entries(sheet.get("cells", []))]
    for cell in _entries(cells):
        source = cell.get("source", cell.get("input", ""))
        lines = source if isinstance(source, list) else [source]
        text = "".join(map(str, lines)).replace("\r\n", "\n").rstrip("\n")
        yield str(cell.get("cell_type")), text


def _entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError("not a notebook: its cells are damaged")
    return value


def python_cell(source: str) -> tuple[str, str]:
    """Return a cell as Python; if it is none, commented out and with what is wrong with it."""
    if not _syntax_error(source):
        return source, ""
    lines = source.split("\n")
    first = next(line for line in lines if line.strip()).strip()
    if first.startswith("%%") and first[2:].split(" ")[0] not in _PYTHON_CELL_MAGICS:
        return _commented(lines), ""
    text = "\n".join(_without_magics(lines))
    problem = _syntax_error(text)
    return (_commented(lines), problem) if problem else (text, "")


def _syntax_error(text: str) -> str:
    try:
        compile(
            text,
            "<cell>",
            "exec",
            ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            dont_inherit=True,
        )
    except SyntaxError as error:
        return error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def _commented(lines: list[str]) -> str:
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _without_magics(lines: list[str]) -> list[str]:
    """Replace magics, shell and help lines where a statement may begin, not within strings."""
    result: list[str] = []
    state = _State()
    continued_magic = False
    for line in lines:
        if continued_magic:
            result.append(f"# {line}")
            continued_magic = line.rstrip().endswith("\\")
        elif state.at_statement and _MAGIC.match(line):
            body = line.lstrip()
            result.append(f"{line[: len(line) - len(body)]}pass  # {body}")
            continued_magic = line.rstrip().endswith("\\")
        elif state.at_statement and (assigned := _ASSIGNED.fullmatch(line)):
            method = "getoutput" if assigned[2] == "!" else "run_line_magic"
            result.append(f"{assigned[1]}get_ipython().{method}({assigned[3].strip()!r})")
        else:
            result.append(line)
            state.read(line)
    return result


class _State:
    """Whether the next line begins a statement: not in brackets, long strings, continued lines."""

    def __init__(self) -> None:
        self.depth = 0
        self.quote = ""
        self.continued = False

    @property
    def at_statement(self) -> bool:
        return not (self.depth or self.quote or self.continued)

    def read(self, line: str) -> None:
        position = 0
        while position < len(line):
            if self.quote:
                end = line.find(self.quote, position)
                if end < 0:
                    break
                self.quote, position = "", end + 3
                continue
            token = _TOKENS.search(line, position)
            if token is None:
                break
            position = token.end()
            if token["long"]:
                self.quote = token["long"][-3:]
            elif token["comment"] is not None:
                break
            elif token["open"]:
                self.depth += 1
            elif token["close"]:
                self.depth = max(0, self.depth - 1)
        self.continued = not self.quote and line.endswith("\\")
