"""Diagnostics as text for people, and as JSON, GitHub annotations or SARIF for programs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from unicodedata import east_asian_width

from kt_translate.diagnostics import CODES, Diagnostic
from kt_translate.version import __version__

if TYPE_CHECKING:
    from kt_translate.source.notebook import Notebook

_COLOURS = {"error": "\033[1;31m", "warning": "\033[1;33m", "note": "\033[1;36m"}
_RESET = "\033[0m"
_WIDTH = 120
_ALIKE = 3
"""So many notes of one code are shown, the others are counted."""


@dataclass(frozen=True)
class Finding:
    """A diagnostic in its file."""

    file: str
    text: str
    diagnostic: Diagnostic
    notebook: Notebook | None = None

    @property
    def position(self) -> str:
        """The place as editors and terminals understand it, columns counted from 1."""
        line, column, _ = self.diagnostic.place
        if self.notebook is None:
            return f"{self.file}:{line}:{column + 1}"
        cell, line = self.notebook.cell(line)
        return f"{self.file}:cell {cell}:{line}:{column + 1}"


def render(
    findings: Sequence[Finding], form: str, *, colour: bool = False, level: str = "normal"
) -> str:
    """Render findings; ``level`` (quiet, normal, verbose) says how much the text form shows."""
    if form in ("json", "sarif"):
        import json

        entries = [_entry(finding) for finding in findings]
        document = {"schema": 1, "diagnostics": entries} if form == "json" else _sarif(findings)
        return json.dumps(document, indent=2) + "\n"
    if form == "github":
        return "".join(f"{_annotation(finding)}\n" for finding in findings)
    return "".join(f"{block}\n" for block in _blocks(findings, colour, level))


def report_entry(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as the report has it."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "line": diagnostic.place.line,
        "column": diagnostic.place.column,
        "hint": diagnostic.hint,
    }


def wants_colour(stream: IO[str], no_colour: str | None) -> bool:
    """Whether a stream is a terminal and its user has not asked for plain text (NO_COLOR)."""
    return not no_colour and stream.isatty()


def counted(number: int, noun: str) -> str:
    """Return ``1 error`` or ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _blocks(findings: Sequence[Finding], colour: bool, level: str) -> Iterator[str]:
    shown: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        diagnostic = finding.diagnostic
        if level == "quiet" and diagnostic.severity != "error":
            continue
        if level != "verbose" and diagnostic.severity == "note":
            alike = (finding.file, diagnostic.code)
            shown[alike] += 1
            if shown[alike] <= _ALIKE:
                yield _headline(finding, colour)
            continue
        yield "\n".join(
            [_headline(finding, colour), *_excerpt(finding, colour), *_hint(diagnostic)]
        )
    for (file, code), number in shown.items():
        if number > _ALIKE:
            more = f"{number - _ALIKE} more of these ({CODES[code].title}); --verbose shows all"
            yield f"{file}: {code} {more}"


def _headline(finding: Finding, colour: bool) -> str:
    diagnostic = finding.diagnostic
    code = (
        f"{_COLOURS[diagnostic.severity]}{diagnostic.code}{_RESET}" if colour else diagnostic.code
    )
    return f"{finding.position}: {code} {_printable(diagnostic.message)}"


def _hint(diagnostic: Diagnostic) -> list[str]:
    return [f"    hint: {_printable(diagnostic.hint)}"] if diagnostic.hint else []


def _excerpt(finding: Finding, colour: bool) -> list[str]:
    """Return the source line with carets under the code that is meant, if there is such a line."""
    line, column, end = finding.diagnostic.place
    lines = finding.text.split("\n")
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return []
    source = _printable(lines[line - 1])
    column = max(0, min(column, len(source)))
    end = max(column + 1, min(end if end is not None else column + 1, max(len(source), column + 1)))
    cut = max(0, min(column - _WIDTH // 2, len(source) - _WIDTH))
    source, column, end = source[cut : cut + _WIDTH], column - cut, min(end - cut, _WIDTH)
    carets = "^" * max(1, _columns(source[column:end]))
    if colour:
        carets = f"{_COLOURS[finding.diagnostic.severity]}{carets}{_RESET}"
    number = line if finding.notebook is None else finding.notebook.cell(line)[1]
    return [f"{number:>5} | {source}", f"      | {' ' * _columns(source[:column])}{carets}"]


def _printable(text: str) -> str:
    """Make text safe for a terminal: control characters of a source are not obeyed."""
    return "".join(character if character.isprintable() else " " for character in text)


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _entry(finding: Finding) -> dict[str, Any]:
    return {"file": finding.file, **report_entry(finding.diagnostic), **_cell(finding)}


def _cell(finding: Finding) -> dict[str, int]:
    if finding.notebook is None:
        return {}
    cell, line = finding.notebook.cell(finding.diagnostic.place.line)
    return {"cell": cell, "cell_line": line}


def _annotation(finding: Finding) -> str:
    diagnostic = finding.diagnostic
    level = "notice" if diagnostic.severity == "note" else diagnostic.severity
    line, column, end = diagnostic.place
    place = f"file={_property(finding.file)},line={line},col={column + 1}"
    if end is not None:
        place += f",endColumn={end}"
    title = _property(f"{diagnostic.code} {CODES[diagnostic.code].title}")
    message = (
        f"{diagnostic.message} (hint: {diagnostic.hint})" if diagnostic.hint else diagnostic.message
    )
    return f"::{level} {place},title={title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    codes = sorted({finding.diagnostic.code for finding in findings})
    driver = {
        "name": "kt-translate",
        "version": __version__,
        "rules": [_sarif_rule(code) for code in codes],
    }
    results = [_sarif_result(finding, codes) for finding in findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }


def _sarif_rule(code: str) -> dict[str, Any]:
    entry = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": re.sub(r"\s+", " ", entry.explanation.split("\n\n")[0])},
        "help": {"text": entry.explanation, "markdown": entry.explanation},
        "defaultConfiguration": {"level": entry.severity},
    }


def _sarif_result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    from urllib.parse import quote

    diagnostic = finding.diagnostic
    line, column, end = diagnostic.place
    region = {"startLine": max(1, line), "startColumn": column + 1}
    if end is not None and end > column:
        region["endColumn"] = end + 1
    location = {
        "artifactLocation": {"uri": quote(finding.file.replace("\\", "/"))},
        "region": region,
    }
    message = (
        f"{diagnostic.message}\nhint: {diagnostic.hint}" if diagnostic.hint else diagnostic.message
    )
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": location}],
    }
