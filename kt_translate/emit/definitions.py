"""The definitions in an output: classes, functions that make modules, what ``compile`` says, by the templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

from kt_translate.lower.class_code import ClassCode


@dataclass(frozen=True)
class FactoryCode:
    """A function of the output that makes modules; without ``returns`` one that says that it cannot."""

    name: str
    parameters: list[str]
    returns: str | None
    annotation: str
    docstring: str
    body: list[str] = field(default_factory=list)  # what is made before


def quoted(docstring: str) -> list[str]:
    """The lines of a docstring; the text has no triple quotes."""
    first, *rest = map(str.rstrip, docstring.splitlines())
    if not rest:
        return [f'"""{first}"""']
    return [f'"""{first}', *dedent("\n".join(rest)).split("\n"), '"""']


def definition_lines(
    source: str, classes: Sequence[ClassCode], makers: Sequence[FactoryCode]
) -> list[str]:
    """The modules, and the functions that make them, each below two empty lines."""
    return rendered("definitions.py.j2", source=source, classes=classes, makers=makers)


def rendered(template: str, **facts: Any) -> list[str]:
    """The lines of a template: one statement a line, not yet broken."""
    text = str(_environment().get_template(template).render(**facts))
    return [line if line.strip() else "" for line in text.splitlines()]


def template_root() -> Path:
    """Inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


@cache
def _environment() -> Any:
    """The templates, loaded when they are first needed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(template_root()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["docstring"] = lambda text: "\n".join(quoted(text))
    return made
