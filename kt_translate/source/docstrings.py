"""Docstrings of the source: of what they say, the part that holds for the translation too."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from inspect import cleandoc

_HEADER = re.compile(
    r"(?:#+ *)?(Arg(?:ument)?s|Param(?:eter)?s|Attributes|Inputs?|Input shapes?|Outputs?|Output shapes?"
    r"|Returns?|Yields|Raises?|References?|Notes?|Examples?|Usage|Call arguments?) *:?$",
    re.IGNORECASE,
)
_OF_ARGUMENTS = ("arg", "param", "attr", "call")
_OF_KERAS = (
    "input",
    "output",
    "return",
    "yield",
    "raise",
    "example",
    "usage",
)  # its shapes, models
_NAMED = re.compile(r"^ *(?:[-*] *)?[`*]*(\w+)[`*]*(?: *\([^)]*\))? *:", re.MULTILINE)
_FIELD = re.compile(r"^:(?:param|parameter|arg|type|key)\s+(?:[^:]*\s)?\*{0,2}(\w+) *:")
_OTHER_FIELD = re.compile(r"^:(?:returns?|rtype|raises?\b[^:]*) *:")


def fitting(docstring: str, names: Collection[str]) -> str:
    """What of a docstring is true of a class with parameters of these names.

    A section on arguments stays if the class has them all; those on what goes in and out in Keras go.
    """
    kept = []
    for title, text in _sections(cleandoc(docstring)):
        kind = title.lower()
        if kind.startswith(_OF_KERAS):
            continue
        if kind.startswith(_OF_ARGUMENTS) and not set(_arguments(text)) <= set(names):
            continue
        kept.append(text.strip("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part for part in kept if part.strip())).strip()


def escaped(text: str) -> str:
    """The text as it stands between triple quotes."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a docstring, each with its title; a field of reStructuredText is one of its own."""
    title, lines = "", list[str]()
    for line in text.split("\n"):
        header = _HEADER.match(line.strip()) if not line.startswith("  ") else None
        named, other = _FIELD.match(line), _OTHER_FIELD.match(line)
        if header or named or other:
            yield title, "\n".join(lines)
            title, lines = (
                "returns" if other else "args" if named else header[1] if header else ""
            ), []
        elif title and lines and not lines[-1].strip() and line[:1].strip() and _ends(lines):
            yield title, "\n".join(lines)
            title, lines = "", []
        lines.append(line)
    yield title, "\n".join(lines)


def _ends(lines: list[str]) -> bool:
    """Whether a paragraph at the margin is no more part of a section, whose text is indented."""
    return any(line.startswith(" ") for line in lines)


def _arguments(text: str) -> list[str]:
    """The arguments that a section names: the entries that are indented least."""
    if field := _FIELD.match(text):
        return [field[1]]
    body = text.partition("\n")[2].split("\n")
    depths = [len(line) - len(line.lstrip()) for line in body if line.strip()]
    least = min(depths, default=0)
    entries = [line for line in body if len(line) - len(line.lstrip()) == least]
    return [found[1] for line in entries if (found := _NAMED.match(line))]
