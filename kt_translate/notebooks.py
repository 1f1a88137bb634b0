"""Translations as notebooks: the source's markdown stays, each code cell has what became of its models."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kt_translate.files import digest_of
from kt_translate.source.notebook import Notebook

_KEY = "kt_translate"  # of the notebook's metadata, for what is the first line of other files
_SUPPORT = re.compile(r"^# --- (?:What PyTorch lacks|Weights) -+$", re.MULTILINE)
_SECTION = re.compile(r"^# --- .*-+$\n*", re.MULTILINE)


def as_notebook(code: str, name: str, notebook: Notebook, lines: Mapping[str, int]) -> str:
    """The notebook of a translation, without its mark.

    Args:
        code: the translation as a module.
        name: the source's name, as docstrings have it.
        notebook: the source.
        lines: where in the source's text the things of these names are made.
    """
    code = code.partition('\n\n\nif __name__ == "__main__":')[0]
    own, *support = _SUPPORT.split(code, maxsplit=1)
    title, head, pieces = _pieces(own, name, notebook, lines)
    first = [_cell("code", head)]
    if support:
        hidden = {"jupyter": {"source_hidden": True}}
        text = _SECTION.sub("", support[0]).strip()
        first.append(
            _cell("code", f"# --- What PyTorch lacks, and the loader ---\n\n{text}", hidden)
        )
    cells: list[dict[str, Any]] = [_cell("markdown", title)]
    number = 0
    for kind, source in notebook.cells:
        if kind != "code":
            cells.append(_cell(kind, source))
            continue
        number += 1
        cells += first
        first = []
        if number in pieces:
            cells.append(_cell("code", "\n\n\n".join(pieces[number])))
    document = {
        "cells": [*cells, *first],
        "metadata": dict(notebook.metadata),
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return _json(document)


def _pieces(
    code: str, name: str, notebook: Notebook, lines: Mapping[str, int]
) -> tuple[str, str, dict[int, list[str]]]:
    """What the module says of itself, its imports, and what belongs into each code cell."""
    tree = ast.parse(code)
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    above = code.splitlines()[imports[0].lineno - 1 : imports[-1].end_lineno]
    found: dict[int, list[str]] = {}
    cell = 1
    for node, text in _statements(tree, code):
        if node in imports:
            continue
        defined = getattr(node, "name", None)
        if isinstance(node, ast.Assign):
            assigned = re.search(
                rf"^{re.escape(ast.unparse(node.targets[0]))}\s*=", notebook.text, re.M
            )
            line = notebook.text.count("\n", 0, assigned.start()) + 1 if assigned else None
        else:
            told = re.search(rf"\({re.escape(name)}, cell (\d+), ", ast.get_docstring(node) or "")  # type: ignore[arg-type]
            line = None if told else lines.get(str(defined))
            cell = int(told[1]) if told else cell
        cell = notebook.cell(line)[0] if line else cell
        found.setdefault(cell, []).append(text)
    return ast.get_docstring(tree) or "", "\n".join(above), found


def _statements(tree: ast.Module, code: str) -> Iterator[tuple[ast.stmt, str]]:
    """The statements after the docstring, with the comments above them."""
    lines = code.splitlines()
    end = 0
    for node in tree.body:
        text = "\n".join(lines[end : node.end_lineno])
        end = node.end_lineno or end
        if not isinstance(node, ast.Expr):
            yield node, _SECTION.sub("", text).strip("\n")


def _cell(kind: str, text: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    cell = {
        "cell_type": kind,
        "metadata": dict(metadata or {}),
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def with_cells(code: str, name: str, notebook: Notebook) -> str:
    """The code with cells in place of lines of the text that the translator has read."""

    def place(found: re.Match[str]) -> str:
        cell, line = notebook.cell(int(found[1]))
        return f"{name}, cell {cell}, line {line}"

    return re.sub(rf"\b{re.escape(name)}:(\d+)", place, code)


def lines_of(
    models: Iterable[Mapping[str, Any]], training: Iterable[Mapping[str, Any]]
) -> dict[str, int]:
    """Where what the report tells of stands in the source."""
    lines = {entry["factory"]: entry["line"] for entry in models if entry.get("factory")}
    for part in training:
        made = [part[key] for key in ("optimizer", "loss", "scheduler") if part[key]]
        made += [metric["factory"] for metric in part["metrics"]]
        lines.update(dict.fromkeys(made, part["line"]))
    return lines


# -- the mark --------------------------------------------------------------------------------------


def marked(text: str, origin: str) -> str:
    """The notebook with the origin and a hash of its cells in its metadata."""
    document = json.loads(text)
    document["metadata"][_KEY] = f"{origin}, these cells sha256:{_digest(document)}"
    return _json(document)


def mark_of(text: str) -> str | None:
    """The mark of a notebook that was written by kt-translate."""
    document = _read(text)
    metadata = document.get("metadata") if document else None
    mark = metadata.get(_KEY) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) else None


def is_whole(text: str) -> bool:
    """Whether its cells are those that were written; outputs and counts may be others."""
    mark = mark_of(text)
    return mark is not None and mark.endswith(f"sha256:{_digest(_read(text))}")


def same(old: str, new: str) -> bool:
    """Whether a notebook has just the cells of another, run or not."""
    return is_whole(old) and mark_of(old) == mark_of(new)


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _digest(document: Mapping[str, Any]) -> str:
    cells = document.get("cells")
    told = [
        [cell.get("cell_type"), "".join(cell.get("source", ""))]
        for cell in (cells if isinstance(cells, list) else [])
        if isinstance(cell, dict)
    ]
    return digest_of(json.dumps(told).encode())
