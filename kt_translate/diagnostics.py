"""What there is to say about a source: diagnostics, each with a code, a place and a hint.

Stages add to a ``Log`` and go on; nothing here prints or raises. The reference page is written by
``python -m kt_translate.diagnostics > docs/diagnostics.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from kt_translate.codes import CODES, Code, Severity

__all__ = [
    "CODES",
    "Code",
    "Diagnostic",
    "Log",
    "Place",
    "RuleError",
    "Severity",
    "Statement",
    "error_code",
    "explain",
    "reference_page",
]

_INTRODUCTION = """\
Every message of kt-translate carries one of these codes. An *error* means that something was not
translated (exit status 1; the gap in the output raises `NotImplementedError`), a *warning* that
something was guessed, a *note* that something was decided or left out and nothing is wrong.
`kt-translate --explain CODE` prints the same text. This page is written by
`python -m kt_translate.diagnostics > docs/diagnostics.md`."""


Statement = tuple["str | None", int]
"""A statement by its file (None: the source itself) and its line."""


class RuleError(Exception):
    """A setting or an input that a declaration cannot express. Becomes the diagnostic ``code``."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.where: Statement | None = None  # whose code could not be kept


def error_code(error: Exception) -> str:
    """The code of what keeps a class from being written, which is an error whatever it is elsewhere."""
    code = str(getattr(error, "code", "KT107"))
    return code if CODES[code].severity == "error" else "KT107"


class Place(NamedTuple):
    """Where in the source: the line counts from 1, the columns from 0."""

    line: int
    column: int = 0
    end_column: int | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One finding about the source."""

    code: str
    severity: Severity
    message: str
    place: Place
    hint: str


@dataclass
class Log:
    """Collects diagnostics; what is said twice about one place is kept once."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    errors: int = 0  # reported so far, those said before about the same place included

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Record a diagnostic; its severity, and its hint by default, are those of its code."""
        known = CODES[code]
        diagnostic = Diagnostic(code, known.severity, message, place, hint or known.hint)
        self.errors += known.severity == "error"
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within, nothing is recorded: it is about what is left out in any case."""
        before, errors = list(self.diagnostics), self.errors
        yield
        self.diagnostics[:], self.errors = before, errors

    @property
    def has_errors(self) -> bool:
        """Whether something was not translated."""
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    def in_order(self) -> list[Diagnostic]:
        """The diagnostics by their place in the source."""
        return sorted(self.diagnostics, key=lambda d: (d.place.line, d.place.column, d.code))


def explain(code: str) -> str:
    """Say in plain text what a code means, with an example and what to do."""
    entry = CODES[code]
    title = f"{code}: {entry.title} ({entry.severity})"
    return f"{title}\n\n{entry.explanation}\n\nWhat to do: {entry.hint}\n"


def shorten(text: str, most: int = 72) -> str:
    """Text for a message, with its middle left out where it is long."""
    return text if len(text) <= most else f"{text[: most - 24]} ... {text[-18:]}"


def reference_page() -> str:
    """Return docs/diagnostics.md: every code with its explanation."""
    return "\n".join(_page_lines(CODES.items())) + "\n"


def _page_lines(codes: Iterable[tuple[str, Code]]) -> Iterator[str]:
    yield "# Diagnostics"
    yield ""
    yield _INTRODUCTION
    for code, entry in codes:
        yield ""
        yield f"## {code}: {entry.title}"
        yield ""
        yield f"*{entry.severity}*"
        yield ""
        yield entry.explanation
        yield ""
        yield f"**What to do:** {entry.hint}"


if __name__ == "__main__":
    print(reference_page(), end="")
