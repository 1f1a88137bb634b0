"""The parts that parity tests have in common: the definitions of `templates/parity_test.py` that a test needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from kt_translate.emit.definitions import template_root
from kt_translate.emit.support import words

_BODY = "# --- What both compute"
_APART = "\n\n\n"  # definitions
_METHOD = "\n\n    def "
_NAME = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
_OF_NOTEBOOKS = {"code_of_output": "code_of_notebook", "translated": "translated_notebook"}


@dataclass(frozen=True)
class Form:
    """What kind of test it is.

    Args:
        tests: the functions that pytest is to find.
        flavour: the Keras that the source is written for.
        notebook: whether the translation is one.
        modules: whether the source needs other files of its project.
        module: the output's dotted name, where it is one of several that import each other.
        relative: whether they do so as modules of one package.
    """

    tests: frozenset[str]
    flavour: str
    notebook: bool
    modules: bool
    module: str
    relative: bool

    def top(self, source: str, output: str) -> str:
        """The docstring and the imports."""
        _, _, rest = _template().partition("from __future__")
        lines = f"from __future__{rest.partition('OUTPUT = ')[0]}".splitlines(keepends=True)
        text = "".join(line for line in lines if not self._is_idle(line))
        if self.flavour != "3":
            why = f"{source} is written for Keras {self.flavour}"
            text += f'keras = pytest.importorskip("tf_keras", reason="{why}")\n\n'
        needs = "tensorflow" if self.flavour == "3" else "tf_keras"
        return f'"""{_ABOUT.format(output=output, source=source, needs=needs)}"""\n\n{text}'

    def _is_idle(self, line: str) -> bool:
        """Whether a line is an import that this kind of test has no use for."""
        return (
            (line == "import keras\n" and self.flavour != "3")
            or (line == "import json\n" and not self.notebook)
            or (line.startswith("from importlib.") and not self.modules)
        )

    def body(self) -> str:
        """The definitions that its tests need."""
        _, _, rest = _template().partition(_BODY)
        text = _BODY + rest
        if not self.modules:
            text = text.replace("source_modules(), ", "")
            text = text.replace('    scope["__package__"] = PACKAGE\n', "")
        definitions = list(self._in_place(text.rstrip().split(_APART)))
        named = {name: part for part in definitions for name in _NAME.findall(part)}
        needed = set(self.tests)
        todo = [*self.tests, definitions[0]]
        while todo:
            used = words(named.get(name := todo.pop(), name)) & named.keys() - needed
            needed |= used - {name for name in named if name.startswith("test_")}
            todo += used
        kept = [part for part in definitions if needed.issuperset(_NAME.findall(part))]
        return _without_idle_methods(_APART.join(kept)) + "\n"

    def _in_place(self, definitions: list[str]) -> Iterator[str]:
        """The definitions, with those that this kind of test has of its own in the place of the usual ones."""
        instead = dict(_OF_NOTEBOOKS) if self.notebook else {}
        if self.module:
            instead["translated"] = (
                "translated_in_package" if self.relative else "translated_module"
            )
        named = {name: part for part in definitions for name in _NAME.findall(part)}
        for part in definitions:
            name = next(iter(_NAME.findall(part)), "")
            other = instead.get(name)
            yield named[other].replace(f"def {other}(", f"def {name}(") if other else part


_ABOUT = """Does {output} compute what {source} computes?

Every model of the source is built by the source's own statements, gets random weights, and is
compared with its translation: layer by layer, in its gradients, in training mode, and in steps of
training where it is compiled.
Needs pytest, torch and {needs}.
"""


def _without_idle_methods(text: str) -> str:
    """Without the methods of plain classes that nothing calls."""
    while True:
        methods = [
            (name, _METHOD + method)
            for definition in text.split(_APART)
            if re.match(r"class \w+:", definition)
            for method in definition.split(_METHOD)[1:]
            if not (name := method.partition("(")[0]).startswith("__")
        ]
        idle = [method for name, method in methods if f".{name}" not in text]
        if not idle:
            return text
        for method in idle:
            text = text.replace(method, "")


@cache
def _template() -> str:
    return (template_root() / "parity_test.py").read_text(encoding="utf-8")
